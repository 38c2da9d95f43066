import Datasets
import Graph
import HostTensors
import Operators

/// Trains the parameters of a graph on a data set.
///
/// Weights depend on the graph, the data, the plan and its seed alone: not on how batches are read ahead, and not
/// on whether the run was interrupted and resumed.
public final class TrainingSession {
  public let plan: TrainingPlan
  public let store: ParameterStore
  public private(set) var history: [EpochReport] = []
  let graph: Graph
  let fingerprint: String
  private let tape: Tape
  private let objective: any Objective
  private let training: BatchSource
  private let validation: BatchSource?
  private let rules: [any WeightRule]
  private(set) var updater: Updater
  private(set) var position = Checkpoint.Position()
  private(set) var sums = RunningFigures()
  private(set) var selection: EpochSelection?

  /// Prepares the training of `graph`, a training form whose weights are the starting point.
  ///
  /// `objective` is the plan's loss against what the data say unless given; what it observes must be of `graph`.
  /// `fingerprint` tells this run's checkpoints from those of others; `rules` act on the weights around each step,
  /// in order. Errors: `.inputCount`, `.noParameters`, `.nothingSelected`, `.unreachable`, `.objective`, `.setting`,
  /// and those of the rules.
  public init(
    _ graph: Graph, trained: [GraphParameter], training: BatchSource, validation: BatchSource?, plan: TrainingPlan,
    objective: (any Objective)? = nil, fingerprint: String, rules: [any WeightRule] = []
  ) throws(TrainingError) {
    guard graph.inputs.count == 1 else { throw .inputCount(found: graph.inputs.count) }
    guard !trained.isEmpty else { throw .noParameters }
    // What is frozen stays a constant of the graph.
    let store = ParameterStore(graph, parameters: trained)
    let objective =
      if let objective { objective } else {
        try TargetObjective(plan.loss, graph: graph, dataset: training.dataset) as any Objective
      }
    let tape = Tape(graph, outputs: objective.observed, trained: Set(trained.map(\.value)))
    if let lost = tape.unreachable.first {
      throw .unreachable(parameter: graph[lost.value].name, node: lost.node, reason: lost.reason)
    }
    self.graph = graph
    self.plan = plan
    self.store = store
    self.objective = objective
    self.tape = tape
    self.training = training
    self.validation = validation
    self.fingerprint = fingerprint
    self.rules = rules
    updater = try Updater(plan, store: store, stepsPerEpoch: training.batchesPerEpoch)
    do throws(InvalidSetting) {
      selection = try plan.stopping.map { (recipe) throws(InvalidSetting) in try EpochSelection(recipe) }
    } catch { throw .setting(error) }
    for rule in rules { try rule.prepare(store, stepCount: training.batchesPerEpoch * plan.epochs) }
  }

  /// Trains until the plan's last epoch, or until the validation figures say that it is enough.
  ///
  /// With `pause`, at most that many epochs from the start, after which a checkpoint stands that goes on.
  ///
  /// A checkpoint is written after every epoch, after every `checkpoints.interval` of work, and when `isInterrupted`
  /// answers yes. Errors: `.notFinite`, `.interrupted`, `.dataset`, `.graph`, `.unwritable`.
  public func run(
    until pause: Int? = nil, checkpoints: CheckpointSchedule, isInterrupted: () -> Bool = { false },
    observe: (TrainingEvent) -> Void = { _ in }
  ) throws(TrainingError) -> TrainingOutcome {
    var checkpoints = checkpoints
    return try StorageRecycler.whileActive { () throws(TrainingError) in
      let end = min(pause ?? plan.epochs, plan.epochs)
      while position.epoch < end && selection?.isExhausted != true {
        try runEpoch(&checkpoints, isInterrupted: isInterrupted, observe: observe)
        if selection?.isExhausted == true { observe(.stoppedEarly(epoch: position.epoch)) }
        if checkpoints.isDueAfterEpoch { try save(&checkpoints) }
      }
      if pause != nil { try save(&checkpoints) }
      return outcome()
    }
  }

