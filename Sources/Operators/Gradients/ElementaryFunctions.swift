/// Elementary functions of Float without calls, so that loops over them are vectorized.
///
/// Gradients use these: two units in the last place are nothing beside the noise of a batch. Forward passes call
/// the library, whose values are nearer.
extension Float {
  /// e^x to 2 units in the last place; 0 or the least normal number below -87, at most e^88.
  @inline(__always)
  static func fastExp(_ x: Float) -> Float {
    let x = x < -87 ? -87 : x > 88 ? 88 : x
    // Adding 1.5 * 2^23 leaves the nearest integer in the low bits.
    let shifted = x * 1.442695 + 12_582_912
    let power = shifted - 12_582_912
    // ln 2 in two parts, the first of which has trailing zeros: the product with `power` is exact.
    let rest = (x - power * 0.693359375) + power * 2.1219444e-4
    var series: Float = 1 / 5040
    series = series * rest + 1 / 720
    series = series * rest + 1 / 120
    series = series * rest + 1 / 24
    series = series * rest + 1 / 6
    series = series * rest + 0.5
    series = series * rest + 1
    series = series * rest + 1
    return series * Float(bitPattern: (shifted.bitPattern &<< 23) &+ 0x3F80_0000)
  }

  /// The normal distribution by Abramowitz and Stegun 7.1.26, whose error is below 1e-7.
  @inline(__always)
  static func normal(_ x: Float) -> (cumulative: Float, density: Float) {
    let power = fastExp(-x * x / 2)
    let t = 1 / (1 + 0.3275911 * 0.70710677 * x.magnitude)
    var series: Float = 1.061405429
    series = series * t - 1.453152027
    series = series * t + 1.421413741
    series = series * t - 0.284496736
    series = series * t + 0.254829592
    let tail = series * t * power / 2
    return (x < 0 ? tail : 1 - tail, power * 0.3989423)
  }
}

extension Double {
  /// At most e^709, so that it is finite like that of Float.
  static func fastExp(_ x: Double) -> Double { exp(x > 709 ? 709 : x) }

  static func normal(_ x: Double) -> (cumulative: Double, density: Double) {
    ((1 + erf(x * 0.5.squareRoot())) / 2, exp(-x * x / 2) / (2 * .pi).squareRoot())
  }
}
