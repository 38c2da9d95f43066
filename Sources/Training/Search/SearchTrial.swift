/// One draw of the values that a search is for, and how far it came.
public struct SearchTrial: Codable, Sendable, Equatable {
  /// What one value of the recipe was replaced by.
  public struct Change: Codable, Sendable, Hashable {
    /// Dotted path of the value.
    public var key: String
    /// The value as YAML.
    public var value: String

    public init(key: String, value: String) {
      self.key = key
      self.value = value
    }
  }

  public enum State: Codable, Sendable, Equatable {
    /// In the running, or at its end.
    case kept
    /// Others were better at the end of this rung, counted from 0.
    case dropped(rung: Int)
    /// The network cannot be built or trained so.
    case failed(reason: String)
  }

  /// Counts from 1; the first one is the recipe as it stands.
  public var number: Int
  /// In the order of the recipe's `tune`; empty for the first trial.
  public var changes: [Change]
  public var state = State.kept
  public var history: [EpochReport] = []
  /// The epoch, counted from 1, by which the trial is judged: the last, or the best one where that is restored.
  public var epoch = 0
  /// Rungs that it has been through.
  public var rungs = 0

  /// Trial `number` of the search with `seed`: each value from a stream of its own.
  init(number: Int, dimensions: [SearchDimension], seed: UInt64) {
    self.number = number
    changes =
      number == 1
      ? []
      : dimensions.map { dimension in
        var stream = ParameterStream(seed: seed, name: "trial \(number) \(dimension.key)")
        return Change(key: dimension.key, value: dimension.range.text(at: stream.unit()))
      }
  }

  public var hasFailed: Bool { if case .failed = state { true } else { false } }

  /// What the trial is ranked by; nil before its first rung, and where it failed.
  public func figure(_ metric: MetricRecipe) -> Double? {
    guard history.indices.contains(epoch - 1) else { return nil }
    return hasFailed ? nil : metric.figure(of: history[epoch - 1])
  }
}

extension SearchTrial {
  /// Whether this trial stands before `other`: by its figure, and of equal ones the earlier trial.
  func precedes(_ other: SearchTrial, by metric: MetricRecipe) -> Bool {
    switch (figure(metric), other.figure(metric)) {
    case (let mine?, let theirs?) where mine != theirs && !mine.isNaN && !theirs.isNaN:
      metric.goal == .minimum ? mine < theirs : mine > theirs
    case (let mine?, let theirs?) where mine.isNaN != theirs.isNaN: theirs.isNaN
    case (nil, _?): false
    case (_?, nil): true
    default: number < other.number
    }
  }
}
