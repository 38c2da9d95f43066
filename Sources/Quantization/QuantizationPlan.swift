import Operators
import TensorTypes

/// Everything that quantizing a graph will do, decided before anything is changed.
public struct QuantizationPlan: Sendable {
  public var method: CalibrationMethod
  public var sampleCount: Int
  /// One for every node of the graph, in its order.
  public var nodes: [NodePlan]
  /// The values that become 8-bit, in order of first use.
  public var activations: [ActivationPlan]
  /// What the user should know beyond the nodes: patterns that match nothing, values that were all zero.
  public var warnings: [PlanWarning]

  /// Nodes that stay float, each with its reason.
  public var floatNodes: [NodePlan] {
    nodes.filter { if case .float = $0.treatment { true } else { false } }
  }
}

/// What happens to one node.
public struct NodePlan: Sendable {
  public var name: String
  public var kind: OperatorKind
  public var treatment: NodeTreatment
  /// Names of the 8-bit values that it reads and writes; empty for nodes that stay as they are.
  public var inputs: [String] = []
  public var outputs: [String] = []
  /// The weight of an accumulating node.
  public var weight: WeightPlan?
}

/// The levels of one 8-bit value.
public struct ActivationPlan: Sendable {
  /// The value's name in the float graph.
  public var value: String
  public var parameters: QuantizationParameters
  /// What calibration saw, and for a constant what it holds.
  public var observed: ClosedRange<Float>
  /// The value whose scale and zero point this one shares; nil for the first of them.
  public var sharesScaleWith: String?
  public var isConstant: Bool
}

/// How one weight tensor is stored.
public struct WeightPlan: Sendable {
  public var value: String
  public var channelAxis: Int
  public var bits: WeightBits
  /// Least and greatest weight.
  public var range: ClosedRange<Float>
  /// One per channel.
  public var scales: [Float]
  /// The values that the weights share, where all channels have one scale so that equal weights stay equal.
  public var sharedValues: Int?
  /// Name of the bias, stored as int32 at input scale x weight scale.
  public var bias: String?
  /// Channels whose scale was enlarged so that the bias fits 32 bits next to the products.
  public var enlargedForBias: [Int]
  /// Channels that are zero, or below 2^-24 of the largest.
  public var deadChannels: [Int]
}

/// Something in a plan that the user may want to look into.
public enum PlanWarning: Sendable, Equatable {
  /// Every calibration value was zero: the scale is 1/255.
  case allZero(value: String)
  /// The value never changed during calibration.
  case constantValue(value: String, Float)
  /// The range is so small that the least scale is used.
  case tinyRange(value: String)
  /// Output channels whose weights are zero.
  case deadChannels(node: String, count: Int)
  case enlargedForBias(node: String, count: Int)
  /// Calibration saw NaN or infinity in a value that stays float.
  case nonFinite(value: String, sample: Int, nanCount: Int, infiniteCount: Int)
  /// A pattern, of nodes to keep float or of widths by layer, that names no node.
  case patternMatchesNothing(String)
  /// No node has an integer form.
  case nothingToQuantize
}

extension PlanWarning: CustomStringConvertible {
  public var description: String {
    switch self {
    case .allZero(let value): "\(value) was zero in every sample; its scale is set to 1/255"
    case .constantValue(let value, let constant): "\(value) was \(constant) in every sample"
    case .tinyRange(let value): "\(value) has a range below 255 x 2^-64; the least scale is used"
    case .deadChannels(let node, let count): "\(node) has \(count) output channels whose weights are zero"
    case .enlargedForBias(let node, let count):
      "\(node) has \(count) channels whose weight scale was enlarged so that the bias fits 32 bits"
    case .nonFinite(let value, let sample, let nanCount, let infiniteCount):
      "\(value), which stays float, held \(nanCount) NaN and \(infiniteCount) infinite values, first in sample \(sample)"
    case .patternMatchesNothing(let pattern): "the pattern \(pattern) matches no node"
    case .nothingToQuantize: "no node has an integer form"
    }
  }
}
