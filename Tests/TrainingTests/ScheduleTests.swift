import Foundation
import Testing
import Training

@Suite struct ScheduleTests {
  private func rates(
    _ shape: LearningRateSchedule.Shape, base: Double = 0.1, warmUp: LearningRateSchedule.WarmUp = .none,
    stepsPerEpoch: Int = 2, totalSteps: Int
  ) throws -> [Double] {
    let schedule = try LearningRateSchedule(base: base, shape: shape, warmUp: warmUp)
    return (0..<totalSteps).map { schedule.rate(step: $0, stepsPerEpoch: stepsPerEpoch, totalSteps: totalSteps) }
  }

  private func expect(_ found: [Double], _ expected: [Double]) {
    #expect(found.count == expected.count)
    for (found, expected) in zip(found, expected) { #expect(abs(found - expected) < 1e-15, "\(found), \(expected)") }
  }

  @Test func constantIsTheBaseRate() throws {
    expect(try rates(.constant, totalSteps: 3), [0.1, 0.1, 0.1])
  }

  @Test func stepFallsAfterEveryNEpochs() throws {
    expect(
      try rates(.step(epochs: 2, factor: 0.5), stepsPerEpoch: 2, totalSteps: 10),
      [0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.025, 0.025])
  }

  /// cos(pi k / 6) = 1, 0.8660254, 0.5, 0, ...
  @Test func cosineFallsToItsFloor() throws {
    let half = 0.09 * 0.8660254037844387 / 2
    expect(
      try rates(.cosine(floor: 0.01), totalSteps: 6), [0.1, 0.055 + half, 0.0775, 0.055, 0.0325, 0.055 - half])
    let schedule = try LearningRateSchedule(base: 0.1, shape: .cosine(floor: 0.01))
    #expect(schedule.rate(step: 6, stepsPerEpoch: 2, totalSteps: 6) == 0.01)
  }

  /// The rates that PyTorch's formula gives for 10 steps, computed in Python.
  @Test func oneCycleMatchesPyTorch() throws {
    expect(
      try rates(.oneCycle(), totalSteps: 10),
      [
        0.004, 0.052, 0.1, 0.09504846320134738, 0.0811745653949763, 0.06112620219362893, 0.03887419780637107,
        0.0188258346050237, 0.004951936798652629, 4e-07,
      ])
  }

  @Test func warmUpRisesToWhereTheShapeBegins() throws {
    expect(try rates(.constant, warmUp: .steps(3), totalSteps: 5), [0.025, 0.05, 0.075, 0.1, 0.1])
    expect(try rates(.constant, warmUp: .epochs(1.5), totalSteps: 5), [0.025, 0.05, 0.075, 0.1, 0.1])
    // The cosine runs over the 4 steps that are left: 1, (1 + cos 45) / 2, 1/2, (1 - cos 45) / 2.
    expect(
      try rates(.cosine(), warmUp: .steps(1), totalSteps: 5),
      [0.05, 0.1, 0.08535533905932738, 0.05, 0.014644660940672627])
    // One cycle begins at a 25th; with 2 steps of warm-up its 10 steps follow.
    let cycle = try rates(.oneCycle(), totalSteps: 10)
    let warmed = try rates(.oneCycle(), warmUp: .steps(2), totalSteps: 12)
    expect(Array(warmed[2...]), cycle)
    expect(Array(warmed[..<2]), [0.004 / 3, 0.008 / 3])
  }

  @Test(arguments: [1, 2, 3, 7])
  func shortTrainingsHaveRatesToo(_ totalSteps: Int) throws {
    for shape in [LearningRateSchedule.Shape.cosine(), .oneCycle(), .step(epochs: 1, factor: 0.1)] {
      for warmUp in [LearningRateSchedule.WarmUp.none, .steps(5), .epochs(100)] {
        for rate in try rates(shape, warmUp: warmUp, totalSteps: totalSteps) { #expect(rate > 0 && rate <= 0.1) }
      }
    }
  }

  @Test func settingsOutOfRangeAreRefused() {
    let wrong: [(LearningRateSchedule.Shape, String)] = [
      (.step(epochs: 0, factor: 0.5), "epochs"), (.step(epochs: 1, factor: 0), "factor"),
      (.cosine(floor: 0.2), "floor"), (.oneCycle(rise: 1), "rise"), (.oneCycle(startDivisor: 0.5), "startDivisor"),
      (.oneCycle(endDivisor: .infinity), "endDivisor"),
    ]
    for (shape, name) in wrong {
      let error = #expect(throws: InvalidSetting.self) { try LearningRateSchedule(base: 0.1, shape: shape) }
      #expect(error?.name == name)
    }
    #expect(throws: InvalidSetting.self) { try LearningRateSchedule(base: .nan) }
    #expect(throws: InvalidSetting.self) { try LearningRateSchedule(base: 1, warmUp: .steps(-1)) }
    #expect(throws: InvalidSetting.self) { try LearningRateSchedule(base: 1, warmUp: .epochs(.infinity)) }
  }
}

@Suite struct PlateauTests {
  @Test func ratesFallAfterPatienceAndStopAtTheFloor() throws {
    var plateau = try PlateauReduction(
      .init(factor: 0.5, patience: 1, threshold: 0.1, floor: 0.02))
    // 0.91 is less than 1 by no more than a tenth; 0.8 is better; a reduction needs two epochs that are not.
    let metrics = [1, 0.91, 0.8, 0.8, .nan, 0.79, 0.75, 0.7, 0.7, 0.7, 0.7]
    let rates = metrics.map { metric in
      _ = plateau.observe(metric)
      return plateau.rate(scheduled: 0.1)
    }
    #expect(rates == [0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.025, 0.025, 0.025, 0.02, 0.02])
  }

  @Test func marginOfANegativeMetricIsOfItsMagnitude() throws {
    var plateau = try PlateauReduction(.init(goal: .maximum, factor: 0.1, patience: 0, threshold: 0.01))
    let reductions = [-100, -99.5, -98].map { plateau.observe($0) }
    #expect(reductions == [false, true, false])
    #expect(plateau.state == .init(best: -98, waitingEpochs: 0, scale: 0.1))
  }

  @Test func stateContinuesThroughJSON() throws {
    let metrics = [3, 2.5, 2.6, 2.7, 2.4, 2.4, 2.4, 2.4, 2.39, 2.5]
    var whole = try PlateauReduction(.init(patience: 1))
    for metric in metrics { _ = whole.observe(metric) }
    for cut in metrics.indices {
      var first = try PlateauReduction(.init(patience: 1))
      for metric in metrics[..<cut] { _ = first.observe(metric) }
      var second = try PlateauReduction(.init(patience: 1))
      second.state = try JSONDecoder().decode(
        PlateauReduction.State.self, from: JSONEncoder().encode(first.state))
      for metric in metrics[cut...] { _ = second.observe(metric) }
      #expect(second.state == whole.state)
    }
  }

  @Test func settingsOutOfRangeAreRefused() {
    #expect(throws: InvalidSetting.self) { try PlateauReduction(.init(factor: 1)) }
    #expect(throws: InvalidSetting.self) { try PlateauReduction(.init(patience: -1)) }
    #expect(throws: InvalidSetting.self) { try PlateauReduction(.init(threshold: 1)) }
    #expect(throws: InvalidSetting.self) { try PlateauReduction(.init(floor: -.infinity)) }
  }
}

@Suite struct EarlyStoppingTests {
  private func verdicts(_ settings: EarlyStopping.Settings, _ metrics: [Double]) throws -> [EarlyStopping.Verdict] {
    var stopping = try EarlyStopping(settings)
    return metrics.enumerated().map { stopping.observe($1, epoch: $0 + 1) }
  }

  @Test func stopsAfterPatienceEpochsWithoutABetterMetric() throws {
    #expect(
      try verdicts(.init(patience: 2), [1, 0.5, 0.6, 0.4, 0.4, 0.5]) == [
        .best, .best, .waiting, .best, .waiting, .stop,
      ])
    #expect(try verdicts(.init(goal: .maximum, patience: 1), [0.5, 0.6, 0.6]) == [.best, .best, .stop])
  }

  @Test func differencesUpToTheMinimumAreNoBetter() throws {
    #expect(
      try verdicts(.init(goal: .maximum, patience: 3, minimumDelta: 0.25), [1, 1.25, 1.5, 1.5])
        == [.best, .waiting, .best, .waiting])
  }

  @Test func metricsThatAreNoNumbersWait() throws {
    #expect(try verdicts(.init(patience: 2), [.nan, 1, .nan, .nan]) == [.waiting, .best, .waiting, .stop])
  }

  @Test func stateNamesTheBestEpochAndContinues() throws {
    var stopping = try EarlyStopping(.init(patience: 3))
    for (epoch, metric) in [3, 2, 2.5].enumerated() { _ = stopping.observe(metric, epoch: epoch + 1) }
    #expect(stopping.state == .init(best: 2, bestEpoch: 2, waitingEpochs: 1))
    var resumed = try EarlyStopping(.init(patience: 3))
    resumed.state = stopping.state
    let verdicts = [4, 5].map { resumed.observe(2.2, epoch: $0) }
    #expect(verdicts == [.waiting, .stop])
  }

  @Test func settingsOutOfRangeAreRefused() {
    #expect(throws: InvalidSetting.self) { try EarlyStopping(.init(patience: 0)) }
    #expect(throws: InvalidSetting.self) { try EarlyStopping(.init(minimumDelta: .nan)) }
  }
}
