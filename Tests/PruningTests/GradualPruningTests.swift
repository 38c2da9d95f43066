import Foundation
import Graph
import ONNX
import Pruning
import Testing
import Training

/// Pruning while training: the schedule is met, masks hold, and interruption changes nothing.
@Suite(.serialized) struct GradualPruningTests {
  private static func prepared(
    _ sparsity: Double, epochs: Int = 4, schedule: PruningSchedule = PruningSchedule(),
    _ change: (inout PruningOptions) -> Void = { _ in }
  ) throws -> PruningRun {
    var options = PruningOptions(sparsity: sparsity)
    change(&options)
    let (recipe, document) = try Digits.trained.get().recipe(epochs: epochs)
    return try PruningRun(try WeightPruning(options), schedule: schedule, recipe: recipe, document: document)
  }

  private static func finished(_ run: TrainingRun) throws -> Graph {
    try run.finished(run.session.run(checkpoints: CheckpointSchedule(path: nil)))
  }

  private static func bits(_ graph: Graph) -> [[UInt32]] {
    graph.parameters().map { graph[$0.value].constant?.floats.map(\.bitPattern) ?? [] }
  }

  @Test func scheduleIsCubicAndEndsInTime() {
    let schedule = PruningSchedule(begin: 0.1, end: 0.5, frequency: 7)
    var last = 0.0
    for step in 1...1000 {
      guard let progress = schedule.progress(after: step, of: 1000) else { continue }
      let rest = 1 - Double(step - 100) / 400
      #expect(step > 100 && step <= 500 && (step == 500 || (step - 100) % 7 == 0))
      #expect(abs(progress - (1 - rest * rest * rest)) < 1e-12 && progress > last)
      last = progress
    }
    #expect(last == 1)
    // A run of a single step prunes in it.
    #expect(PruningSchedule().progress(after: 1, of: 1) == 1)
    #expect((1...1000).filter { PruningSchedule().progress(after: $0, of: 1000) != nil }.count == 100)
  }

  /// Of 25,408 weights one in five is left; 1.5 points of a thousand samples' accuracy may go, 15 digits.
  @Test(arguments: PruningScope.allCases) func fourOfFiveWeightsGoAndTheAccuracyStays(scope: PruningScope) throws {
    let pruning = try Self.prepared(0.8, epochs: 8) { $0.scope = scope }
    let graph = try Self.finished(pruning.run)
    let report = pruning.report(of: graph)
    #expect(report.weights == 25_408 && abs(report.zerosAfter - 20_326) <= 1)
    let test = try #require(pruning.run.test)
    let after = try pruning.run.session.evaluate(test, graph)
    let before = try #require(pruning.testBefore)
    #expect(before.meanMetric > 0.85)
    #expect(after.meanMetric >= before.meanMetric - 0.015, "\(before.meanMetric) -> \(after.meanMetric)")
    #expect(report.layers.allSatisfy { ($0.threshold != nil) == ($0.zerosAfter > 0) })
  }

  @Test func movementPrunesToo() throws {
    let pruning = try Self.prepared(0.8, schedule: PruningSchedule(begin: 0.1)) { $0.importance = .movement }
    let graph = try Self.finished(pruning.run)
    #expect(pruning.report(of: graph).zerosAfter == 20_326)
    let after = try pruning.run.session.evaluate(try #require(pruning.run.test), graph)
    #expect(after.meanMetric >= (try #require(pruning.testBefore)).meanMetric - 0.03)
  }

  /// One weight in 25 is left: a rate of 0.5 becomes 0.1, in what is trained and in what is written.
  @Test(arguments: [(nil, 0.1), (0.3, 0.3), (0, 0)] as [(Double?, Float)])
  func dropoutFadesWithTheWeights(set: Double?, expected: Float) throws {
    let digits = try Digits.trained.get()
    let layers = "[dense: { units: 16, activation: relu }, dropout: 0.5, dense: 10, softmax]"
    let start = try digits.run("network: { input: [1, 28, 28], layers: \(layers) }", epochs: 1)
    let name = "dropout-\(UUID().uuidString).onnx"
    try digits.export(start.network, name)
    let (recipe, document) = try digits.recipe(
      "network: { file: \(name) }", epochs: 1, more: set.map { "dropout: \($0)" } ?? "")
    let pruning = try PruningRun(
      WeightPruning(PruningOptions(sparsity: 0.96)), schedule: PruningSchedule(), recipe: recipe, document: document)
    #expect(pruning.dropoutFactor.map { abs($0 - 0.2) < 1e-4 } == (set == nil ? true : nil))
    let graph = try Self.finished(pruning.run)
    for network in [pruning.run.network, graph] {
      let node = try #require(network.nodes.first { $0.kind == .dropout })
      let rate = try #require(node.inputs[1].flatMap { network[$0].constant?.floats.first })
      #expect(abs(rate - expected) < 1e-4)
    }
  }

  struct Way: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var importance = WeightImportance.magnitude
    var optimizer = "{ adam: { learning_rate: 0.003 } }"
    var more = ""
    var pattern = PruningPattern.unstructured
    var scope = PruningScope.global
  }

  static let ways = [
    Way(testDescription: "adam"),
    Way(
      testDescription: "momentum, average, best epoch",
      optimizer: "{ sgd: { learning_rate: 0.05, momentum: 0.9, nesterov: true } }",
      more: "average: 0.95\nclip_norm: 1\nearly_stopping: { metric: validation_loss, patience: 2 }"),
    Way(testDescription: "movement", importance: .movement),
    Way(testDescription: "2:4", pattern: .nOfM(kept: 2, of: 4)),
    Way(testDescription: "blocks, layer by layer", pattern: .block(outputs: 1, inputs: 4), scope: .layer),
  ]

