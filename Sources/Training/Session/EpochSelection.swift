import Graph
import HostTensors

/// The best epoch by a validation figure with its weights, and whether to go on.
struct EpochSelection {
  struct Weights: Sendable {
    var values: [Float]
    var statistics: [ValueID: Tensor]
  }

  private let metric: MetricRecipe
  private var stopping: EarlyStopping
  /// Of the best epoch so far.
  private(set) var weights: Weights?
  private(set) var isExhausted = false

  /// Errors: a number of the recipe that is out of range.
  init(_ recipe: StoppingRecipe) throws(InvalidSetting) {
    metric = recipe.metric
    stopping = try EarlyStopping(
      .init(
        goal: recipe.metric.goal, patience: recipe.patience, minimumDelta: recipe.minimumChange,
        restoresBest: recipe.restoresBest))
  }

  /// The best epoch, counted from 1, where its weights are what training ends with.
  var restoredEpoch: Int? { stopping.settings.restoresBest ? stopping.state.bestEpoch : nil }

  /// Takes in the figures of an epoch; `weights` is asked for where they are the best so far.
  mutating func consider(_ report: EpochReport, weights: () -> Weights) {
    switch stopping.observe(metric.figure(of: report) ?? .nan, epoch: report.epoch) {
    case .best: self.weights = weights()
    case .waiting: break
    case .stop: isExhausted = true
    }
  }

  func save(to checkpoint: inout Checkpoint, graph: Graph) {
    checkpoint.numbers["selection.waitingEpochs"] = Double(stopping.state.waitingEpochs)
    checkpoint.numbers["selection.epoch"] = stopping.state.bestEpoch.map { Double($0) }
    checkpoint.numbers["selection.best"] = stopping.state.best
    guard let weights else { return }
    checkpoint.buffers["selection.values"] = weights.values
    for (id, tensor) in weights.statistics {
      checkpoint.buffers["selection.statistics." + graph[id].name] = tensor.floats
    }
  }

  /// Whether the checkpoint has what belongs to it.
  mutating func restore(from checkpoint: Checkpoint, graph: Graph) -> Bool {
    guard let waiting = checkpoint.numbers["selection.waitingEpochs"] else { return false }
    stopping.state = .init(
      best: checkpoint.numbers["selection.best"], bestEpoch: checkpoint.numbers["selection.epoch"].map { Int($0) },
      waitingEpochs: Int(waiting))
    isExhausted = Int(waiting) >= stopping.settings.patience
    weights = checkpoint.buffers["selection.values"].map { values in
      Weights(values: values, statistics: checkpoint.statistics(of: graph, prefix: "selection.statistics."))
    }
    return true
  }
}
