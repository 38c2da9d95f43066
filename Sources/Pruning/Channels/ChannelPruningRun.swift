import Datasets
import Graph
import HostTensors
import Training

/// The channels of a network removed, and the training on a recipe's data that makes up for it, made ready.
public struct ChannelPruningRun {
  public let report: ChannelReport
  /// To be run, interrupted and resumed as any other; it begins with the cut network.
  public let run: TrainingRun
  /// Of the network before and just after, on the recipe's test data.
  public let testBefore: RunningFigures?
  public let testCut: RunningFigures?

  /// First-order importance is measured on at most `batchCount` batches of `batchSize` samples.
  public static let batchCount = 64
  public static let batchSize = 16

  /// Cuts the network of `recipe`, which was read from `document`.
  ///
  /// Errors: those of `ChannelPruning`; `.training`.
  public init(
    _ pruning: ChannelPruning, recipe: SupervisedRecipe, document: RecipeDocument
  ) throws(ChannelPruningError) {
    let start = try Self.training { () throws(TrainingError) in try PreparedRecipe(recipe, document: document) }
    let survey =
      pruning.options.criterion == .taylor
      ? try Self.survey(pruning, start) : try pruning.collect(from: start.base)
    let (network, report) = try pruning.apply(pruning.plan(survey, for: start.base), to: start.base)
    let run = try Self.training { () throws(TrainingError) in
      try TrainingRun(PreparedRecipe(recipe, document: document, network: network))
    }
    (testBefore, testCut) = try Self.training { () throws(TrainingError) in
      guard let test = start.test else { return (nil, nil) }
      let before = try TrainingRun(start).session.evaluate(test, start.base)
      return (before, try run.session.evaluate(test, network))
    }
    (self.report, self.run) = (report, run)
  }

  private static func survey(
    _ pruning: ChannelPruning, _ start: PreparedRecipe
  ) throws(ChannelPruningError) -> ChannelSurvey {
    let (graph, dataset) = (start.base, start.training.dataset)
    do {
      let objective = try TargetObjective(start.plan.loss, graph: graph, dataset: dataset)
      // In the order of the shuffled first epoch, so that every class is among them.
      let batching = Batching(batchSize: batchSize, seed: start.training.batching.seed, isShuffled: true)
      let source = try BatchSource(dataset, batching: batching)
      return try pruning.collect(from: graph, batches: min(batchCount, source.batchesPerEpoch)) { number in
        let batch = try source.batch(number, epoch: 0)
        return try graph.parameterGradients([objective.input(batch)], of: objective.observed) { tensors in
          try objective.evaluate(tensors, batch, of: source).gradients
        }
      }
    } catch let error as ChannelPruningError {
      throw error
    } catch let error as TrainingError {
      throw .training(error)
    } catch let error as DatasetError {
      throw .training(.dataset(error))
    } catch let error as GraphError {
      throw .graph(error)
    } catch { preconditionFailure("an error of no kind that these calls have: \(error)") }
  }

  private static func training<R>(_ body: () throws(TrainingError) -> R) throws(ChannelPruningError) -> R {
    do throws(TrainingError) { return try body() } catch { throw .training(error) }
  }
}
