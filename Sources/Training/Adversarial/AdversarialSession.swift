import Datasets
import Graph
import HostTensors
import Operators

/// Trains a generator of samples and a discriminator that tells them from real ones against each other.
///
/// Each step first moves the discriminator toward telling a batch of real samples from as many generated ones, then
/// the generator toward samples that the discriminator takes for real (the non-saturating loss of Goodfellow et
/// al., "Generative adversarial networks", 2014). Same recipe, data and seed, same weights.
public final class AdversarialSession {
  /// One of the two networks as it is trained.
  private struct Player {
    let graph: Graph
    let store: ParameterStore
    let tape: Tape
    var updater: Updater
    /// What its tape ends in: of a generator its samples, of a discriminator the scores before a sigmoid.
    let result: ValueID

    init(
      _ graph: Graph, _ optimizer: OptimizerRecipe, _ recipe: AdversarialRecipe, steps: Int,
      seesThrough: Set<OperatorKind>
    ) throws(TrainingError) {
      guard graph.inputs.count == 1 else { throw .inputCount(found: graph.inputs.count) }
      guard let output = graph.outputs.first else { throw .noOutput }
      let parameters = graph.parameters()
      guard !parameters.isEmpty else { throw .noParameters }
      self.graph = graph
      store = ParameterStore(graph, parameters: parameters)
      result = graph.scores(behind: output, seesThrough)
      tape = Tape(graph, outputs: [result], trained: Set(parameters.map(\.value)))
      if let lost = tape.unreachable.first {
        throw .unreachable(parameter: graph[lost.value].name, node: lost.node, reason: lost.reason)
      }
      let plan = TrainingPlan(
        loss: .binaryCrossEntropy(), rule: UpdateRule(optimizer), learningRate: optimizer.learningRate,
        epochs: recipe.epochs, seed: recipe.seed)
      updater = try Updater(plan, store: store, stepsPerEpoch: steps)
    }
  }

  /// What the two networks end with.
  public struct Outcome: Sendable {
    public var generator: Graph
    public var discriminator: Graph
    public var history: [EpochReport]
    public var steps: Int
    /// Trained numbers of both networks.
    public var parameters: Int
  }

  private let recipe: AdversarialRecipe
  private let training: BatchSource
  private let fingerprint: String
  private var generator: Player
  private var discriminator: Player
  /// The way back through the discriminator to the samples, its weights standing still.
  private let criticism: Tape
  private let latentShape: [Int]
  private let sampleShape: [Int]
  private var position = Checkpoint.Position()
  private var history: [EpochReport] = []
  private var generatorFigures = RunningFigures()
  private var discriminatorFigures = RunningFigures()

  /// Prepares `recipe`, which was read from `document`: opens the data and builds both networks.
  ///
  /// Errors: `.dataset`, `.network`, and those of the other initializer.
  public convenience init(_ recipe: AdversarialRecipe, document: RecipeDocument) throws(TrainingError) {
    let source: BatchSource
    do throws(DatasetError) {
      source = try BatchSource(
        Dataset(contentsOf: recipe.data.train), batching: Batching(batchSize: recipe.batch, seed: recipe.seed))
    } catch { throw .dataset(error) }
    let graphs: (generator: Graph, discriminator: Graph)
    do throws(NetworkError) {
      graphs = try recipe.graphs(batch: 1, initialize: Initializer.drawing(seed: recipe.seed))
    } catch { throw .network(error) }
    var hash = StableHash()
    do throws(RecipeError) { hash.add(try document.yaml()) } catch { throw .recipe(error) }
    hash.add("\(source.dataset.count)")
    try self.init(
      recipe, generator: graphs.generator, discriminator: graphs.discriminator, training: source, fingerprint: hash.text
    )
  }

  /// Errors: what either network lacks, and `.objective` where samples, the generator's output and the
  /// discriminator's input differ in size.
  public init(
    _ recipe: AdversarialRecipe, generator: Graph, discriminator: Graph, training: BatchSource, fingerprint: String
  ) throws(TrainingError) {
    let steps = training.batchesPerEpoch
    self.generator = try Player(generator, recipe.generator.optimizer, recipe, steps: steps, seesThrough: [])
    self.discriminator = try Player(
      discriminator, recipe.discriminator.optimizer, recipe, steps: steps, seesThrough: [.sigmoid])
    let samples = discriminator.inputs[0]
    sampleShape = Array(discriminator[samples].info?.shape.dropFirst() ?? [])
    latentShape = Array(generator[generator.inputs[0]].info?.shape.dropFirst() ?? [])
    let made = generator[generator.outputs[0]].info?.shape.dropFirst().reduce(1, *) ?? 0
    let wanted = sampleShape.elementCount
    guard made == wanted, training.dataset.elementCount == wanted else {
      throw .objective(
        expected: "\(wanted) numbers a sample, as the discriminator takes",
        found: "\(made) of the generator, \(training.dataset.elementCount) of the data")
    }
    criticism = Tape(discriminator, outputs: [self.discriminator.result], trained: [samples])
    self.recipe = recipe
    self.training = training
    self.fingerprint = fingerprint
  }