  private func runEpoch(
    _ checkpoints: inout CheckpointSchedule, isInterrupted: () -> Bool, observe: (TrainingEvent) -> Void
  ) throws(TrainingError) {
    let reader = training.reader(epoch: position.epoch, from: position.batch)
    defer { reader.stop() }
    let start = ContinuousClock.now
    let samplesBefore = sums.samples
    var learningRate = 0.0
    func rate() -> Double {
      Double(sums.samples - samplesBefore) / max(start.duration(to: .now).inSeconds, 1e-9)
    }
    while let batch = try next(reader) {
      learningRate = try step(batch, checkpoint: checkpoints.lastWritten)
      observe(.step(stepReport(samplesPerSecond: rate())))
      if isInterrupted() {
        try save(&checkpoints)
        throw .interrupted(checkpoint: checkpoints.lastWritten, epoch: position.epoch + 1, step: position.step)
      }
      if checkpoints.isDue { try save(&checkpoints) }
    }
    let samplesPerSecond = rate()
    let evaluation = try validation.map { (source) throws(TrainingError) in try evaluate(source) }
    let report = EpochReport(
      epoch: position.epoch + 1, learningRate: learningRate, loss: sums.meanLoss, metric: sums.meanMetric,
      validationLoss: evaluation?.meanLoss, validationMetric: evaluation?.meanMetric,
      samplesPerSecond: samplesPerSecond, seconds: start.duration(to: .now).inSeconds)
    finishEpoch(report)
    observe(.epoch(report))
  }

  private func finishEpoch(_ report: EpochReport) {
    history.append(report)
    sums = RunningFigures()
    position.epoch += 1
    position.batch = 0
    updater.finishEpoch(report)
    guard var selection, rules.allSatisfy({ $0.isSettled(afterSteps: position.step) }) else { return }
    self.selection = nil
    selection.consider(report, weights: { self.presentWeights() })
    self.selection = selection
  }

  /// The weights that count: the average where one is kept.
  private func presentWeights() -> EpochSelection.Weights {
    EpochSelection.Weights(
      values: updater.average?.values ?? Array(store.values), statistics: store.statistics)
  }

  private func next(_ reader: BatchReader) throws(TrainingError) -> Batch? {
    do throws(DatasetError) { return try reader.next() } catch { throw .dataset(error) }
  }

  /// One step; returns its learning rate.
  private func step(_ batch: Batch, checkpoint: String?) throws(TrainingError) -> Double {
    let inputs = [objective.input(batch)]
    let seed = Tape.mixed(plan.seed, UInt64(position.step))
    func notFinite(_ what: String, _ layer: String) -> TrainingError {
      .notFinite(what: what, layer: layer, epoch: position.epoch + 1, step: position.step + 1, checkpoint: checkpoint)
    }
    let recording = try inGraph { () throws(GraphError) in try tape.forward(inputs, store: store, seed: seed) }
    let updates = recording.updates
    let figures = try objective.evaluate(recording.outputs, batch, of: training)
    guard figures.loss.isFinite else {
      throw notFinite("loss", try firstNonFiniteLayer(inputs, seed: seed) ?? "the loss itself")
    }
    _ = try inGraph { () throws(GraphError) in
      try tape.backward(recording, outputGradients: figures.gradients, store: store)
    }
    guard let learningRate = updater.apply(to: store, step: position.step, rules: rules) else {
      throw notFinite("gradient", updater.nonFiniteParameter(store) ?? "all parameters together")
    }
    for (id, tensor) in updates { store.statistics[id] = tensor }
    sums.add(loss: figures.loss, metric: figures.metric, samples: batch.count)
    position.step += 1
    position.batch += 1
    return learningRate
  }

  /// The first node whose output holds a value that is not finite.
  private func firstNonFiniteLayer(_ inputs: [Tensor], seed: UInt64) throws(TrainingError) -> String? {
    var layer: String?
    _ = try inGraph { () throws(GraphError) in
      try tape.forward(inputs, store: store, seed: seed) { node, tensor in
        guard layer == nil, tensor.dtype == .float32 else { return }
        if !tensor.withElements(as: Float.self, { $0.allSatisfy(\.isFinite) }) { layer = node.name }
      }
    }
    return layer
  }

