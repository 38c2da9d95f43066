import Operators

/// What quantization does with one node.
public enum NodeTreatment: Sendable, Equatable {
  /// Computes on integers in this form.
  case integer(IntegerForm)
  /// A Relu or Clip that the saturation of the node before it performs.
  case fused(into: String)
  /// Stays float.
  case float(FloatReason)
  /// Works on integers, shapes or conditions already; nothing to quantize.
  case notFloat
}

/// Why a node stays float.
public enum FloatReason: Sendable, Equatable {
  /// The operator has no integer form, for the reason that it gives.
  case noIntegerForm(String)
  case excludedByName(pattern: String)
  case excludedByOperator
  /// No neighbour computes on integers, so quantizing would only add conversions.
  case noIntegerNeighbour
  /// Only float32 values are quantized.
  case valueType(String)
  case weightNotConstant
  case weightNotFinite
  /// The bias is not a constant with one value per output channel.
  case biasShape([Int])
  case biasNotConstant
  /// Sums of this many products might not fit 32 bits: products * 255 * 127 + |bias| must stay below 2^31.
  case accumulatorOverflow(products: Int)
  /// The scales of input, weight and output multiply to something outside the normal Float32 numbers.
  case multiplierOutOfRange
}

extension FloatReason: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noIntegerForm(let reason): "no integer form: \(reason)"
    case .excludedByName(let pattern): "kept float by name (\(pattern))"
    case .excludedByOperator: "kept float by operator"
    case .noIntegerNeighbour: "no integer neighbour"
    case .valueType(let name): "values are \(name)"
    case .weightNotConstant: "the weight is computed, not constant"
    case .weightNotFinite: "the weight holds NaN or infinity"
    case .biasShape(let shape): "the bias \(shape) is not one value per output channel"
    case .biasNotConstant: "the bias is computed, not constant"
    case .accumulatorOverflow(let products): "sums of \(products) products might not fit 32 bits"
    case .multiplierOutOfRange: "the product of the scales is not a normal float"
    }
  }
}

extension IntegerForm {
  /// The name used in plans.
  var name: String {
    switch self {
    case .table: "table"
    case .sameScale: "same scale"
    case .rescaled: "rescaled"
    case .accumulate: "accumulate"
    case .floatOnly: "float only"
    }
  }
}
