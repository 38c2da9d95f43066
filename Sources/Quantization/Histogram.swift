import TensorTypes

/// How often values of each size occurred: 2048 bins whose width doubles when values fall outside.
///
/// A bin covers [b * width, (b + 1) * width) for an integer b, and the width is a power of two, so
/// doubling it merges bins in pairs without splitting any count. The width is the least one at which
/// everything seen, and zero, fits; the counts therefore do not depend on the order of the samples.
/// Zeros are counted apart: they are exact at any scale. Memory is constant, 16 KB.
public struct Histogram: Sendable {
  public static let binCount = 2048

  /// Bins' width is 2 to this power; nil while only zeros were seen.
  public private(set) var widthExponent: Int?
  /// The bins that hold the least and the greatest value, zero included.
  public private(set) var occupied: ClosedRange<Int> = 0...0
  public private(set) var zeroCount = 0
  /// Bin b is stored at b modulo 2048, so that the window moves without moving counts.
  private var counts = [Int](repeating: 0, count: binCount)
  private var low: Float = 0
  private var high: Float = 0

  public init() {}

  /// Width of a bin in real units; 0 while only zeros were seen.
  public var width: Double { widthExponent.map { Double(sign: .plus, exponent: $0, significand: 1) } ?? 0 }

  /// Number of values counted, zeros included.
  public var total: Int { zeroCount + nonZeroCount }

  public var nonZeroCount: Int { counts.reduce(0, +) }

  /// How many non-zero values fell into bin `bin`, which must lie in `occupied`.
  public func count(in bin: Int) -> Int { counts[bin & (Self.binCount - 1)] }

  /// The counts of the occupied bins, in ascending order.
  public var occupiedCounts: [Int] { occupied.map(count(in:)) }

  /// Counts the finite elements of `elements`, whose least and greatest finite ones are given.
  public mutating func add(_ elements: UnsafeBufferPointer<Float>, minimum: Float, maximum: Float) {
    widen(toInclude: minimum, maximum)
    guard let widthExponent else {
      zeroCount += elements.count { $0 == 0 }
      return
    }
    let perWidth = Double(sign: .plus, exponent: -widthExponent, significand: 1)
    var zeros = 0
    counts.withUnsafeMutableBufferPointer { counts in
      for element in elements {
        guard element != 0 else {
          zeros += 1
          continue
        }
        guard element.isFinite else { continue }
        let bin = Int((Double(element) * perWidth).rounded(.down))
        counts[bin & (Self.binCount - 1)] += 1
      }
    }
    zeroCount += zeros
  }

  private mutating func widen(toInclude minimum: Float, _ maximum: Float) {
    guard minimum < low || maximum > high || (widthExponent == nil && minimum < maximum) else { return }
    low = min(low, minimum)
    high = max(high, maximum)
    let exponent = Self.leastExponent(from: low, to: high)
    if let old = widthExponent, exponent > old { merge(by: exponent - old) }
    widthExponent = exponent
    occupied = Self.bin(of: low, exponent)...Self.bin(of: high, exponent)
  }

  /// The least exponent at which at most 2048 bins cover the range, and no bin is finer than the range's floats.
  private static func leastExponent(from low: Float, to high: Float) -> Int {
    var exponent = Int(max(-low, high).exponent) - Float.significandBitCount
    while bin(of: high, exponent) - bin(of: low, exponent) >= binCount { exponent += 1 }
    return exponent
  }

  private static func bin(of value: Float, _ exponent: Int) -> Int {
    Int((Double(value) * Double(sign: .plus, exponent: -exponent, significand: 1)).rounded(.down))
  }

  private mutating func merge(by doublings: Int) {
    var merged = [Int](repeating: 0, count: Self.binCount)
    for bin in occupied { merged[(bin >> doublings) & (Self.binCount - 1)] += count(in: bin) }
    counts = merged
  }
}
