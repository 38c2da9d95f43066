/// Ends training when a validation metric has not become better for some epochs: Prechelt, "Early stopping - but
/// when?", 1998, with the patience of Keras's `EarlyStopping`.
public struct EarlyStopping: Sendable {
  public struct Settings: Sendable, Equatable {
    public var goal: MetricGoal
    /// Epochs in a row without a better metric after which training stops.
    public var patience: Int
    /// By how much a better metric must differ from the best one.
    public var minimumDelta: Double
    /// Whether the weights of the best epoch are what training ends with.
    public var restoresBest: Bool

    public init(
      goal: MetricGoal = .minimum, patience: Int = 10, minimumDelta: Double = 0, restoresBest: Bool = true
    ) {
      self.goal = goal
      self.patience = patience
      self.minimumDelta = minimumDelta
      self.restoresBest = restoresBest
    }
  }

  public struct State: Sendable, Equatable, Codable {
    /// nil before the first epoch whose metric is a number.
    public var best: Double?
    public var bestEpoch: Int?
    /// Epochs since the best one.
    public var waitingEpochs: Int

    public init(best: Double? = nil, bestEpoch: Int? = nil, waitingEpochs: Int = 0) {
      self.best = best
      self.bestEpoch = bestEpoch
      self.waitingEpochs = waitingEpochs
    }
  }

  /// What an epoch means for training.
  public enum Verdict: Sendable, Equatable {
    /// The best so far: its weights are worth keeping.
    case best
    case waiting
    case stop
  }

  public let settings: Settings
  /// Set it to continue from a checkpoint.
  public var state = State()

  /// Errors: the first setting that is out of range.
  public init(_ settings: Settings = Settings()) throws(InvalidSetting) {
    try InvalidSetting.unless(settings.patience >= 1, "patience", Double(settings.patience), "patience >= 1")
    try InvalidSetting.unless(
      settings.minimumDelta >= 0 && settings.minimumDelta.isFinite, "minimumDelta", settings.minimumDelta,
      "minimumDelta >= 0")
    self.settings = settings
  }

  /// Takes in the metric of `epoch`. NaN counts as no better.
  public mutating func observe(_ metric: Double, epoch: Int) -> Verdict {
    let isBetter =
      state.best.map { settings.goal.isBetter(metric, than: $0, by: settings.minimumDelta) } ?? !metric.isNaN
    if isBetter {
      state = State(best: metric, bestEpoch: epoch)
      return .best
    }
    state.waitingEpochs += 1
    return state.waitingEpochs >= settings.patience ? .stop : .waiting
  }
}
