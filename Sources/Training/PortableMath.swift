/// Elementary functions from +, -, *, / on Double alone, so that weights and rates are the same on every machine:
/// the C library's may differ in the last bit from one version or instruction set to the next.
package enum PortableMath {
  /// Natural logarithm of a finite x > 0, within some 2^-51 of its magnitude: x = m 2^e with m in
  /// [sqrt 1/2, sqrt 2), log m = 2 atanh((m - 1) / (m + 1)).
  package static func log(_ x: Double) -> Double {
    var (m, exponent) = (x.significand, Double(x.exponent))
    if m > 1.4142135623730951 {
      m *= 0.5
      exponent += 1
    }
    let t = (m - 1) / (m + 1)
    let square = t * t
    // square <= 0.0295: 12 terms leave 0.0295^12 / 25 < 2^-60.
    var series = 0.0
    var odd = 23.0
    while odd >= 1 {
      series = series * square + 1 / odd
      odd -= 2
    }
    return exponent * 0.6931471805599453 + 2 * t * series
  }

  /// cos(pi x) for x within 0...1; exact at 0, 1/2 and 1.
  package static func cosinePi(_ x: Double) -> Double {
    if x > 0.5 { return -cosinePi(1 - x) }
    if x <= 0.25 { return alternating(.pi * x, from: 0) }
    let angle = .pi * (0.5 - x)
    return angle * alternating(angle, from: 1)
  }

  /// The series of cos (`from` 0) or of sin(x) / x (`from` 1), for |x| <= pi / 4: 9 terms leave 0.62^9 / 18! < 2^-58.
  private static func alternating(_ x: Double, from first: Double) -> Double {
    var sum = 1.0
    var term = 16.0 + first
    while term > first {
      sum = 1 - x * x / (term * (term - 1)) * sum
      term -= 2
    }
    return sum
  }
}
