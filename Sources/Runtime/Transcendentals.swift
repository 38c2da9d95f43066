/// Elementary functions computed from +, -, *, / on Double only, so that every CPU gives the same bits.
///
/// Results are rounded to Float once, at the end; the Double error is below 2^-40, so the Float is
/// almost always the correctly rounded one.
enum Transcendentals {
  /// e^x. The reduction x = n ln 2 + r, |r| <= ln 2 / 2, with ln 2 in two parts, then the Taylor series.
  @inline(never)
  static func exp(_ x: Double) -> Double {
    if x != x { return x }
    if x > 709 { return .infinity }
    if x < -745 { return 0 }
    let n = nearestInteger(x * 1.4426950408889634)
    let r = (x - n * 0.6931471803691238) - n * 1.9082149292705877e-10
    // 1 + r (1 + r/2 (1 + r/3 (...))): 14 terms leave 0.35^15 / 15! < 2^-60.
    var sum = 1.0
    var divisor = 14.0
    while divisor >= 1 {
      sum = 1 + r * sum / divisor
      divisor -= 1
    }
    // In two factors, since 2^n alone may be subnormal.
    let half = nearestInteger(n * 0.5)
    return sum * powerOfTwo(Int(half)) * powerOfTwo(Int(n - half))
  }

  /// Natural logarithm: x = m 2^e with m in [sqrt 1/2, sqrt 2), log m = 2 atanh((m - 1) / (m + 1)).
  @inline(never)
  static func log(_ x: Double) -> Double {
    if x != x || x < 0 { return .nan }
    if x == 0 { return -.infinity }
    if x == .infinity { return x }
    var bits = x.bitPattern
    var exponent = -1023
    if bits >> 52 == 0 {
      bits = (x * 18_014_398_509_481_984).bitPattern  // 2^54 lifts a subnormal
      exponent -= 54
    }
    exponent += Int(bits >> 52)
    var m = Double(bitPattern: bits & 0x000F_FFFF_FFFF_FFFF | 0x3FF0_0000_0000_0000)
    if m > 1.4142135623730951 {
      m *= 0.5
      exponent += 1
    }
    let t = (m - 1) / (m + 1)
    let square = t * t
    // t^2 <= 0.0295: 12 terms leave 0.0295^12 / 25 < 2^-60.
    var series = 0.0
    var odd = 23.0
    while odd >= 1 {
      series = series * square + 1 / odd
      odd -= 2
    }
    return Double(exponent) * 0.6931471805599453 + 2 * t * series
  }

  @inline(never)
  static func tanh(_ x: Double) -> Double {
    if x != x { return x }
    if x > 20 { return 1 }
    if x < -20 { return -1 }
    // Below 2^-10 the quotient would cancel; the series error is 17 x^7 / 315 < 2^-70.
    if x > -0.0009765625 && x < 0.0009765625 {
      let square = x * x
      return x * (1 - square * (1.0 / 3 - square * (2.0 / 15)))
    }
    let e = exp(2 * x)
    return (e - 1) / (e + 1)
  }

  @inline(never)
  static func sigmoid(_ x: Double) -> Double {
    if x >= 0 { return 1 / (1 + exp(-x)) }
    let e = exp(x)
    return e / (1 + e)
  }

  /// log(1 + e^x).
  @inline(never)
  static func softplus(_ x: Double) -> Double {
    if x != x { return x }
    let magnitude = x < 0 ? -x : x
    let e = exp(-magnitude)
    return (x > 0 ? x : 0) + logOnePlus(e)
  }

  /// log(1 + x) for 0 <= x <= 1, exact for small x: log(u) x / (u - 1) with u = 1 + x (Goldberg 1991, theorem 4).
  @inline(never)
  static func logOnePlus(_ x: Double) -> Double {
    let u = 1 + x
    if u == 1 { return x }
    return log(u) * x / (u - 1)
  }

  /// e^x - 1 for x <= 0 without cancellation near zero (Kahan's quotient).
  @inline(never)
  static func expMinusOne(_ x: Double) -> Double {
    let u = exp(x)
    if u == 1 { return x }
    let difference = u - 1
    if difference == -1 { return -1 }
    return difference * x / log(u)
  }

  /// Gelu by its tanh approximation (Hendrycks and Gimpel 2016; ONNX Gelu, approximate="tanh").
  @inline(never)
  static func geluTanh(_ x: Double) -> Double {
    0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))
  }

  /// Error function: the alternating-free series 2/sqrt(pi) e^(-x^2) sum 2^n x^(2n+1) / (2n+1)!!
  /// (Abramowitz and Stegun 7.1.6), whose terms are all of one sign.
  @inline(never)
  static func erf(_ x: Double) -> Double {
    if x != x { return x }
    if x > 6 { return 1 }
    if x < -6 { return -1 }
    let square = x * x
    var term = x
    var sum = x
    var odd = 3.0
    while term > 1e-18 || term < -1e-18 {
      term = term * (2 * square) / odd
      sum += term
      odd += 2
    }
    return 1.1283791670955126 * exp(-square) * sum
  }

  /// x^y for floats: exact signs and special cases as IEEE 754 pow.
  @inline(never)
  static func pow(_ x: Float, _ y: Float) -> Float {
    if y == 0 || x == 1 { return 1 }
    if x != x || y != y { return .nan }
    let magnitude = y < 0 ? -y : y
    // From 2^24 on every float is an even integer.
    let isInteger = magnitude >= 16_777_216 || Float(Int32(magnitude)) == magnitude
    let isOdd = magnitude < 16_777_216 && isInteger && Int32(magnitude) & 1 == 1
    if y == .infinity || y == -.infinity {
      let base = x < 0 ? -x : x
      if base == 1 { return 1 }
      return (base > 1) == (y > 0) ? .infinity : 0
    }
    if x == 0 { return y > 0 ? (isOdd ? x : 0) : (isOdd ? 1 / x : .infinity) }
    if x < 0 && !isInteger && x != -.infinity { return .nan }
    let base = Double(x < 0 ? -x : x)
    let value = base == .infinity ? (y > 0 ? Double.infinity : 0) : exp(Double(y) * log(base))
    return Float(x < 0 && isOdd ? -value : value)
  }

  /// Ties to even; |x| below 2^51.
  private static func nearestInteger(_ x: Double) -> Double {
    (x + 6_755_399_441_055_744) - 6_755_399_441_055_744
  }

  /// 2^n for n in the normal range.
  private static func powerOfTwo(_ n: Int) -> Double { Double(bitPattern: UInt64(n + 1023) << 52) }
}
