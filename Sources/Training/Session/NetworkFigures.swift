import Datasets
import Graph
import HostTensors

/// Loss against the labels of a data set, and the metric beside it, of any network.
public struct NetworkFigures: Sendable {
  public let metric: ObjectiveMetric
  public let figures: RunningFigures

  /// Evaluates `network`, whose shapes are inferred, on all of `source`.
  ///
  /// Errors: `.inputCount`, `.noOutput`, `.objective`, `.loss`, `.dataset`, `.graph`.
  public init(of network: Graph, loss: Loss, on source: BatchSource) throws(TrainingError) {
    guard network.inputs.count == 1, let input = network[network.inputs[0]].info else {
      throw .inputCount(found: network.inputs.count)
    }
    guard let output = network.outputs.first else { throw .noOutput }
    var scoring = network
    scoring.outputs = [network.scores(of: output, for: loss)]
    scoring.removeDeadNodes()
    let evaluator = Evaluator(scoring)
    try self.init(loss: loss, network: network, on: source) { batch throws(GraphError) in
      try evaluator.run([input.input(batch)])[0]
    }
  }

  /// Takes the scores of each batch from `scores`; `network` says how they are meant.
  package init(
    loss: Loss, network: Graph, on source: BatchSource, scores: (Batch) throws(GraphError) -> Tensor
  ) throws(TrainingError) {
    let labels = try TargetObjective(loss, graph: network, dataset: source.dataset)
    var figures = RunningFigures()
    for number in 0..<source.batchesPerEpoch {
      let batch: Batch
      do throws(DatasetError) { batch = try source.batch(number, epoch: 0) } catch { throw .dataset(error) }
      let tensor: Tensor
      do throws(GraphError) { tensor = try scores(batch) } catch { throw .graph(error) }
      let value = try labels.evaluate(scores: tensor, batch)
      figures.add(loss: value.loss, metric: value.metric, samples: batch.count)
    }
    metric = labels.metric
    self.figures = figures
  }
}
