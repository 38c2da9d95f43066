import Foundation
import Graph
import HostTensors
import Testing
import Training

/// Runs as a user has them: the same recipe gives the same weights, however often it is interrupted.
struct SessionTests {
  /// Two spirals' worth of points would be prettier; two noisy blobs are enough to see a loss fall.
  private static func writeData(in folder: URL) throws {
    var rows = "x,y,class\n"
    for index in 0..<120 {
      let angle = Double(index) * 0.7
      let side = index % 2 == 0 ? 1.0 : -1.0
      rows += "\(side + 0.4 * cos(angle * 3.1)),\(0.3 * side + 0.4 * sin(angle)),\(index % 2)\n"
    }
    try rows.write(to: folder.appendingPathComponent("points.csv"), atomically: true, encoding: .utf8)
    try "inputs: points.csv\nlabels: last-column\n".write(
      to: folder.appendingPathComponent("data.yaml"), atomically: true, encoding: .utf8)
  }

  private static let recipe = """
    network:
      input: [2]
      layers: [dense: { units: 8, activation: relu }, batch_norm, dropout: 0.2, dense: 2, softmax]
    data: { train: data.yaml, validation: 0.25 }
    loss: cross_entropy
    optimizer: { adam: { learning_rate: 0.01 } }
    schedule: cosine
    average: 0.9
    early_stopping: { metric: validation_loss, patience: 50 }
    clip_norm: 1
    epochs: 6
    batch: 16
    seed: 5
    """

  private struct Workplace {
    let folder: URL

    init() throws {
      folder = FileManager.default.temporaryDirectory.appendingPathComponent("session-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try SessionTests.writeData(in: folder)
    }

    var checkpoint: String { folder.appendingPathComponent("run.checkpoint").path }

    func run(_ yaml: String = SessionTests.recipe) throws -> TrainingRun {
      let document = try RecipeDocument(yaml: yaml, path: folder.appendingPathComponent("recipe.yaml").path)
      guard case .supervised(let recipe) = try Recipe(document) else { throw CancellationError() }
      return try TrainingRun(recipe, document: document)
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }
  }

  @Test func sameSeedGivesTheSameWeightsOnAnyNumberOfThreads() throws {
    let place = try Workplace()
    defer { place.remove() }
    var found: [[[UInt32]]] = []
    let threads = Parallel.threadCount
    defer { Parallel.threadCount = threads }
    for count in [1, 2, 3] {
      Parallel.threadCount = count
      found.append(weightBits(try place.run().session.run(checkpoints: CheckpointSchedule(path: nil)).graph))
    }
    #expect(found[0] == found[1] && found[0] == found[2])
    let other = try place.run(Self.recipe.replacingOccurrences(of: "seed: 5", with: "seed: 6"))
    #expect(weightBits(try other.session.run(checkpoints: CheckpointSchedule(path: nil)).graph) != found[0])
  }

  /// Batch normalization, dropout, averages, moments, the best epoch: all of it survives.
  @Test(arguments: [1, 4, 7, 13, 20, 33])
  func resumedRunReachesTheSameWeights(stopAfter steps: Int) throws {
    let place = try Workplace()
    defer { place.remove() }
    let whole = try place.run().session.run(checkpoints: CheckpointSchedule(path: nil))
    let first = try place.run()
    var taken = 0
    #expect {
      _ = try first.session.run(
        checkpoints: CheckpointSchedule(path: place.checkpoint),
        isInterrupted: {
          taken += 1
          return taken == steps
        })
    } throws: { error in
      if case .interrupted(let checkpoint?, _, _)? = error as? TrainingError {
        checkpoint == place.checkpoint
      } else {
        false
      }
    }
    let second = try place.run()
    try second.session.resume(from: Checkpoint(contentsOf: place.checkpoint), path: place.checkpoint)
    let resumed = try second.session.run(checkpoints: CheckpointSchedule(path: nil))
    #expect(weightBits(resumed.graph) == weightBits(whole.graph))
    #expect(resumed.epoch == whole.epoch && resumed.steps == whole.steps)
    #expect(resumed.history.map(\.loss) == whole.history.map(\.loss))
    #expect(resumed.history.map(\.validationLoss) == whole.history.map(\.validationLoss))
  }

  @Test func foreignCheckpointIsRefused() throws {
    let place = try Workplace()
    defer { place.remove() }
    _ = try place.run().session.run(checkpoints: CheckpointSchedule(path: place.checkpoint))
    let other = try place.run(Self.recipe.replacingOccurrences(of: "batch: 16", with: "batch: 8"))
    #expect {
      try other.session.resume(from: Checkpoint(contentsOf: place.checkpoint), path: place.checkpoint)
    } throws: { error in
      if case .foreignCheckpoint? = error as? TrainingError { true } else { false }
    }
  }

  @Test func lossFalls() throws {
    let place = try Workplace()
    defer { place.remove() }
    let history = try place.run().session.run(checkpoints: CheckpointSchedule(path: nil)).history
    #expect(history.count == 6)
    #expect(history[5].loss < 0.7 * history[0].loss)
    #expect((history[5].validationMetric ?? 0) > 0.9)
  }

  @Test func divergenceNamesTheLayerAndTheCheckpoint() throws {
    let place = try Workplace()
    defer { place.remove() }
    let yaml = Self.recipe.replacingOccurrences(
      of: "adam: { learning_rate: 0.01 }", with: "sgd: { learning_rate: 1.0e+30 }"
    )
    .replacingOccurrences(of: "clip_norm: 1\n", with: "").replacingOccurrences(of: "average: 0.9\n", with: "")
    let run = try place.run(yaml)
    #expect {
      _ = try run.session.run(checkpoints: CheckpointSchedule(path: place.checkpoint, interval: .zero))
    } throws: { error in
      guard case .notFinite(_, let layer, _, let step, let checkpoint)? = error as? TrainingError else { return false }
      return !layer.isEmpty && step > 1 && checkpoint == place.checkpoint
    }
  }

  @Test func lowRankFactorsAreMergedIntoTheWeights() throws {
    let place = try Workplace()
    defer { place.remove() }
    let yaml =
      Self.recipe.replacingOccurrences(of: "units: 8", with: "units: 16") + "\nlora: { rank: 1, on: [dense1.weight] }\n"
    let run = try place.run(yaml)
    let before = run.session.store.slices.map(\.name)
    #expect(before == ["dense1.weight.lora_a", "dense1.weight.lora_b"] || before.allSatisfy { $0.contains("lora") })
    let outcome = try run.session.run(checkpoints: CheckpointSchedule(path: nil))
    let merged = try run.finished(outcome)
    #expect(!merged.nodes.contains { $0.name.contains("lora") })
    let input = Tensor(shape: [3, 2], elements: [0.5, -1, 2, 0.25, -0.75, 1] as [Float])
    let adapted = try Evaluator(outcome.graph).run([input])[0].floats
    let plain = try Evaluator(merged).run([input])[0].floats
    // The sum of the weight and its update rounds alike; only the order of sums may differ.
    #expect(zip(adapted, plain).allSatisfy { abs($0 - $1) < 1e-5 })
  }
}
