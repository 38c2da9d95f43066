import HostTensors
import TensorTypes

/// What a value of the graph is on the device.
enum ValueState {
  case constant(Tensor)
  /// The output of a DequantizeLinear over a constant.
  case quantizedConstant(QuantizedConstant)
  /// Computed, held in one or more representations that all stand for exactly the same values.
  case activation([Representation])
}

/// One tensor that holds a value.
struct Representation {
  enum Encoding: Equatable {
    /// Elements of the value's own type.
    case native
    /// The value is float32 and the elements are its quantized form.
    case quantized(QuantizationParameters)
  }

  var encoding: Encoding
  var layout: Layout
  /// Position in `Program.tensors`.
  var tensor: Int

  var parameters: QuantizationParameters? {
    if case .quantized(let parameters) = encoding { parameters } else { nil }
  }
}

/// An integer constant with the mapping that makes it float.
struct QuantizedConstant {
  /// int8, uint8 or int32.
  var integers: Tensor
  /// One for the whole tensor, or one per index of `axis`.
  var scales: [Float]
  var zeroPoints: [Int32]
  /// nil for one scale in all.
  var axis: Int?
  /// The float values, by the operator's own evaluation.
  var dequantized: Tensor

  var isSymmetric: Bool { zeroPoints.allSatisfy { $0 == 0 } }

  /// The mapping where it is one for the whole tensor of an activation type.
  var perTensor: QuantizationParameters? {
    guard scales.count == 1, integers.dtype.isQuantized else { return nil }
    return QuantizationParameters(scale: scales[0], zeroPoint: zeroPoints[0], dtype: integers.dtype)
  }

  /// One scale for each of `channels` indices of `axis`; nil where the scales belong to another axis.
  func scales(along axis: Int, channels: Int) -> [Float]? {
    if scales.count == 1 { return [Float](repeating: scales[0], count: channels) }
    guard self.axis == axis, scales.count == channels else { return nil }
    return scales
  }
}
