import Quantization
import TensorTypes
import Testing

@Suite struct HistogramTests {
  private func histogram(_ batches: [[Float]]) -> Histogram {
    var histogram = Histogram()
    for batch in batches {
      batch.withUnsafeBufferPointer {
        histogram.add($0, minimum: batch.min() ?? 0, maximum: batch.max() ?? 0)
      }
    }
    return histogram
  }

  @Test func countsMatchBruteForce() throws {
    var random = SplitMix64(seed: 1)
    let values = random.normals(5_000, scale: 3) + [0, 0, 0]
    let histogram = histogram([Array(values[..<100]), Array(values[100...])])
    let width = histogram.width
    var expected: [Int: Int] = [:]
    for value in values where value != 0 { expected[Int((Double(value) / width).rounded(.down)), default: 0] += 1 }
    for bin in histogram.occupied { #expect(histogram.count(in: bin) == expected[bin, default: 0]) }
    #expect(histogram.zeroCount == values.count { $0 == 0 })
    #expect(histogram.total == values.count)
  }

  @Test func doesNotDependOnTheOrderOfBatches() {
    var random = SplitMix64(seed: 2)
    let batches = (0..<12).map { random.normals(200, scale: Float(1 << $0)) }
    let forward = histogram(batches)
    let backward = histogram(batches.reversed())
    #expect(forward.widthExponent == backward.widthExponent)
    #expect(forward.occupied == backward.occupied)
    #expect(forward.occupiedCounts == backward.occupiedCounts)
  }

  @Test func widthDoublesUntilOutliersFit() throws {
    var histogram = histogram([[1, -1, 0.5]])
    let before = try #require(histogram.widthExponent)
    [Float(1_000)].withUnsafeBufferPointer { histogram.add($0, minimum: 1_000, maximum: 1_000) }
    let after = try #require(histogram.widthExponent)
    // From [-1, 1] to [-1, 1000] in 2048 bins: 2^-9 would need 513,000 bins, 2^-1 takes 2,003.
    #expect(before == -9 || before == -10)
    #expect(after == -1)
    #expect(histogram.total == 4)
  }

  @Test(arguments: [Float.leastNonzeroMagnitude, 1e-30, 1, 1e30, .greatestFiniteMagnitude])
  func holdsEveryMagnitudeInAtMost2048Bins(_ magnitude: Float) {
    let histogram = histogram([[magnitude, -magnitude], [1, -1], [magnitude / 3]])
    #expect(histogram.occupied.count <= Histogram.binCount)
    #expect(histogram.total == 5)
    #expect(histogram.width > 0 && histogram.width.isFinite)
  }

  @Test func onlyZerosHaveNoBins() {
    let histogram = histogram([[0, 0], [0, -0.0]])
    #expect(histogram.widthExponent == nil)
    #expect(histogram.zeroCount == 4)
    #expect(histogram.percentileRange(99) == 0...0)
    #expect(histogram.leastSquaresRange(levels: 256) == 0...0)
    #expect(histogram.leastDivergenceRange(levels: 128) == 0...0)
  }

  /// The histogram knows each value to within one bin, so quantiles agree to within one bin.
  @Test(arguments: [90, 99, 99.9, 100])
  func percentileMatchesSortedValues(_ percent: Double) {
    var random = SplitMix64(seed: 3)
    let values = random.normals(40_000, scale: 2)
    let histogram = histogram([values])
    let range = histogram.percentileRange(percent)
    let sorted = values.sorted()
    let cut = min(Int(Double(values.count) * (100 - percent) / 200), values.count - 1)
    #expect(abs(range.lowerBound - Double(sorted[cut])) <= histogram.width)
    #expect(abs(range.upperBound - Double(sorted[values.count - 1 - cut])) <= histogram.width)
  }

  @Test func percentileCountsZeros() {
    let histogram = histogram([[Float](repeating: 0, count: 9_990) + (1...10).map { Float($0) }])
    // One per cent from above passes all ten positive values (0.1 %) and ends in the zeros.
    #expect(histogram.percentileRange(98) == 0...0)
    #expect(histogram.percentileRange(100).upperBound >= 10)
  }

  /// Brute force quantizes the values themselves over a grid of ranges. The histogram's choice models rounding
  /// as step^2 / 12 and knows values to one bin, which costs a few per cent of the error.
  @Test(arguments: [UInt64(4), 5, 6])
  func meanSquaredErrorIsWithinFivePercentOfBruteForce(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    // Few values far out: saturating them pays.
    let values = random.normals(20_000) + random.normals(3, scale: 30)
    let range = histogram([values]).leastSquaresRange(levels: 256)
    let chosen = squaredError(values, Float(range.lowerBound), Float(range.upperBound))
    var best = Double.infinity
    let (low, high) = (values.min() ?? 0, values.max() ?? 0)
    for i in 1...60 {
      for j in 1...60 { best = min(best, squaredError(values, low * Float(i) / 60, high * Float(j) / 60)) }
    }
    #expect(chosen <= best * 1.05)
    #expect(chosen < squaredError(values, low, high))
  }

  private func squaredError(_ values: [Float], _ low: Float, _ high: Float) -> Double {
    let parameters = QuantizationParameters(covering: low...high, dtype: .uint8)
    return values.reduce(0) {
      let difference = Double($1 - parameters.dequantize(parameters.quantize($1)))
      return $0 + difference * difference
    }
  }

  @Test func entropyCutsARareOutlierAndKeepsAUniformRange() {
    var random = SplitMix64(seed: 7)
    let uniform = (0..<100_000).map { _ in Float.random(in: -1...1, using: &random) }
    let whole = histogram([uniform]).leastDivergenceRange(levels: 128)
    #expect(whole.lowerBound < -0.9 && whole.upperBound > 0.9)
    let cut = histogram([random.normals(100_000) + [60]]).leastDivergenceRange(levels: 128)
    #expect(cut.upperBound < 30 && cut.upperBound > 2)
  }

  @Test func entropyMatchesTheDefinitionOnAHandMadeWindow() {
    // Two levels of two bins: p = 4 2 | 1 1 with one outlier at the end, q spreads 6 and 2 evenly.
    let counts: [Double] = [4, 2, 1, 1, 1]
    let divergence = Histogram.divergence(counts, window: 0..<4, levels: 2)
    let p: [Double] = [4.0 / 9, 2.0 / 9, 1.0 / 9, 2.0 / 9]
    let q: [Double] = [3.0 / 8, 3.0 / 8, 1.0 / 8, 1.0 / 8]
    let expected = zip(p, q).reduce(0) { $0 + $1.0 * naturalLogarithm($1.0 / $1.1) }
    #expect(abs(divergence - expected) < 1e-12)
  }

  /// The series of the inverse hyperbolic tangent; converges fast for arguments near 1.
  private func naturalLogarithm(_ x: Double) -> Double {
    let z = (x - 1) / (x + 1)
    var power = z
    var sum = 0.0
    for n in stride(from: 1, through: 99, by: 2) {
      sum += power / Double(n)
      power *= z * z
    }
    return 2 * sum
  }
}
