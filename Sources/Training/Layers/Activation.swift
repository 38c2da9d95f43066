import Graph
import Operators

/// A function of each number alone: a layer of its own, or part of another.
public enum Activation: String, Sendable, CaseIterable {
  case relu
  /// Slope 0.01 below 0.
  case leakyRelu = "leaky_relu"
  case sigmoid, tanh, gelu
  case hardSwish = "hard_swish"
  case elu, softplus

  /// How layers describe the parameter.
  static let parameter = LayerParameter(
    "activation", allCases.map(\.rawValue).joined(separator: ", ") + "; none unless given")

  init?(_ arguments: RecipeMapping) throws(RecipeError) {
    guard let value = arguments["activation"] else { return nil }
    self = try value.choice("activation")
  }

  var opType: String {
    switch self {
    case .relu: "Relu"
    case .leakyRelu: "LeakyRelu"
    case .sigmoid: "Sigmoid"
    case .tanh: "Tanh"
    case .gelu: "Gelu"
    case .hardSwish: "HardSwish"
    case .elu: "Elu"
    case .softplus: "Softplus"
    }
  }

  var attributes: [String: AttributeValue] { self == .leakyRelu ? ["alpha": .float(0.01)] : [:] }

  /// Whether it cuts about half of its inputs away, which doubles the variance that weights must keep.
  var isRectifier: Bool {
    switch self {
    case .relu, .leakyRelu, .gelu, .hardSwish, .elu: true
    case .sigmoid, .tanh, .softplus: false
    }
  }

  private var summary: String {
    switch self {
    case .relu: "max(x, 0)."
    case .leakyRelu: "x, or 0.01 x below 0."
    case .sigmoid: "1 / (1 + exp(-x))."
    case .tanh: "The hyperbolic tangent."
    case .gelu: "x times the normal distribution function of x."
    case .hardSwish: "x times x / 6 + 0.5 cut to 0...1."
    case .elu: "x, or exp(x) - 1 below 0."
    case .softplus: "log(1 + exp(x))."
    }
  }

  var layerType: LayerType {
    LayerType(rawValue, summary) { _ in ActivationLayer(activation: self) }
  }
}

struct ActivationLayer: Layer {
  let activation: Activation

  func add(to network: inout NetworkBuilder, input: ValueID) throws(NetworkError) -> ValueID {
    try network.require(input, rank: 1...5, "a sample")
    return try network.add(activation.opType, [input], activation.attributes)
  }
}

/// Probabilities along the last axis. Cross-entropy is taken of what comes in.
struct SoftmaxLayer: Layer {
  static let type = LayerType("softmax", "Probabilities along the last axis.") { _ in SoftmaxLayer() }

  func add(to network: inout NetworkBuilder, input: ValueID) throws(NetworkError) -> ValueID {
    try network.require(input, rank: 1...5, "a sample")
    return try network.add("Softmax", [input], ["axis": .int(-1)])
  }
}
