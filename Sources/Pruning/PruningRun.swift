import Datasets
import Graph
import Training

/// Gradual pruning of a network while a recipe trains it, made ready.
public struct PruningRun {
  public let plan: PruningPlan
  /// To be run, interrupted and resumed as any other.
  public let run: TrainingRun
  /// Of the network before, on the recipe's test data.
  public let testBefore: RunningFigures?
  /// What the rates of the network's Dropouts were multiplied by; nil without any, or where the recipe sets them.
  public let dropoutFactor: Double?
  private let rule: GradualPruning

  /// Samples of the training data, spread over all of it, on which sensitivities are measured.
  public static let sensitivitySampleCount = 1024

  /// Prepares `recipe`, which was read from `document`, and measures sensitivities where the scope asks for them.
  ///
  /// Fewer weights need less Dropout: its rates are multiplied by the root of the share that stays (Han et al.,
  /// "Learning both Weights and Connections", 2015, section 3.2), in the network that is written too, for what is
  /// trained after this; unless the recipe sets a rate.
  /// Errors: those of `WeightPruning`; `.training`.
  public init(
    _ pruning: WeightPruning, schedule: PruningSchedule, recipe: SupervisedRecipe, document: RecipeDocument
  ) throws(PruningError) {
    let prepared = try Self.training { () throws(TrainingError) in try PreparedRecipe(recipe, document: document) }
    let start = try Self.training { () throws(TrainingError) in try TrainingRun(prepared) }
    let layers = try pruning.collect(from: start.network)
    var curves: [SensitivityCurve] = []
    if pruning.options.scope == .sensitivity, pruning.options.pattern.ownSparsity == nil {
      curves = try Self.training { () throws(TrainingError) in
        let sample = try Self.sample(of: start)
        return try pruning.sensitivity(of: layers, in: start.network) { (graph) throws(TrainingError) in
          try start.session.evaluate(sample, graph).meanLoss
        }
      }
    }
    let plan = try pruning.plan(layers, curves: curves)
    let rule = GradualPruning(plan, schedule: schedule)
    let factor = plan.remainingShare.squareRoot()
    var network = start.network
    let isScaled = recipe.dropout == nil && network.changeDropoutRates { $0 * Float(factor) }
    dropoutFactor = isScaled ? factor : nil
    run = try Self.training { () throws(TrainingError) in
      let scaled = isScaled ? try PreparedRecipe(recipe, document: document, network: network) : prepared
      return try TrainingRun(scaled, rules: [rule])
    }
    testBefore = try Self.training { () throws(TrainingError) in
      try start.test.map { (test) throws(TrainingError) in try start.session.evaluate(test, start.network) }
    }
    self.plan = plan
    self.rule = rule
  }

  /// What became of the weights in `graph`, the finished network.
  public func report(of graph: Graph) -> PruningReport {
    PruningReport(
      plan, before: run.network, after: graph, thresholds: rule.thresholds, dropoutFactor: dropoutFactor)
  }

  private static func sample(of run: TrainingRun) throws(TrainingError) -> BatchSource {
    let dataset = run.training.dataset
    let count = min(dataset.count, sensitivitySampleCount)
    do throws(DatasetError) {
      return try BatchSource(
        dataset.subset((0..<count).map { $0 * dataset.count / count }),
        batching: Batching(batchSize: 256, seed: 0, isShuffled: false))
    } catch { throw .dataset(error) }
  }

  private static func training<R>(_ body: () throws(TrainingError) -> R) throws(PruningError) -> R {
    do throws(TrainingError) { return try body() } catch { throw .training(error) }
  }
}
