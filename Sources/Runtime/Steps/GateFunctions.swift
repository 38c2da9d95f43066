import ModelFormat

/// The functions f, g and h of a recurrent cell, over all units at once.
///
/// A step of an LSTM has five of them per unit, more time than its products take if they are computed one by one
/// as `Transcendentals` does. So these run in four lanes of Double and without branches; every operation is one of
/// + - * / on single lanes, so every CPU gives the same bits. Results are rounded to Float once.
struct GateFunctions {
  private let codes: InlineArray<3, GateFunctionCode>

  init(_ record: RecurrentRecord) throws(StepProblem) {
    var codes: InlineArray<3, GateFunctionCode> = [.sigmoid, .sigmoid, .sigmoid]
    for index in 0..<3 {
      guard let code = GateFunctionCode(rawValue: record.functions[index]) else {
        throw .format(.unknownFunction(found: record.functions[index]))
      }
      codes[index] = code
    }
    self.codes = codes
  }

  /// values[i] = function(values[i]); `function` is 0, 1 or 2 for f, g or h.
  @inline(never)
  func apply(_ function: Int, _ values: UnsafeMutablePointer<Float>, _ count: Int) {
    let code = codes[function]
    if code == .relu {
      for index in 0..<count { values[index] = values[index] < 0 ? 0 : values[index] }
      return
    }
    for index in stride(from: 0, to: count, by: 4) {
      let four = values + index
      guard count &- index >= 4 else {
        for lane in 0..<count &- index {
          four[lane] = Float(GateFunctions.value(code, SIMD4(repeating: Double(four[lane]))).x)
        }
        return
      }
      let x = SIMD4(Double(four[0]), Double(four[1]), Double(four[2]), Double(four[3]))
      let y = GateFunctions.value(code, x)
      four[0] = Float(y.x)
      four[1] = Float(y.y)
      four[2] = Float(y.z)
      four[3] = Float(y.w)
    }
  }

  @inline(never)
  private static func value(_ code: GateFunctionCode, _ x: SIMD4<Double>) -> SIMD4<Double> {
    // One exponential for both: it is most of the code.
    let e = exp(code == .sigmoid ? -x : x + x)
    return code == .sigmoid ? 1 / (1 + e) : tanh(x, e)
  }

  /// (e^2x - 1) / (e^2x + 1), and x - x^3 / 3 where that would cancel: its error is 2 x^4 / 15 < 2^-42 of x. `e` is e^2x.
  @inline(__always)
  private static func tanh(_ x: SIMD4<Double>, _ e: SIMD4<Double>) -> SIMD4<Double> {
    let small = x - x * x * x / 3
    let isSmall = (x .< 0.0009765625) .& (x .> -0.0009765625)
    return ((e - 1) / (e + 1)).replacing(with: small, where: isSmall)
  }

  /// e^x for x limited to -88 ... 88, beyond which no Float tells sigmoid or tanh from their limits; NaN passes.
  ///
  /// x = n ln 2 + r, |r| <= ln 2 / 2, with ln 2 in two parts, then 14 terms of the Taylor series, which leave
  /// 0.35^14 / 14! < 2^-57. Adding 1.5 * 2^52 rounds to n and leaves it in the low bits, from where it becomes
  /// the exponent of 2^n.
  @inline(__always)
  private static func exp(_ given: SIMD4<Double>) -> SIMD4<Double> {
    let low = given.replacing(with: -88, where: given .< -88)
    let x = low.replacing(with: 88, where: low .> 88)
    let shifted = x * 1.4426950408889634 + 6_755_399_441_055_744
    let n = shifted - 6_755_399_441_055_744
    let r = (x - n * 0.6931471803691238) - n * 1.9082149292705877e-10
    var sum = SIMD4<Double>(repeating: 1.0 / 6_227_020_800)
    sum = sum * r + 1.0 / 479_001_600
    sum = sum * r + 1.0 / 39_916_800
    sum = sum * r + 1.0 / 3_628_800
    sum = sum * r + 1.0 / 362_880
    sum = sum * r + 1.0 / 40_320
    sum = sum * r + 1.0 / 5_040
    sum = sum * r + 1.0 / 720
    sum = sum * r + 1.0 / 120
    sum = sum * r + 1.0 / 24
    sum = sum * r + 1.0 / 6
    sum = sum * r + 0.5
    sum = sum * r + 1
    sum = sum * r + 1
    let exponents = (unsafeBitCast(shifted, to: SIMD4<UInt64>.self) &+ 1023) &<< 52
    return sum * unsafeBitCast(exponents, to: SIMD4<Double>.self)
  }
}
