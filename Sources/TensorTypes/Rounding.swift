/// Rounds to the nearest integer, ties to even: the one rounding rule of Pare's integer arithmetic.
///
/// Adding and subtracting 1.5 x 2^23 leaves no fraction bits, so the addition itself rounds, in the
/// IEEE 754 default mode, on every CPU and without a library call. `x` must lie within +-2^22.
@inlinable
public func roundTiesToEven(_ x: Float) -> Float {
  (x + 12_582_912) - 12_582_912
}

/// The affine mapping of a quantized tensor: real = (quantized - zeroPoint) * scale.
public struct QuantizationParameters: Equatable, Sendable {
  /// Real units per step; finite and positive.
  public var scale: Float
  /// The quantized value that stands for zero.
  public var zeroPoint: Int32
  /// `uint8` or `int8`.
  public var dtype: DType

  public init(scale: Float, zeroPoint: Int32, dtype: DType) {
    self.scale = scale
    self.zeroPoint = zeroPoint
    self.dtype = dtype
  }

  /// The least and greatest quantized value of the type.
  public var range: ClosedRange<Int32> { dtype == .uint8 ? 0...255 : -128...127 }

  /// saturate(roundTiesToEven(x / scale) + zeroPoint), as ONNX QuantizeLinear; NaN gives the zero point.
  public func quantize(_ x: Float) -> Int32 {
    let low = Float(range.lowerBound - zeroPoint)
    let high = Float(range.upperBound - zeroPoint)
    let scaled = x / scale
    // Clamping before rounding equals clamping after it, since the bounds are integers.
    guard scaled == scaled else { return zeroPoint }
    return Int32(roundTiesToEven(min(max(scaled, low), high))) + zeroPoint
  }

  /// (q - zeroPoint) * scale, as ONNX DequantizeLinear.
  public func dequantize(_ q: Int32) -> Float { Float(q - zeroPoint) * scale }
}

/// The requantization multiplier of one output channel: (sx * sw) / sy in Float32, left to right.
@inlinable
public func requantizationMultiplier(input: Float, weight: Float, output: Float) -> Float {
  (input * weight) / output
}
