/// Whether a metric is better when it is less, as a loss, or when it is more, as an accuracy.
public enum MetricGoal: String, Sendable, Codable {
  case minimum = "min"
  case maximum = "max"

  /// Whether `value` is better than `best` by more than `margin`; NaN never is.
  func isBetter(_ value: Double, than best: Double, by margin: Double) -> Bool {
    switch self {
    case .minimum: value < best - margin
    case .maximum: value > best + margin
    }
  }
}

/// Lowers the learning rate when a metric has stopped becoming better, as PyTorch's `ReduceLROnPlateau`.
///
/// It multiplies what a `LearningRateSchedule` says. It alone among the schedules has a state: a checkpoint keeps it.
public struct PlateauReduction: Sendable {
  public struct Settings: Sendable, Equatable {
    public var goal: MetricGoal
    /// What a reduction multiplies the rate by.
    public var factor: Double
    /// Epochs in a row that may pass without a better metric; the one after them reduces.
    public var patience: Int
    /// The share of the best metric's magnitude by which a better one must differ from it.
    public var threshold: Double
    /// Reductions leave the rate at no less than this.
    public var floor: Double

    public init(
      goal: MetricGoal = .minimum, factor: Double = 0.1, patience: Int = 10, threshold: Double = 1e-4, floor: Double = 0
    ) {
      self.goal = goal
      self.factor = factor
      self.patience = patience
      self.threshold = threshold
      self.floor = floor
    }
  }

  public struct State: Sendable, Equatable, Codable {
    /// nil before the first epoch.
    public var best: Double?
    /// Epochs since the best one or the last reduction.
    public var waitingEpochs: Int
    /// The product of all reductions.
    public var scale: Double

    public init(best: Double? = nil, waitingEpochs: Int = 0, scale: Double = 1) {
      self.best = best
      self.waitingEpochs = waitingEpochs
      self.scale = scale
    }
  }

  public let settings: Settings
  /// Set it to continue from a checkpoint.
  public var state = State()

  /// Errors: the first setting that is out of range.
  public init(_ settings: Settings = Settings()) throws(InvalidSetting) {
    try InvalidSetting.unless(settings.factor > 0 && settings.factor < 1, "factor", settings.factor, "0 < factor < 1")
    try InvalidSetting.unless(settings.patience >= 0, "patience", Double(settings.patience), "patience >= 0")
    try InvalidSetting.unless(
      settings.threshold >= 0 && settings.threshold < 1, "threshold", settings.threshold, "0 <= threshold < 1")
    try InvalidSetting.unless(settings.floor >= 0 && settings.floor.isFinite, "floor", settings.floor, "floor >= 0")
    self.settings = settings
  }

  /// Takes in an epoch's metric and says whether it lowered the rate. NaN counts as no better.
  public mutating func observe(_ metric: Double) -> Bool {
    guard let best = state.best else {
      if !metric.isNaN { state.best = metric }
      return false
    }
    if settings.goal.isBetter(metric, than: best, by: abs(best) * settings.threshold) {
      state.best = metric
      state.waitingEpochs = 0
      return false
    }
    state.waitingEpochs += 1
    guard state.waitingEpochs > settings.patience else { return false }
    state.waitingEpochs = 0
    state.scale *= settings.factor
    return true
  }

  /// The rate to use where the schedule says `scheduled`.
  public func rate(scheduled: Double) -> Double { max(scheduled * state.scale, min(settings.floor, scheduled)) }
}