  private func stepReport(samplesPerSecond: Double) -> StepReport {
    StepReport(
      epoch: position.epoch + 1, epochs: plan.epochs, batch: position.batch, batches: training.batchesPerEpoch,
      loss: sums.meanLoss, metric: sums.meanMetric, samplesPerSecond: samplesPerSecond)
  }

  /// What the metric beside the loss is.
  public var metricName: String { objective.metric.rawValue }

  /// Loss and metric of `source` under the present weights, averaged ones where an average is kept.
  public func evaluate(_ source: BatchSource) throws(TrainingError) -> RunningFigures {
    let live = Array(store.values)
    if let average = updater.average?.values { store.replaceValues(average) }
    defer { store.replaceValues(live) }
    return try evaluate(source, store.bound(to: graph))
  }

  /// Loss and metric of `source` as the trained network evaluates.
  public func evaluate(_ source: BatchSource, with outcome: TrainingOutcome) throws(TrainingError) -> RunningFigures {
    try evaluate(source, outcome.graph)
  }

  /// Loss and metric of `source` under `network`: the session's graph with other weights.
  public func evaluate(_ source: BatchSource, _ network: Graph) throws(TrainingError) -> RunningFigures {
    var network = network
    network.outputs = objective.observed
    network.removeDeadNodes()
    let evaluator = Evaluator(network)
    var figures = RunningFigures()
    let reader = source.reader(epoch: 0)
    defer { reader.stop() }
    while let batch = try next(reader) {
      let outputs = try inGraph { () throws(GraphError) in try evaluator.run([objective.input(batch)]) }
      let result = try objective.evaluate(outputs, batch, of: source)
      figures.add(loss: result.loss, metric: result.metric, samples: batch.count)
    }
    return figures
  }

  private func inGraph<R>(_ body: () throws(GraphError) -> R) throws(TrainingError) -> R {
    do throws(GraphError) { return try body() } catch { throw .graph(error) }
  }

  private func outcome() -> TrainingOutcome {
    var epoch = position.epoch
    if let best = selection?.restoredEpoch, let weights = selection?.weights {
      store.replaceValues(weights.values)
      store.statistics = weights.statistics
      epoch = best
    } else if let average = updater.average?.values {
      store.replaceValues(average)
    }
    return TrainingOutcome(
      graph: store.writing(to: graph), history: history, epoch: epoch, steps: position.step,
      trainedParameters: store.trainedCount, peakTensorBytes: StorageRecycler.peakByteCount)
  }

  private func save(_ checkpoints: inout CheckpointSchedule) throws(TrainingError) {
    guard checkpoints.path != nil else { return }
    try checkpoints.write(checkpoint())
  }

  func checkpoint() -> Checkpoint {
    var checkpoint = Checkpoint(
      fingerprint: fingerprint, position: position, numbers: sums.numbers, history: history,
      buffers: ["parameters": Array(store.values)])
    for (id, tensor) in store.statistics { checkpoint.buffers["statistics." + graph[id].name] = tensor.floats }
    updater.save(to: &checkpoint)
    selection?.save(to: &checkpoint, graph: graph)
    for rule in rules { rule.save(to: &checkpoint) }
    return checkpoint
  }

  /// Takes a run up where `checkpoint` left it.
  ///
  /// Errors: `.foreignCheckpoint` where it is of another recipe, network or data set.
  public func resume(from checkpoint: Checkpoint, path: String) throws(TrainingError) {
    guard checkpoint.fingerprint == fingerprint, let values = checkpoint.buffers["parameters"],
      values.count == store.count
    else { throw .foreignCheckpoint(path: path) }
    store.replaceValues(values)
    store.restoreStatistics(of: graph, from: checkpoint, prefix: "statistics.")
    guard updater.restore(from: checkpoint), selection?.restore(from: checkpoint, graph: graph) != false,
      rules.allSatisfy({ $0.restore(from: checkpoint) })
    else { throw .foreignCheckpoint(path: path) }
    position = checkpoint.position
    history = checkpoint.history
    sums = RunningFigures(checkpoint.numbers)
  }
}

extension Duration {
  package var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
