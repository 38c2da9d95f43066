import Foundation

/// Round numbers along an axis: whole multiples of 1, 2 or 5 times a power of ten (Heckbert, "Nice numbers for graph
/// labels", 1990).
public struct AxisTicks: Sendable, Equatable {
  /// Ticks are these multiples of the step.
  let multiples: ClosedRange<Int>
  /// The step is `digit` * 10^`exponent`.
  let digit: Int
  let exponent: Int

  /// Where the axis puts its outermost ticks.
  public enum Fit: Sendable {
    /// At or beyond the ends of the data.
    case around
    /// At or within them.
    case within
  }

  /// About `count` ticks for `range`, none between whole numbers where `isWhole`.
  ///
  /// The ends are finite; a range of one point, or one too narrow for its magnitude, is widened first.
  public init(_ range: ClosedRange<Double>, count: Int, fit: Fit, isWhole: Bool = false) {
    let range = Self.widened(range)
    let rough = (range.upperBound - range.lowerBound) / Double(max(count, 1))
    var exponent = Int(log10(rough).rounded(.down))
    if isWhole { exponent = max(exponent, 0) }
    let power = Self.power(exponent)
    let digit = [1, 2, 5].first { Double($0) * power >= rough * 0.75 } ?? 10
    let step = Double(digit) * power
    // A hundredth of a millionth of a step absorbs the rounding of the quotients.
    let (low, high) = (range.lowerBound / step, range.upperBound / step)
    let ends =
      switch fit {
      case .around: (Int((low + 1e-8).rounded(.down)), Int((high - 1e-8).rounded(.up)))
      case .within: (Int((low - 1e-8).rounded(.up)), Int((high + 1e-8).rounded(.down)))
      }
    multiples = ends.0...max(ends.0, ends.1)
    (self.digit, self.exponent) = digit == 10 ? (1, exponent + 1) : (digit, exponent)
  }

  /// Beyond this the width of a range could be infinite.
  static let greatestMagnitude = 1e300

  /// A range wide enough that steps of it are numbers that differ.
  static func widened(_ range: ClosedRange<Double>) -> ClosedRange<Double> {
    let limit = greatestMagnitude
    let (low, high) = (min(max(range.lowerBound, -limit), limit), min(max(range.upperBound, -limit), limit))
    let magnitude = max(abs(low), abs(high))
    guard high - low <= magnitude * 1e-9 || high - low < 1e-300 else { return low...high }
    let margin = magnitude > 1e-290 ? magnitude * 0.1 : 0.5
    return low - margin...high + margin
  }

  /// The positions, ascending: the nearest Doubles to the decimal numbers that `labels` show.
  public var values: [Double] {
    multiples.map { multiple in
      let whole = Double(multiple * digit)
      return exponent < 0 ? whole / Self.power(-exponent) : whole * Self.power(exponent)
    }
  }

  /// One for each of `values`, all with the same number of decimals; thousands are grouped.
  public var labels: [String] { multiples.map { Self.label($0 * digit, exponent) } }

  private static func power(_ exponent: Int) -> Double {
    exponent < 0 ? 1 / pow(10, Double(-exponent)) : pow(10, Double(exponent))
  }

  /// whole * 10^exponent in decimal digits; with an exponent where it would be long.
  private static func label(_ whole: Int, _ exponent: Int) -> String {
    if whole == 0 { return "0" }
    let sign = whole < 0 ? "\u{2212}" : ""
    if exponent > 8 || exponent < -6 { return sign + scientific(abs(whole), exponent) }
    var digits = String(abs(whole)) + String(repeating: "0", count: max(exponent, 0))
    let decimals = max(-exponent, 0)
    if digits.count <= decimals { digits = String(repeating: "0", count: decimals + 1 - digits.count) + digits }
    let fraction = decimals > 0 ? "." + digits.suffix(decimals) : ""
    return sign + grouped(String(digits.dropLast(decimals))) + fraction
  }

  /// For example 15 * 10^-7 as 1.5e-6.
  private static func scientific(_ whole: Int, _ exponent: Int) -> String {
    let digits = String(whole)
    var rest = digits.dropFirst()
    while rest.last == "0" { rest.removeLast() }
    return "\(digits.prefix(1))\(rest.isEmpty ? "" : ".")\(rest)e\(exponent + digits.count - 1)"
  }

  private static func grouped(_ digits: String) -> String {
    guard digits.count > 4 else { return digits }
    var result = ""
    for (index, digit) in digits.enumerated() {
      if index > 0 && (digits.count - index) % 3 == 0 { result += "," }
      result.append(digit)
    }
    return result
  }
}
