import TensorTypes

extension QuantizationParameters {
  /// The scale of a value that was zero throughout: any would do, and this one is neither tiny nor huge.
  public static let scaleOfZeros: Float = 1 / 255

  /// The least scale that a range may have: products with any usual weight scale remain normal numbers.
  public static let leastScale = Float(sign: .plus, exponent: -64, significand: 1)

  /// The 256 levels that cover `range`, which is extended to include zero; zero is exact.
  ///
  /// `upperBound` is that of a Clip whose work the saturation is to do: the greatest level stays at or
  /// below it where the range does.
  public init(covering range: ClosedRange<Float>, dtype: DType, upperBound: Float? = nil) {
    let low = min(range.lowerBound, 0)
    let high = max(range.upperBound, 0)
    self.init(scale: Self.scaleOfZeros, zeroPoint: 0, dtype: dtype)
    let levels = self.range
    zeroPoint = levels.lowerBound
    guard low < high else { return }
    // In Double, since the difference of two finite floats may not be one.
    scale = max(Float((Double(high) - Double(low)) / 255), Self.leastScale)
    let steps = (-Double(low) / Double(scale)).rounded(.toNearestOrEven)
    zeroPoint = levels.lowerBound + Int32(min(max(steps, 0), 255))
    if let upperBound, high <= upperBound {
      while dequantize(levels.upperBound) > upperBound { scale = scale.nextDown }
    }
  }
}
