import Glibc
import HostTensors

/// An element type with arithmetic as ONNX operators compute it: integers wrap, floats follow IEEE 754.
///
/// The 16-bit floats are left out: operators compute them in Float and round once at the end, which
/// gives the nearest result and needs no arithmetic of their own.
protocol ArithmeticElement: NumericElement {
  static func sum(_ a: Self, _ b: Self) -> Self
  static func difference(_ a: Self, _ b: Self) -> Self
  static func product(_ a: Self, _ b: Self) -> Self
  /// `a` / `b`; integers truncate toward zero, and give 0 for a divisor of zero, which callers refuse before.
  static func quotient(_ a: Self, _ b: Self) -> Self
  /// The sum over `count`; integers sum in 64 bits and truncate toward zero.
  static func mean(_ elements: UnsafeBufferPointer<Self>) -> Self
  var negated: Self { get }
  var absolute: Self { get }
  /// Below every other value: minus infinity, or the least integer.
  static var lowest: Self { get }
}

extension ArithmeticElement where Self: FixedWidthInteger {
  @inline(__always) static func sum(_ a: Self, _ b: Self) -> Self { a &+ b }
  @inline(__always) static func difference(_ a: Self, _ b: Self) -> Self { a &- b }
  @inline(__always) static func product(_ a: Self, _ b: Self) -> Self { a &* b }
  @inline(__always) static func quotient(_ a: Self, _ b: Self) -> Self {
    b == 0 ? 0 : a.dividedReportingOverflow(by: b).partialValue
  }
  @inline(__always) var negated: Self { 0 &- self }
  @inline(__always) var absolute: Self { self < 0 ? 0 &- self : self }
  static var lowest: Self { .min }

  static func mean(_ elements: UnsafeBufferPointer<Self>) -> Self {
    guard !elements.isEmpty else { return 0 }
    if isSigned {
      let sum = elements.reduce(Int64(0)) { $0 &+ Int64(truncatingIfNeeded: $1) }
      return Self(truncatingIfNeeded: sum / Int64(elements.count))
    }
    let sum = elements.reduce(UInt64(0)) { $0 &+ UInt64(truncatingIfNeeded: $1) }
    return Self(truncatingIfNeeded: sum / UInt64(elements.count))
  }
}

extension ArithmeticElement where Self: BinaryFloatingPoint {
  @inline(__always) static func sum(_ a: Self, _ b: Self) -> Self { a + b }
  @inline(__always) static func difference(_ a: Self, _ b: Self) -> Self { a - b }
  @inline(__always) static func product(_ a: Self, _ b: Self) -> Self { a * b }
  @inline(__always) static func quotient(_ a: Self, _ b: Self) -> Self { a / b }
  @inline(__always) var negated: Self { -self }
  @inline(__always) var absolute: Self { magnitude }
  static var lowest: Self { -.infinity }

  @inline(__always) static func mean(_ elements: UnsafeBufferPointer<Self>) -> Self {
    laneSum(elements.count) { elements[$0] } / Self(elements.count)
  }
}

extension Int8: ArithmeticElement {}
extension Int16: ArithmeticElement {}
extension Int32: ArithmeticElement {}
extension Int64: ArithmeticElement {}
extension UInt8: ArithmeticElement {}
extension UInt16: ArithmeticElement {}
extension UInt32: ArithmeticElement {}
extension UInt64: ArithmeticElement {}

/// Eight partial sums, lane i taking the terms i mod 8, combined in one fixed tree.
///
/// The rounding error grows with an eighth of the terms, and the order is that of the device's reductions.
@inline(__always)
func laneSum<T: ArithmeticElement>(_ count: Int, _ term: (Int) -> T) -> T {
  var lanes: (T, T, T, T, T, T, T, T) = (0, 0, 0, 0, 0, 0, 0, 0)
  let whole = count & ~7
  var index = 0
  while index < whole {
    lanes.0 = T.sum(lanes.0, term(index))
    lanes.1 = T.sum(lanes.1, term(index + 1))
    lanes.2 = T.sum(lanes.2, term(index + 2))
    lanes.3 = T.sum(lanes.3, term(index + 3))
    lanes.4 = T.sum(lanes.4, term(index + 4))
    lanes.5 = T.sum(lanes.5, term(index + 5))
    lanes.6 = T.sum(lanes.6, term(index + 6))
    lanes.7 = T.sum(lanes.7, term(index + 7))
    index += 8
  }
  if index < count { lanes.0 = T.sum(lanes.0, term(index)) }
  if index + 1 < count { lanes.1 = T.sum(lanes.1, term(index + 1)) }
  if index + 2 < count { lanes.2 = T.sum(lanes.2, term(index + 2)) }
  if index + 3 < count { lanes.3 = T.sum(lanes.3, term(index + 3)) }
  if index + 4 < count { lanes.4 = T.sum(lanes.4, term(index + 4)) }
  if index + 5 < count { lanes.5 = T.sum(lanes.5, term(index + 5)) }
  if index + 6 < count { lanes.6 = T.sum(lanes.6, term(index + 6)) }
  let low = T.sum(T.sum(lanes.0, lanes.1), T.sum(lanes.2, lanes.3))
  let high = T.sum(T.sum(lanes.4, lanes.5), T.sum(lanes.6, lanes.7))
  return T.sum(low, high)
}

/// A float type with the elementary functions, and matrix products by BLAS.
protocol RealElement: ArithmeticElement, MatrixElement {
  static func exp(_ x: Self) -> Self
  /// exp(x) - 1 without cancellation near 0.
  static func expMinusOne(_ x: Self) -> Self
  static func log(_ x: Self) -> Self
  /// log(1 + x) without cancellation near 0.
  static func logOnePlus(_ x: Self) -> Self
  static func tanh(_ x: Self) -> Self
  static func erf(_ x: Self) -> Self
  static func pow(_ base: Self, _ exponent: Self) -> Self
  /// exp(x) for gradients: near enough, finite, and without a call where Self is Float.
  static func fastExp(_ x: Self) -> Self
  /// The standard normal distribution and its density, for gradients.
  static func normal(_ x: Self) -> (cumulative: Self, density: Self)
}

extension Float: RealElement {
  static func exp(_ x: Float) -> Float { Glibc.expf(x) }
  static func expMinusOne(_ x: Float) -> Float { Glibc.expm1f(x) }
  static func log(_ x: Float) -> Float { Glibc.logf(x) }
  static func logOnePlus(_ x: Float) -> Float { Glibc.log1pf(x) }
  static func tanh(_ x: Float) -> Float { Glibc.tanhf(x) }
  static func erf(_ x: Float) -> Float { Glibc.erff(x) }
  static func pow(_ base: Float, _ exponent: Float) -> Float { Glibc.powf(base, exponent) }
}

extension Double: RealElement {
  static func exp(_ x: Double) -> Double { Glibc.exp(x) }
  static func expMinusOne(_ x: Double) -> Double { Glibc.expm1(x) }
  static func log(_ x: Double) -> Double { Glibc.log(x) }
  static func logOnePlus(_ x: Double) -> Double { Glibc.log1p(x) }
  static func tanh(_ x: Double) -> Double { Glibc.tanh(x) }
  static func erf(_ x: Double) -> Double { Glibc.erf(x) }
  static func pow(_ base: Double, _ exponent: Double) -> Double { Glibc.pow(base, exponent) }
}

/// x within `low`...`high`; NaN stays NaN.
@inline(__always)
func clamped<T: RealElement>(_ x: T, _ low: T, _ high: T) -> T { x < low ? low : x > high ? high : x }
