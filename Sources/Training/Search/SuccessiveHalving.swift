/// How many trials are trained how far: all of them a little, the best of them further, few to the end.
///
/// Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization" (2016): after
/// each rung the best 1/`factor` of the trials go on to `factor` times the epochs.
public struct SuccessiveHalving: Sendable, Equatable {
  public struct Rung: Codable, Sendable, Equatable {
    /// Trials that are trained in this rung.
    public var trials: Int
    /// Epochs that each of them has been trained for at its end, from the start.
    public var epochs: Int
  }

  public let rungs: [Rung]

  /// As many rungs as both the trials and the epochs of a whole run leave room for; the last one is a whole run.
  ///
  /// `trials` and `epochs` are at least 1, `factor` at least 2.
  public init(trials: Int, epochs: Int, factor: Int) {
    precondition(trials >= 1 && epochs >= 1 && factor >= 2, "\(trials) trials, \(epochs) epochs, factor \(factor)")
    var divisors = [1]
    while let last = divisors.last, last <= min(trials, epochs) / factor { divisors.append(last * factor) }
    rungs = zip(divisors, divisors.reversed()).map { passed, left in
      Rung(trials: (trials + passed - 1) / passed, epochs: (epochs + left - 1) / left)
    }
  }

  /// Epochs of all trials together, where none ends early.
  public var epochs: Int {
    var before = 0
    return rungs.reduce(0) { sum, rung in
      defer { before = rung.epochs }
      return sum + rung.trials * (rung.epochs - before)
    }
  }
}
