/// How long repeated runs took, in microseconds.
public struct LatencyStatistics: Sendable, Equatable, Codable {
  public let min: Double
  public let p50: Double
  public let p90: Double
  public let p99: Double

  /// Percentiles by nearest rank: of n sorted runs, the p-th percentile is number ceil(p / 100 * n).
  ///
  /// Nil without runs, or where one is not a finite number.
  public init?(microseconds: [Double]) {
    guard !microseconds.isEmpty, microseconds.allSatisfy(\.isFinite) else { return nil }
    let sorted = microseconds.sorted()
    func percentile(_ percent: Int) -> Double {
      // Rounded up in integers, since 0.9 * 10 need not be 9 in floating point.
      sorted[Swift.max((percent * sorted.count + 99) / 100, 1) - 1]
    }
    min = sorted[0]
    p50 = percentile(50)
    p90 = percentile(90)
    p99 = percentile(99)
  }

  /// Times `body` one run at a time on the monotonic clock, after `warmup` runs that do not count.
  ///
  /// `runs` is at least 1. Throws what `body` throws.
  public static func measuring<E: Error>(
    runs: Int, warmup: Int, _ body: () throws(E) -> Void
  ) throws(E) -> LatencyStatistics? {
    precondition(runs > 0 && warmup >= 0, "\(runs) runs after \(warmup)")
    for _ in 0..<warmup { try body() }
    var microseconds: [Double] = []
    microseconds.reserveCapacity(runs)
    let clock = ContinuousClock()
    for _ in 0..<runs {
      let start = clock.now
      try body()
      microseconds.append(start.duration(to: clock.now).microseconds)
    }
    return LatencyStatistics(microseconds: microseconds)
  }
}

extension Duration {
  /// The duration in microseconds.
  public var microseconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) * 1e6 + Double(attoseconds) * 1e-12
  }
}
