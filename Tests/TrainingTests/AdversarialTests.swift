import Foundation
import Graph
import HostTensors
import Testing
import Training

/// A generator and a discriminator on points of a plane.
struct AdversarialTests {
  private static let recipe = """
    kind: adversarial
    latent: 2
    generator:
      layers: [dense: { units: 8, bias: false }, batch_norm, relu, dense: 2]
      optimizer: { adam: { learning_rate: 0.01, beta1: 0.5 } }
    discriminator:
      input: [2]
      layers: [dense: { units: 16, activation: leaky_relu }, dropout: 0.1, dense: 1, sigmoid]
      optimizer: { adam: { learning_rate: 0.01, beta1: 0.5 } }
    data: { train: data.yaml }
    epochs: 20
    batch: 32
    seed: 3
    label_smoothing: 0.1
    """

  private struct Workplace {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("adversarial-\(UUID().uuidString)")

    /// Points around (`x`, `y`), spread by `radius`.
    init(around x: Double = 3, _ y: Double = -2, radius: Double = 0.5) throws {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      var rows = ""
      for index in 0..<256 {
        let angle = Double(index) * 2.4
        rows += "\(x + radius * cos(angle)),\(y + radius * sin(angle * 1.7))\n"
      }
      try rows.write(to: folder.appendingPathComponent("points.csv"), atomically: true, encoding: .utf8)
      try "inputs: points.csv\n".write(
        to: folder.appendingPathComponent("data.yaml"), atomically: true, encoding: .utf8)
    }

    var checkpoint: String { folder.appendingPathComponent("run.checkpoint").path }

    func session(_ yaml: String = AdversarialTests.recipe) throws -> AdversarialSession {
      let document = try RecipeDocument(yaml: yaml, path: folder.appendingPathComponent("recipe.yaml").path)
      guard case .adversarial(let recipe) = try Recipe(document) else { throw CancellationError() }
      return try AdversarialSession(recipe, document: document)
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }
  }

  /// The mean of what the generator makes of 64 latent vectors.
  private static func center(of generator: Graph) throws -> (Float, Float) {
    var stream = ParameterStream(seed: 9, name: "test")
    let latent = Tensor(shape: [64, 2], elements: (0..<128).map { _ in Float(stream.normal()) })
    let points = try Evaluator(generator).run([latent])[0].floats
    func mean(_ axis: Int) -> Float { stride(from: axis, to: 128, by: 2).reduce(0) { $0 + points[$1] } / 64 }
    return (mean(0), mean(1))
  }

  @Test func theGeneratorComesToWhereTheSamplesAre() throws {
    let place = try Workplace()
    defer { place.remove() }
    var losses: [Double?] = []
    let outcome = try place.session().run(
      checkpoints: CheckpointSchedule(path: nil),
      observe: { event in
        if case .epoch(let report) = event { losses.append(report.discriminatorLoss) }
      })
    #expect(losses.count == 20 && losses.allSatisfy { $0?.isFinite == true })
    #expect(outcome.steps == 20 * 8)
    // From around (0, 0), 3.6 away.
    let center = try Self.center(of: outcome.generator)
    #expect(hypot(center.0 - 3, center.1 + 2) < 1, "\(center)")
  }

  /// The discriminator judges what the generator's file gives, a final sigmoid included.
  @Test func whatIsWrittenIsWhatWasJudged() throws {
    let place = try Workplace(around: 0.85, 0.2, radius: 0.1)
    defer { place.remove() }
    let bounded = Self.recipe.replacingOccurrences(of: "dense: 2]", with: "dense: 2, sigmoid]")
    let outcome = try place.session(bounded).run(checkpoints: CheckpointSchedule(path: nil))
    let center = try Self.center(of: outcome.generator)
    #expect(hypot(center.0 - 0.85, center.1 - 0.2) < 0.15, "\(center)")
  }

  @Test(arguments: [1, 8, 21])
  func aResumedRunReachesTheSameWeights(stopAfter steps: Int) throws {
    let place = try Workplace()
    defer { place.remove() }
    let short = Self.recipe.replacingOccurrences(of: "epochs: 20", with: "epochs: 4")
    let whole = try place.session(short).run(checkpoints: CheckpointSchedule(path: nil))
    var taken = 0
    #expect(throws: TrainingError.self) {
      _ = try place.session(short).run(
        checkpoints: CheckpointSchedule(path: place.checkpoint),
        isInterrupted: {
          taken += 1
          return taken == steps
        })
    }
    let second = try place.session(short)
    try second.resume(from: Checkpoint(contentsOf: place.checkpoint), path: place.checkpoint)
    let resumed = try second.run(checkpoints: CheckpointSchedule(path: nil))
    #expect(weightBits(resumed.generator) == weightBits(whole.generator))
    #expect(weightBits(resumed.discriminator) == weightBits(whole.discriminator))
    #expect(resumed.history.map(\.loss) == whole.history.map(\.loss))
  }

  @Test func sizesThatDoNotMeetAreNamed() throws {
    let place = try Workplace()
    defer { place.remove() }
    let wide = Self.recipe.replacingOccurrences(of: "dense: 2]", with: "dense: 3]")
      .replacingOccurrences(of: "input: [2]", with: "input: [3]")
    #expect {
      _ = try place.session(wide)
    } throws: { error in
      if case .objective(let expected, let found)? = error as? TrainingError {
        expected.contains("3 numbers") && found.contains("2 of the data")
      } else {
        false
      }
    }
  }

  @Test func aCheckpointOfAnotherRecipeIsRefused() throws {
    let place = try Workplace()
    defer { place.remove() }
    let short = Self.recipe.replacingOccurrences(of: "epochs: 20", with: "epochs: 1")
    _ = try place.session(short).run(checkpoints: CheckpointSchedule(path: place.checkpoint))
    let other = try place.session(short.replacingOccurrences(of: "latent: 2", with: "latent: 3"))
    #expect {
      try other.resume(from: Checkpoint(contentsOf: place.checkpoint), path: place.checkpoint)
    } throws: { error in
      if case .foreignCheckpoint? = error as? TrainingError { true } else { false }
    }
  }
}
