import Measurement
import Testing

struct ClassificationMetricsTests {
  @Test func theGreatestScoreWinsAndOfEqualOnesTheLowestClass() {
    #expect(ClassificationMetrics.prediction(of: [0, 2, 1]) == 1)
    #expect(ClassificationMetrics.prediction(of: [1, 3, 3]) == 1)
    #expect(ClassificationMetrics.prediction(of: [-.infinity, -.infinity]) == 0)
  }

  @Test func notANumberNeverWins() {
    #expect(ClassificationMetrics.prediction(of: [.nan, -5, .nan, -4]) == 3)
    #expect(ClassificationMetrics.prediction(of: [.nan, .nan]) == nil)
    #expect(!ClassificationMetrics.isAmongTop(5, label: 0, of: [.nan, 1]))
    #expect(ClassificationMetrics.isAmongTop(1, label: 1, of: [.nan, 1]))
    var metrics = ClassificationMetrics(classCount: 2)
    metrics.add(scores: [.nan, .nan], label: 0)
    metrics.add(scores: [1, .nan], label: 0)
    #expect(metrics.accuracy == 0.5)
    #expect(metrics.samplesWithoutPrediction == 1)
    #expect(metrics.support(0) == 2)
    #expect(metrics.recall(0) == 0.5)
    #expect(metrics.precision(0) == 1)
  }

  @Test func topFiveFollowsTheSameOrderAsThePrediction() {
    let scores: [Float] = [9, 8, 7, 6, 5, 5, 4]
    let hits = scores.indices.map { ClassificationMetrics.isAmongTop(5, label: $0, of: scores) }
    #expect(hits == [true, true, true, true, true, false, false])
  }

  /// Confusion [[2, 1, 0], [0, 1, 0], [1, 0, 0]]; by hand: precision 2/3, 1/2, 0; recall 2/3, 1, 0;
  /// F1 2/3, 2/3, 0; macro F1 4/9; accuracy 3/5.
  @Test func precisionRecallAndF1MatchAHandComputedExample() {
    var metrics = ClassificationMetrics(classCount: 3)
    for (label, predicted) in [(0, 0), (0, 0), (0, 1), (1, 1), (2, 0)] {
      metrics.add(scores: (0..<3).map { $0 == predicted ? 1 : 0 }, label: label)
    }
    #expect(metrics.confusionMatrix == [[2, 1, 0], [0, 1, 0], [1, 0, 0]])
    #expect(metrics.accuracy == 3.0 / 5)
    #expect((0..<3).map { metrics.precision($0) } == [2.0 / 3, 0.5, 0])
    #expect((0..<3).map { metrics.recall($0) } == [2.0 / 3, 1, 0])
    #expect((0..<3).map { metrics.f1($0) } == [2.0 / 3, 2.0 / 3, 0])
    // Two additions and a division of doubles near 1: within 2^-52.
    #expect(abs((metrics.macroF1 ?? 0) - 4.0 / 9) <= 0x1p-52)
    #expect(metrics.top5 == 1)
  }

  @Test func classesThatNeverOccurDoNotLowerMacroF1() {
    var metrics = ClassificationMetrics(classCount: 10)
    metrics.add(scores: (0..<10).map { $0 == 4 ? 1 : 0 }, label: 4)
    #expect(metrics.macroF1 == 1)
  }

  @Test func withoutSamplesThereAreNoRatios() {
    let metrics = ClassificationMetrics(classCount: 2)
    #expect(metrics.accuracy == nil)
    #expect(metrics.top5 == nil)
    #expect(metrics.macroF1 == nil)
  }
}

struct ErrorMetricsTests {
  @Test func meanSquaredErrorIsOverAllElements() {
    var error = SquaredError()
    #expect(error.mean == nil)
    #expect(error.add(output: [1, 2], target: [0, 4]) == 2.5)
    #expect(error.add(output: [3], target: [3]) == 0)
    #expect(error.mean == 5.0 / 3)
    error.add(output: [.nan], target: [0])
    #expect(error.mean?.isNaN == true)
  }

  @Test func areaIsTheShareOfPairsInOrderWithTiesAsHalf() {
    var random = SplitMix64(state: 11)
    for _ in 0..<50 {
      let samples = (0..<40).map { _ in
        (Double(Int.random(in: 0..<8, using: &random)), Bool.random(using: &random))
      }
      let positives = samples.filter(\.1).map(\.0)
      let negatives = samples.filter { !$0.1 }.map(\.0)
      var wins = 0.0
      for positive in positives {
        for negative in negatives { wins += positive > negative ? 1 : positive == negative ? 0.5 : 0 }
      }
      var area = AreaUnderCurve()
      for (score, isPositive) in samples { area.add(score: score, isPositive: isPositive) }
      // Ranks and counts are halves below 2^53, so both sides make one rounding: the division.
      #expect(area.value == wins / Double(positives.count * negatives.count))
    }
  }

  @Test func areaNeedsBothClassesAndAnOrder() {
    var area = AreaUnderCurve()
    #expect(area.value == nil)
    area.add(score: 1, isPositive: true)
    #expect(area.value == nil)
    area.add(score: 0, isPositive: false)
    #expect(area.value == 1)
    area.add(score: .nan, isPositive: false)
    #expect(area.value == nil)
  }
}

struct LatencyStatisticsTests {
  @Test func percentilesAreByNearestRank() throws {
    let hundred = try #require(LatencyStatistics(microseconds: (1...100).reversed().map(Double.init)))
    #expect([hundred.min, hundred.p50, hundred.p90, hundred.p99] == [1, 50, 90, 99])
    let ten = try #require(LatencyStatistics(microseconds: (1...10).map(Double.init)))
    #expect([ten.min, ten.p50, ten.p90, ten.p99] == [1, 5, 9, 10])
    let one = try #require(LatencyStatistics(microseconds: [7]))
    #expect([one.min, one.p50, one.p90, one.p99] == [7, 7, 7, 7])
  }

  @Test func noRunsOrAnInfiniteOneGiveNoStatistics() {
    #expect(LatencyStatistics(microseconds: []) == nil)
    #expect(LatencyStatistics(microseconds: [1, .infinity]) == nil)
  }

  @Test func measuringRunsTheBodyAsOftenAsAsked() {
    var runs = 0
    let statistics = LatencyStatistics.measuring(runs: 5, warmup: 3) { runs += 1 }
    #expect(runs == 8)
    #expect((statistics?.min ?? -1) >= 0)
  }

  @Test func durationsAreInMicroseconds() {
    #expect(Duration.milliseconds(1_500).microseconds == 1_500_000)
    #expect(Duration.nanoseconds(250).microseconds == 0.25)
  }
}

/// SplitMix64 (Steele, Lea and Flood 2014).
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
