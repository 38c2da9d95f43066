/// The learning rate of each step: the schedule's, lowered where a plateau has been seen.
struct LearningRate {
  private let schedule: LearningRateSchedule
  private let stepsPerEpoch: Int
  private let totalSteps: Int
  private let metric: MetricRecipe
  private var plateau: PlateauReduction?

  /// Errors: a number of the plan that is out of range.
  init(_ plan: TrainingPlan, stepsPerEpoch: Int) throws(InvalidSetting) {
    self.stepsPerEpoch = stepsPerEpoch
    totalSteps = stepsPerEpoch * plan.epochs
    let base = plan.learningRate
    var metric = MetricRecipe.validationLoss
    let shape: LearningRateSchedule.Shape
    switch plan.schedule.shape {
    case .constant: shape = .constant
    case .step(let epochs, let factor): shape = .step(epochs: epochs, factor: factor)
    case .cosine(let minimum): shape = .cosine(floor: minimum * base)
    case .oneCycle(let start, let rise, let end):
      shape = .oneCycle(rise: rise, startDivisor: 1 / start, endDivisor: start / end)
    case .reduceOnPlateau(let figure, let factor, let patience, let change, let minimum):
      shape = .constant
      metric = figure
      plateau = try PlateauReduction(
        .init(goal: figure.goal, factor: factor, patience: patience, threshold: change, floor: minimum * base))
    }
    self.metric = metric
    schedule = try LearningRateSchedule(base: base, shape: shape, warmUp: .init(plan.schedule.warmUp))
  }

  /// The rate of `step`, counted from the start of training.
  func value(step: Int) -> Double {
    let scheduled = schedule.rate(step: step, stepsPerEpoch: stepsPerEpoch, totalSteps: totalSteps)
    return plateau?.rate(scheduled: scheduled) ?? scheduled
  }

  mutating func finishEpoch(_ report: EpochReport) {
    guard let figure = metric.figure(of: report) else { return }
    _ = plateau?.observe(figure)
  }

  func save(to checkpoint: inout Checkpoint, prefix: String) {
    guard let state = plateau?.state else { return }
    checkpoint.numbers[prefix + "plateau.scale"] = state.scale
    checkpoint.numbers[prefix + "plateau.waitingEpochs"] = Double(state.waitingEpochs)
    checkpoint.numbers[prefix + "plateau.best"] = state.best
  }

  /// Whether the checkpoint has what belongs to it.
  mutating func restore(from checkpoint: Checkpoint, prefix: String) -> Bool {
    guard plateau != nil else { return true }
    guard let scale = checkpoint.numbers[prefix + "plateau.scale"],
      let waiting = checkpoint.numbers[prefix + "plateau.waitingEpochs"]
    else { return false }
    plateau?.state = .init(
      best: checkpoint.numbers[prefix + "plateau.best"], waitingEpochs: Int(waiting), scale: scale)
    return true
  }
}

extension LearningRateSchedule.WarmUp {
  fileprivate init(_ recipe: ScheduleRecipe.WarmUp?) {
    switch recipe {
    case nil: self = .none
    case .epochs(let epochs)?: self = .epochs(epochs)
    case .steps(let steps)?: self = .steps(steps)
    }
  }
}

extension MetricRecipe {
  var goal: MetricGoal {
    switch self {
    case .validationLoss: .minimum
    case .validationAccuracy: .maximum
    }
  }

  /// The figure in an epoch's report; nil where there are no validation data.
  public func figure(of report: EpochReport) -> Double? {
    switch self {
    case .validationLoss: report.validationLoss
    case .validationAccuracy: report.validationMetric
    }
  }
}
