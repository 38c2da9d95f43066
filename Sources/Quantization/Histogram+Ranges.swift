extension Histogram {
  /// The range that keeps the central `percent` of all values, zeros counted, extended to include zero.
  ///
  /// Half of the rest is cut off on either side. Values are taken to be spread evenly over their bin.
  public func percentileRange(_ percent: Double) -> ClosedRange<Double> {
    let cut = Double(total) * (100 - min(max(percent, 0), 100)) / 200
    let low = quantile(beyond: cut, bins: Array(occupied), towards: 1)
    let high = quantile(beyond: cut, bins: occupied.reversed(), towards: -1)
    return min(low, 0)...max(high, 0)
  }

  /// Where `cut` values have been passed, walking over `bins`; the zeros lie before bin 0.
  private func quantile(beyond cut: Double, bins: [Int], towards step: Int) -> Double {
    var passed = 0.0
    for bin in bins {
      if bin == 0 && step > 0 {
        passed += Double(zeroCount)
        if passed > cut { return 0 }
      }
      let inside = Double(count(in: bin))
      if passed + inside > cut {
        let fraction = (cut - passed) / inside
        return (step > 0 ? Double(bin) + fraction : Double(bin + 1) - fraction) * width
      }
      passed += inside
      if bin == 0 && step < 0 {
        passed += Double(zeroCount)
        if passed > cut { return 0 }
      }
    }
    return 0
  }

  /// The range of `levels` steps with the least expected squared error.
  ///
  /// Inside the range a non-zero value is off by step^2 / 12 on average, outside by its distance to the
  /// range. Every pair of bin edges is tried (at most 512 for each side), using running moments.
  public func leastSquaresRange(levels: Int) -> ClosedRange<Double> {
    let moments = Moments(self)
    let lowEdges = edges(from: 0, to: occupied.lowerBound)
    let highEdges = edges(from: 0, to: occupied.upperBound + (widthExponent == nil ? 0 : 1))
    var best = (error: Double.infinity, range: 0.0...0.0)
    for low in lowEdges {
      let below = moments.squaredDistance(below: low)
      if below >= best.error { continue }
      for high in highEdges where high > low {
        let step = Double(high - low) * width / Double(levels - 1)
        let inside = moments.count(from: low, to: high)
        let error = below + moments.squaredDistance(above: high) + inside * step * step / 12
        if error < best.error { best = (error, Double(low) * width...Double(high) * width) }
      }
    }
    return best.range
  }

  private func edges(from start: Int, to end: Int) -> [Int] {
    let stride = max(1, (abs(end - start) + 511) / 512)
    var edges = Array(Swift.stride(from: start, through: end, by: end < start ? -stride : stride))
    if edges.last != end { edges.append(end) }
    return edges
  }

  /// Running sums of count, count x centre and count x centre^2 over the occupied bins.
  private struct Moments {
    private var sums: [(count: Double, first: Double, second: Double)] = [(0, 0, 0)]
    private let origin: Int
    private let width: Double

    init(_ histogram: Histogram) {
      origin = histogram.occupied.lowerBound
      width = histogram.width
      for bin in histogram.occupied {
        let count = Double(histogram.count(in: bin))
        let centre = (Double(bin) + 0.5) * width
        let last = sums[sums.count - 1]
        sums.append((last.count + count, last.first + count * centre, last.second + count * centre * centre))
      }
    }

    func count(from low: Int, to high: Int) -> Double { sums[high - origin].count - sums[low - origin].count }

    func squaredDistance(below edge: Int) -> Double { distance(sums[0], sums[edge - origin], to: Double(edge) * width) }

    func squaredDistance(above edge: Int) -> Double {
      distance(sums[edge - origin], sums[sums.count - 1], to: Double(edge) * width)
    }

    private func distance(
      _ start: (count: Double, first: Double, second: Double), _ end: (count: Double, first: Double, second: Double),
      to bound: Double
    ) -> Double {
      let count = end.count - start.count
      guard count > 0 else { return 0 }
      // Never below zero, whatever the cancellation leaves.
      return max(0, (end.second - start.second) - 2 * bound * (end.first - start.first) + bound * bound * count)
    }
  }
}