  /// In the middle of pruning, and behind its end.
  @Test(arguments: ways, [40, 101]) func resumedRunReachesTheSameNetwork(_ way: Way, stopAfter: Int) throws {
    func prepared() throws -> PruningRun {
      let place = try Digits.trained.get()
      var options = PruningOptions(sparsity: 0.8)
      options.importance = way.importance
      options.pattern = way.pattern
      options.scope = way.scope
      var (recipe, document) = try place.recipe(epochs: 4, optimizer: way.optimizer, more: "")
      if !way.more.isEmpty {
        try document.set("data.validation", to: "0.1")
        for line in way.more.split(separator: "\n") {
          let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
          try document.set(parts[0], to: parts[1])
        }
        guard case .supervised(let read) = try Recipe(document) else { throw CancellationError() }
        recipe = read
      }
      return try PruningRun(
        try WeightPruning(options), schedule: PruningSchedule(end: 0.8, frequency: 3), recipe: recipe,
        document: document)
    }
    let whole = try prepared()
    let expected = try Self.finished(whole.run)
    let zeros = Self.zeros(expected)
    #expect(zeros == whole.report(of: expected).zerosAfter && zeros > 0)

    let checkpoint = try Digits.trained.get().folder.appendingPathComponent("\(UUID().uuidString).checkpoint").path
    var steps = 0
    #expect(throws: TrainingError.self) {
      try prepared().run.session.run(checkpoints: CheckpointSchedule(path: checkpoint)) {
        steps += 1
        return steps == stopAfter
      }
    }
    let second = try prepared()
    try second.run.session.resume(from: Checkpoint(contentsOf: checkpoint), path: checkpoint)
    let resumed = try Self.finished(second.run)
    #expect(Self.bits(resumed) == Self.bits(expected))
    #expect(second.report(of: resumed).layers.map(\.threshold) == whole.report(of: expected).layers.map(\.threshold))
  }

  private static func zeros(_ graph: Graph) -> Int { graph.prunableLayers().reduce(0) { $0 + $1.zeros } }

  @Test func checkpointOfAnotherSparsityIsRefused() throws {
    let checkpoint = try Digits.trained.get().folder.appendingPathComponent("other.checkpoint").path
    #expect(throws: TrainingError.self) {
      try Self.prepared(0.8).run.session.run(checkpoints: CheckpointSchedule(path: checkpoint)) { true }
    }
    #expect {
      try Self.prepared(0.9).run.session.resume(from: Checkpoint(contentsOf: checkpoint), path: checkpoint)
    } throws: { error in
      if case .foreignCheckpoint? = error as? TrainingError { true } else { false }
    }
  }

  /// Early stopping would keep the unpruned first epoch, were it not for the schedule.
  @Test func theBestEpochIsOneThatIsPruned() throws {
    let place = try Digits.trained.get()
    var (_, document) = try place.recipe(epochs: 5)
    try document.set("data.validation", to: "0.2")
    try document.set("early_stopping", to: "{ metric: validation_loss, patience: 1 }")
    guard case .supervised(let recipe) = try Recipe(document) else { throw CancellationError() }
    let pruning = try PruningRun(
      try WeightPruning(PruningOptions(sparsity: 0.98)), schedule: PruningSchedule(end: 0.8), recipe: recipe,
      document: document)
    let outcome = try pruning.run.session.run(checkpoints: CheckpointSchedule(path: nil))
    #expect(outcome.epoch >= 4)
    #expect(abs(pruning.report(of: try pruning.run.finished(outcome)).sparsity - 0.98) < 1e-4)
  }

  /// What a later command trains is the pruned network: its zeros stay without being told.
  @Test func zerosOutlastLaterFineTuning() throws {
    let place = try Digits.trained.get()
    let pruned = try Self.finished(try Self.prepared(0.9, epochs: 2).run)
    try place.export(pruned, "pruned.onnx")
    let tuned = try Self.finished(try place.run("network: { file: pruned.onnx }", epochs: 1))
    #expect(Self.bits(tuned) != Self.bits(pruned))
    for layer in pruned.prunableLayers() {
      let (before, after) = (pruned.floats(layer.name), tuned.floats(layer.name))
      #expect(before.map { $0 == 0 } == after.map { $0 == 0 })
    }
  }

  @Test func theSameSeedGivesTheSameFile() throws {
    let place = try Digits.trained.get()
    var files: [Data] = []
    for name in ["first.onnx", "second.onnx"] {
      try place.export(Self.finished(try Self.prepared(0.9, epochs: 2).run), name)
      files.append(try Data(contentsOf: place.folder.appendingPathComponent(name)))
    }
    #expect(files[0] == files[1])
  }

  @Test func aWeightThatIsNotTrainedCannotBePruned() throws {
    let place = try Digits.trained.get()
    let (recipe, document) = try place.recipe(epochs: 1, more: "trainable: head")
    #expect {
      try PruningRun(
        try WeightPruning(PruningOptions(sparsity: 0.5)), schedule: PruningSchedule(), recipe: recipe,
        document: document)
    } throws: { error in
      if case .training(.nothingSelected(["dense1.weight"], _))? = error as? PruningError { true } else { false }
    }
  }
}
