import Foundation
import Graph

/// Random search with successive halving over the ranges of a recipe.
///
/// Values are drawn independently (Bergstra and Bengio, "Random search for hyper-parameter optimization", 2012). A
/// trial that goes on continues from its checkpoint, so that nothing is trained twice, and its schedule is from the
/// start that of the whole run. Everything is a function of the recipe, the settings and the seed.
public final class HyperparameterSearch {
  public struct Settings: Sendable, Equatable {
    /// The recipe as it stands among them.
    public var trials: Int
    public var factor: Int
    public var seed: UInt64
    /// nil for accuracy where the loss is one of classes, and the loss itself elsewhere.
    public var metric: MetricRecipe?

    public init(trials: Int, factor: Int = 3, seed: UInt64 = 1, metric: MetricRecipe? = nil) {
      self.trials = trials
      self.factor = factor
      self.seed = seed
      self.metric = metric
    }
  }

  /// What a search tells while it runs.
  public enum Event {
    /// Trial `index` of `trials` begins or goes on in rung `rung`.
    case trial(SearchTrial, rung: Int)
    case training(TrainingEvent)
    case trialEnded(SearchTrial, rung: Int)
  }

  /// The best trial: its recipe and its trained network.
  public struct Outcome {
    public var best: SearchTrial
    public var recipe: RecipeDocument
    public var network: Graph
    /// The name of the metric beside the loss.
    public var metricName: String
  }

  /// What the folder holds of a search, so that it can be taken up again.
  private struct State: Codable {
    var fingerprint: String
    var trials: [SearchTrial]
  }

  /// What trials are ranked by.
  public let metric: MetricRecipe
  public let halving: SuccessiveHalving
  public let dimensions: [SearchDimension]
  public private(set) var trials: [SearchTrial]
  public private(set) var metricName = ""
  private let document: RecipeDocument
  private let folder: URL
  private let fingerprint: String
  private let sentence: (TrainingError) -> String
  private var isResumed = false

  /// Prepares a search that keeps its state in `folder`; `sentence` words why a trial failed.
  ///
  /// Errors: `.search` where the recipe has no ranges, no validation data, or is adversarial.
  public init(
    _ document: RecipeDocument, settings: Settings, folder: String, sentence: @escaping (TrainingError) -> String
  ) throws(TrainingError) {
    let recipe = try document.supervised()
    guard !recipe.search.isEmpty else {
      throw .search("the recipe has no key 'tune', which says what to search")
    }
    guard recipe.data.validation != nil else {
      throw .search("trials are compared on validation data, and the recipe has no data.validation")
    }
    self.document = document
    metric = settings.metric ?? (recipe.loss.isOfClasses ? .validationAccuracy : .validationLoss)
    self.sentence = sentence
    self.folder = URL(fileURLWithPath: folder)
    halving = SuccessiveHalving(trials: settings.trials, epochs: recipe.epochs, factor: settings.factor)
    dimensions = recipe.search
    trials = (1...settings.trials).map {
      SearchTrial(number: $0, dimensions: recipe.search, seed: settings.seed)
    }
    var hash = StableHash()
    do throws(RecipeError) { hash.add(try document.yaml()) } catch { throw .recipe(error) }
    hash.add("\(settings)")
    fingerprint = hash.text
  }

  private var statePath: URL { folder.appendingPathComponent("trials.json") }

  private func checkpointPath(_ trial: SearchTrial) -> String {
    folder.appendingPathComponent("trial-\(trial.number).checkpoint").path
  }

  /// Takes up the search that `folder` holds. Errors: `.unreadable`, `.foreignSearch`.
  public func resume() throws(TrainingError) {
    let state: State
    do { state = try JSONDecoder().decode(State.self, from: Data(contentsOf: statePath)) } catch {
      throw .unreadable(path: statePath.path, reason: error.localizedDescription)
    }
    guard state.fingerprint == fingerprint else { throw .foreignSearch(path: statePath.path) }
    trials = state.trials
    isResumed = true
  }

