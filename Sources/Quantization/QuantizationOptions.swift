import Operators
import TensorTypes

/// What the user decides about static quantization.
public struct QuantizationOptions: Sendable {
  /// The type of quantized activations.
  public enum ActivationType: String, Sendable, CaseIterable {
    case uint8, int8

    public var dtype: DType {
      switch self {
      case .uint8: .uint8
      case .int8: .int8
      }
    }
  }

  /// How the scale of a weight channel is stored.
  public enum WeightScales: String, Sendable, CaseIterable {
    /// Rounded up to a bfloat16 value: two bytes in a packed file, at most 2^-7 coarser, clipping no more for it.
    ///
    /// Against exact scales, in points of accuracy, over the 20 pairs of network and method of
    /// `CalibrationMethod`'s table (same date and judge): -0.08 on average, from -0.8 to +0.1, where one of 500
    /// clips is 0.2 points; the root mean square error of the outputs is 1.2 % higher on average.
    case bfloat16
    /// As it was computed, four bytes.
    case exact
  }

  public var method: CalibrationMethod
  public var activationType: ActivationType
  public var weightScales: WeightScales
  /// The width of weights that no pattern of `layerBits` names.
  public var weightBits: WeightBits
  /// Widths by layer; of several patterns that match, the last counts.
  public var layerBits: [LayerBits]
  /// Nodes to leave in float, by patterns over node names and output names; `*` and `?` as in a shell.
  public var keepFloat: [String]
  /// Operators to leave in float.
  public var keepFloatKinds: Set<OperatorKind>

  public init(
    method: CalibrationMethod = .standard, activationType: ActivationType = .uint8,
    weightScales: WeightScales = .bfloat16, weightBits: WeightBits = .eight, layerBits: [LayerBits] = [],
    keepFloat: [String] = [], keepFloatKinds: Set<OperatorKind> = []
  ) {
    self.method = method
    self.activationType = activationType
    self.weightScales = weightScales
    self.weightBits = weightBits
    self.layerBits = layerBits
    self.keepFloat = keepFloat
    self.keepFloatKinds = keepFloatKinds
  }
}

/// A shell pattern: `*` stands for any characters, `?` for one, everything else for itself.
package struct NamePattern {
  private let pattern: [Character]

  package init(_ pattern: String) { self.pattern = Array(pattern) }

  /// Linear apart from backing up to the last `*`; no pattern takes more than the product of the lengths.
  package func matches(_ text: String) -> Bool {
    let text = Array(text)
    var position = 0
    var next = 0
    var star: (next: Int, position: Int)?
    while position < text.count {
      if next < pattern.count, pattern[next] == "*" {
        star = (next + 1, position)
        next += 1
      } else if next < pattern.count, pattern[next] == "?" || pattern[next] == text[position] {
        next += 1
        position += 1
      } else if let last = star {
        star = (last.next, last.position + 1)
        next = last.next
        position = last.position + 1
      } else {
        return false
      }
    }
    return pattern[next...].allSatisfy { $0 == "*" }
  }
}