  /// Trains for the recipe's epochs; checkpoints and interruption as of `TrainingSession.run`.
  public func run(
    checkpoints: CheckpointSchedule, isInterrupted: () -> Bool = { false }, observe: (TrainingEvent) -> Void = { _ in }
  ) throws(TrainingError) -> Outcome {
    var checkpoints = checkpoints
    return try StorageRecycler.whileActive { () throws(TrainingError) in
      while position.epoch < recipe.epochs {
        try runEpoch(&checkpoints, isInterrupted: isInterrupted, observe: observe)
        if checkpoints.isDueAfterEpoch { try checkpoints.write(checkpoint()) }
      }
      return Outcome(
        generator: generator.store.writing(to: generator.graph),
        discriminator: discriminator.store.writing(to: discriminator.graph), history: history, steps: position.step,
        parameters: generator.store.trainedCount + discriminator.store.trainedCount)
    }
  }

  private func runEpoch(
    _ checkpoints: inout CheckpointSchedule, isInterrupted: () -> Bool, observe: (TrainingEvent) -> Void
  ) throws(TrainingError) {
    let reader = training.reader(epoch: position.epoch, from: position.batch)
    defer { reader.stop() }
    let start = ContinuousClock.now
    let samplesBefore = generatorFigures.samples
    func rate() -> Double {
      Double(generatorFigures.samples - samplesBefore) / max(start.duration(to: .now).inSeconds, 1e-9)
    }
    while let batch = try next(reader) {
      try step(batch, checkpoint: checkpoints.lastWritten)
      observe(
        .step(
          StepReport(
            epoch: position.epoch + 1, epochs: recipe.epochs, batch: position.batch, batches: training.batchesPerEpoch,
            loss: generatorFigures.meanLoss, metric: discriminatorFigures.meanMetric, samplesPerSecond: rate())))
      if isInterrupted() {
        try checkpoints.write(checkpoint())
        throw .interrupted(checkpoint: checkpoints.lastWritten, epoch: position.epoch + 1, step: position.step)
      }
      if checkpoints.isDue { try checkpoints.write(checkpoint()) }
    }
    let report = EpochReport(
      epoch: position.epoch + 1, learningRate: recipe.generator.optimizer.learningRate, loss: generatorFigures.meanLoss,
      metric: discriminatorFigures.meanMetric, discriminatorLoss: discriminatorFigures.meanLoss,
      samplesPerSecond: rate(), seconds: start.duration(to: .now).inSeconds)
    history.append(report)
    generatorFigures = RunningFigures()
    discriminatorFigures = RunningFigures()
    position.epoch += 1
    position.batch = 0
    observe(.epoch(report))
  }

  private func next(_ reader: BatchReader) throws(TrainingError) -> Batch? {
    do throws(DatasetError) { return try reader.next() } catch { throw .dataset(error) }
  }

  private func step(_ batch: Batch, checkpoint: String?) throws(TrainingError) {
    let seed = Tape.mixed(recipe.seed, UInt64(position.step))
    let real = batch.inputs.reshaped([batch.count] + sampleShape)
    do throws(GraphError) {
      try stepDiscriminator(real, seed: seed)
      try stepGenerator(count: batch.count, seed: seed)
    } catch { throw .graph(error) }
    guard discriminatorFigures.meanLoss.isFinite, generatorFigures.meanLoss.isFinite else {
      throw .notFinite(
        what: "loss", layer: discriminatorFigures.meanLoss.isFinite ? "the generator" : "the discriminator",
        epoch: position.epoch + 1, step: position.step + 1, checkpoint: checkpoint)
    }
    position.step += 1
    position.batch += 1
  }

  private func stepDiscriminator(_ real: Tensor, seed: UInt64) throws(GraphError) {
    let count = real.shape[0]
    let made = try generator.tape.forward([latent(count, seed, 1)], store: generator.store, seed: Tape.mixed(seed, 2))
    let samples = real.stacked(on: made.outputs[0].reshaped(real.shape))
    let recording = try discriminator.tape.forward([samples], store: discriminator.store, seed: Tape.mixed(seed, 3))
    let updates = recording.updates
    let scores = recording.outputs[0]
    let targets =
      [Float](repeating: 1 - Float(recipe.labelSmoothing), count: count) + [Float](repeating: 0, count: count)
    let value = binaryLoss(scores, targets)
    let right = scores.withElements(as: Float.self) { scores in
      (0..<2 * count).count { ($0 < count) == (scores[$0] > 0) }
    }
    try discriminator.tape.backward(recording, outputGradients: [value.gradient], store: discriminator.store)
    _ = discriminator.updater.apply(to: discriminator.store, step: position.step)
    for (id, tensor) in updates { discriminator.store.statistics[id] = tensor }
    discriminatorFigures.add(loss: value.mean, metric: Double(right), samples: 2 * count)
  }

