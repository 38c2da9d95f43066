/// Numbers grouped around a few centroids: k-means in one dimension.
///
/// Lloyd's iterations from centroids spread evenly over the range, which Han, Mao and Dally ("Deep Compression", 2016,
/// section 3) found best for weights, because the few large ones keep a centroid near them. On sorted numbers each
/// iteration is exact: k binary searches and differences of prefix sums in double. Deterministic.
public struct ScalarClustering: Sendable, Equatable {
  /// Ascending; at most as many as were asked for, since groups without members vanish.
  public let centroids: [Float]
  /// The greatest member of every group but the last.
  private let limits: [Float]

  static let iterationLimit = 1000

  /// Groups `numbers`, none of which is zero or not finite, around at most `count` centroids; no centroid is zero.
  ///
  /// Numbers of no more than `count` different values stay as they are.
  /// - Complexity: O(n log n) for sorting.
  public init(_ numbers: [Float], count: Int) {
    precondition(count > 0, "no groups")
    let sorted = numbers.sorted()
    guard let least = sorted.first, let greatest = sorted.last else {
      (centroids, limits) = ([], [])
      return
    }
    if let values = ScalarClustering.values(of: sorted, atMost: count) {
      (centroids, limits) = (values, values.dropLast())
      return
    }
    var sums = [0.0]
    sums.reserveCapacity(sorted.count + 1)
    for number in sorted { sums.append(sums[sums.count - 1] + Double(number)) }
    let step = (Double(greatest) - Double(least)) / Double(max(count - 1, 1))
    var means =
      count == 1 ? [sums[sorted.count] / Double(sorted.count)] : (0..<count).map { Double(least) + Double($0) * step }
    var ends: [Int] = []
    for _ in 0..<ScalarClustering.iterationLimit {
      let next = ScalarClustering.ends(of: means, in: sorted)
      if next == ends { break }
      ends = next
      means = zip([0] + ends, ends).map { start, end in (sums[end] - sums[start]) / Double(end - start) }
    }
    limits = ends.dropLast().map { sorted[$0 - 1] }
    centroids = zip(zip([0] + ends, ends), means).map { range, mean in
      Float(mean) != 0 ? Float(mean) : sorted[range.0..<range.1].min { abs($0) < abs($1) }!
    }
  }

  /// The different values of ascending numbers; nil where they are more than `count`.
  private static func values(of sorted: [Float], atMost count: Int) -> [Float]? {
    var values: [Float] = []
    for number in sorted where number != values.last {
      guard values.count < count else { return nil }
      values.append(number)
    }
    return values
  }

  /// Where the members of each centroid end, groups without members left out; a number halfway goes to the lesser.
  private static func ends(of means: [Double], in sorted: [Float]) -> [Int] {
    var ends: [Int] = []
    for (mean, next) in zip(means, means.dropFirst()) {
      let middle = mean + (next - mean) / 2
      var (low, high) = (ends.last ?? 0, sorted.count)
      while low < high {
        let place = (low + high) / 2
        if Double(sorted[place]) <= middle { low = place + 1 } else { high = place }
      }
      if low > ends.last ?? 0 { ends.append(low) }
    }
    if sorted.count > ends.last ?? 0 { ends.append(sorted.count) }
    return ends
  }

  /// The centroid of a number's group.
  public func centroid(of number: Float) -> Float {
    var (low, high) = (0, limits.count)
    while low < high {
      let place = (low + high) / 2
      if limits[place] < number { low = place + 1 } else { high = place }
    }
    return centroids[low]
  }
}
