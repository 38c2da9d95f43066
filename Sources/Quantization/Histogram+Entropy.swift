#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

extension Histogram {
  /// The range whose distribution, quantized to `levels`, diverges least from the one seen.
  ///
  /// Thresholds are symmetric about zero and then cut to what was seen, as in onnxruntime's calibrator:
  /// values beyond the threshold count at the edge of the reference distribution but not in the
  /// quantized one. Zeros, exact at every scale, are left out. About 256 thresholds are tried.
  public func leastDivergenceRange(levels: Int) -> ClosedRange<Double> {
    let lowest = occupied.lowerBound
    let counts = widthExponent == nil ? [] : occupiedCounts.map(Double.init)
    let full = Double(lowest) * width...Double(occupied.upperBound + 1) * width
    guard counts.count > levels else { return full }
    let reach = max(-lowest, occupied.upperBound + 1)
    let step = max(1, (reach - levels / 2) / 256)
    var best = (divergence: Double.infinity, range: full)
    // From the widest down, so that of equal divergences the wider range is kept.
    for threshold in stride(from: reach, through: levels / 2, by: -step) {
      let start = max(0, -threshold - lowest)
      let end = min(counts.count, threshold - lowest)
      guard end - start >= levels else { break }
      let divergence = Self.divergence(counts, window: start..<end, levels: levels)
      if divergence < best.divergence {
        best = (divergence, Double(lowest + start) * width...Double(lowest + end) * width)
      }
    }
    return best.range
  }

  /// Kullback-Leibler divergence of the window quantized to `levels` from the window with outliers at its edges.
  package static func divergence(_ counts: [Double], window: Range<Int>, levels: Int) -> Double {
    var reference = Array(counts[window])
    reference[0] += counts[..<window.lowerBound].reduce(0, +)
    reference[reference.count - 1] += counts[window.upperBound...].reduce(0, +)
    let merged = window.count / levels
    var quantized = [Double](repeating: 0, count: window.count)
    for level in 0..<levels {
      let bins = level * merged..<(level == levels - 1 ? window.count : (level + 1) * merged)
      let sum = bins.reduce(0) { $0 + counts[window.lowerBound + $1] }
      let used = bins.count { reference[$0] > 0 }
      guard used > 0 else { continue }
      for bin in bins where reference[bin] > 0 { quantized[bin] = sum / Double(used) }
    }
    guard let p = smoothed(reference), let q = smoothed(quantized) else { return .infinity }
    let (pTotal, qTotal) = (p.reduce(0, +), q.reduce(0, +))
    var divergence = 0.0
    for (a, b) in zip(p, q) where a > 0 { divergence += a / pTotal * log((a / pTotal) / (b / qTotal)) }
    return divergence
  }

  /// Gives empty bins a small weight taken evenly from the others; nil where there is too little to take.
  private static func smoothed(_ counts: [Double]) -> [Double]? {
    let weight = 0.0001
    let empty = counts.count { $0 == 0 }
    guard empty < counts.count else { return nil }
    let taken = weight * Double(empty) / Double(counts.count - empty)
    guard taken < 1 else { return nil }
    return counts.map { $0 == 0 ? weight : $0 - taken }
  }
}