  /// Trains the trials rung by rung.
  ///
  /// Errors: `.interrupted`, after which `resume()` goes on; `.search` where every trial failed; those of
  /// `TrainingSession.run` that are not the fault of a trial's values.
  public func run(
    isInterrupted: () -> Bool = { false }, observe: (Event) -> Void = { _ in }
  ) throws(TrainingError) -> Outcome {
    do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
      throw .unwritable(path: folder.path, reason: error.localizedDescription)
    }
    // What an earlier search left may have come further than this one has.
    if !isResumed { removeCheckpoints() }
    for (index, rung) in halving.rungs.enumerated() {
      for trial in trials.indices where trials[trial].state == .kept && trials[trial].rungs <= index {
        observe(.trial(trials[trial], rung: index))
        try advance(trial, to: rung.epochs, isInterrupted: isInterrupted, observe: observe)
        try save()
        observe(.trialEnded(trials[trial], rung: index))
      }
      if index + 1 < halving.rungs.count { try drop(after: index) }
    }
    return try outcome()
  }

  /// The trials, best first.
  public var ranking: [SearchTrial] {
    trials.sorted { one, other in
      if one.hasFailed != other.hasFailed { return other.hasFailed }
      // Whoever was trained further is before whoever was dropped.
      return one.rungs == other.rungs ? one.precedes(other, by: metric) : one.rungs > other.rungs
    }
  }

  /// Trains one trial until it has seen `epochs`; a failure of its values is noted with it.
  private func advance(
    _ index: Int, to epochs: Int, isInterrupted: () -> Bool, observe: (Event) -> Void
  ) throws(TrainingError) {
    var trial = trials[index]
    do throws(TrainingError) {
      let (_, _, outcome) = try train(trial, to: epochs, isInterrupted: isInterrupted) { observe(.training($0)) }
      trial.history = outcome.history
      trial.epoch = outcome.epoch
    } catch {
      switch error {
      case .notFinite, .network, .setting, .recipe, .objective, .unreachable, .loss:
        trial.state = .failed(reason: sentence(error))
      default: throw error
      }
    }
    trial.rungs += 1
    trials[index] = trial
  }

  /// Trains `trial` from where its checkpoint stands.
  private func train(
    _ trial: SearchTrial, to epochs: Int, isInterrupted: () -> Bool, observe: (TrainingEvent) -> Void
  ) throws(TrainingError) -> (RecipeDocument, TrainingRun, TrainingOutcome) {
    let document: RecipeDocument
    do throws(RecipeError) { document = try self.document.applying(trial.changes) } catch { throw .recipe(error) }
    let run = try TrainingRun(document.supervised(), document: document)
    metricName = run.metricName
    if metric == .validationAccuracy, metricName != "accuracy" {
      throw .search("there is no accuracy to rank trials by, the metric is the \(metricName)")
    }
    let path = checkpointPath(trial)
    if FileManager.default.fileExists(atPath: path) {
      try run.session.resume(from: Checkpoint(contentsOf: path), path: path)
    }
    let outcome = try run.session.run(
      until: epochs, checkpoints: CheckpointSchedule(path: path), isInterrupted: isInterrupted, observe: observe)
    return (document, run, outcome)
  }

  /// Drops all but the best for the rung behind `rung`, with their checkpoints.
  private func drop(after rung: Int) throws(TrainingError) {
    let order = ranking.filter { $0.state == .kept }
    for trial in order.dropFirst(halving.rungs[rung + 1].trials) where trial.rungs == rung + 1 {
      trials[trial.number - 1].state = .dropped(rung: rung)
      try? FileManager.default.removeItem(atPath: checkpointPath(trial))
    }
    try save()
  }

  private func outcome() throws(TrainingError) -> Outcome {
    guard let best = ranking.first(where: { $0.state == .kept && $0.figure(metric) != nil }) else {
      let reasons = trials.compactMap { trial in
        if case .failed(let reason) = trial.state { "trial \(trial.number): \(reason)" } else { nil }
      }
      throw .search("no trial could be trained: \(reasons.first ?? "none was begun")")
    }
    let epochs = halving.rungs.last?.epochs ?? 0
    let (document, run, outcome) = try train(best, to: epochs, isInterrupted: { false }, observe: { _ in })
    return Outcome(best: best, recipe: document, network: try run.finished(outcome), metricName: run.metricName)
  }

  /// Removes the checkpoints, once the outcome has been written.
  public func removeCheckpoints() {
    for trial in trials { try? FileManager.default.removeItem(atPath: checkpointPath(trial)) }
  }

  private func save() throws(TrainingError) {
    do {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
      try encoder.encode(State(fingerprint: fingerprint, trials: trials)).write(to: statePath, options: .atomic)
    } catch { throw .unwritable(path: statePath.path, reason: error.localizedDescription) }
  }
}

extension LossRecipe {
  /// Whether the network says which of some classes a sample is of.
  fileprivate var isOfClasses: Bool {
    switch self {
    case .crossEntropy, .binaryCrossEntropy: true
    case .meanSquaredError, .meanAbsoluteError, .kullbackLeibler, .cosine: false
    }
  }
}

extension RecipeDocument {
  /// The recipe, which is one of a network and a loss. Errors: `.recipe`, `.search`.
  fileprivate func supervised() throws(TrainingError) -> SupervisedRecipe {
    let recipe: Recipe
    do throws(RecipeError) { recipe = try Recipe(self) } catch { throw .recipe(error) }
    guard case .supervised(let supervised) = recipe else {
      throw .search("two networks against each other have no validation figure to search by")
    }
    return supervised
  }
}