  private func stepGenerator(count: Int, seed: UInt64) throws(GraphError) {
    let made = try generator.tape.forward([latent(count, seed, 4)], store: generator.store, seed: Tape.mixed(seed, 5))
    let updates = made.updates
    let sampleOutput = made.outputs[0]
    let samples = sampleOutput.reshaped([count] + sampleShape)
    let judged = try criticism.forward([samples], store: discriminator.store, seed: Tape.mixed(seed, 6))
    let value = binaryLoss(judged.outputs[0], [Float](repeating: 1, count: count))
    let gradients = try criticism.backward(judged, outputGradients: [value.gradient], store: discriminator.store)
    guard let gradient = gradients[discriminator.graph.inputs[0]] else { return }
    try generator.tape.backward(
      made, outputGradients: [gradient.reshaped(sampleOutput.shape)], store: generator.store)
    _ = generator.updater.apply(to: generator.store, step: position.step)
    for (id, tensor) in updates { generator.store.statistics[id] = tensor }
    generatorFigures.add(loss: value.mean, metric: 0, samples: count)
  }

  /// Normal random numbers for `count` samples.
  private func latent(_ count: Int, _ seed: UInt64, _ purpose: UInt64) -> Tensor {
    var stream = ParameterStream(seed: seed, name: "latent \(purpose)")
    let total = count * latentShape.elementCount
    return Tensor(shape: [count] + latentShape, elements: (0..<total).map { _ in Float(stream.normal()) })
  }

  private func binaryLoss(_ scores: Tensor, _ targets: [Float]) -> LossValue {
    let wanted = Targets.values(Tensor(shape: [targets.count, 1], elements: targets))
    do throws(LossError) {
      let value = try Loss.binaryCrossEntropy().evaluate(outputs: scores.reshaped([targets.count, 1]), targets: wanted)
      return LossValue(mean: value.mean, gradient: value.gradient.reshaped(scores.shape))
    } catch { preconditionFailure("targets of 0...1, one for each score: \(error)") }
  }
}

extension AdversarialSession {
  private func checkpoint() -> Checkpoint {
    var checkpoint = Checkpoint(
      fingerprint: fingerprint, position: position, numbers: [:], history: history, buffers: [:])
    for (key, number) in generatorFigures.numbers { checkpoint.numbers["generator." + key] = number }
    for (key, number) in discriminatorFigures.numbers { checkpoint.numbers["discriminator." + key] = number }
    for (name, player) in [("generator", generator), ("discriminator", discriminator)] {
      checkpoint.buffers[name] = Array(player.store.values)
      player.updater.save(to: &checkpoint, prefix: name + ".")
      for (id, tensor) in player.store.statistics {
        checkpoint.buffers["\(name).statistics.\(player.graph[id].name)"] = tensor.floats
      }
    }
    return checkpoint
  }

  /// Takes a run up where `checkpoint` left it. Errors: `.foreignCheckpoint`.
  public func resume(from checkpoint: Checkpoint, path: String) throws(TrainingError) {
    guard checkpoint.fingerprint == fingerprint, restore(&generator, "generator", checkpoint),
      restore(&discriminator, "discriminator", checkpoint)
    else { throw .foreignCheckpoint(path: path) }
    position = checkpoint.position
    history = checkpoint.history
    func figures(_ name: String) -> RunningFigures {
      let numbers = checkpoint.numbers.filter { $0.key.hasPrefix(name) }
      return RunningFigures(
        Dictionary(uniqueKeysWithValues: numbers.map { (String($0.key.dropFirst(name.count)), $0.value) }))
    }
    generatorFigures = figures("generator.")
    discriminatorFigures = figures("discriminator.")
  }

  private func restore(_ player: inout Player, _ name: String, _ checkpoint: Checkpoint) -> Bool {
    guard let values = checkpoint.buffers[name], values.count == player.store.count else { return false }
    player.store.replaceValues(values)
    player.store.restoreStatistics(of: player.graph, from: checkpoint, prefix: name + ".statistics.")
    return player.updater.restore(from: checkpoint, prefix: name + ".")
  }
}

extension Tensor {
  /// These samples, then those of `other`, of the same extents.
  fileprivate func stacked(on other: Tensor) -> Tensor {
    Tensor(uninitialized: [shape[0] + other.shape[0]] + shape.dropFirst(), of: Float.self) { target in
      withElements(as: Float.self) { first in
        other.withElements(as: Float.self) { second in
          let rest = target[first.count...]
          _ = UnsafeMutableBufferPointer(rebasing: target[..<first.count]).update(fromContentsOf: first)
          _ = UnsafeMutableBufferPointer(rebasing: rest).update(fromContentsOf: second)
        }
      }
    }
  }
}
