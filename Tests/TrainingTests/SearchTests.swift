import Foundation
import Testing
import Training

/// Random search with successive halving over recipes.
struct SearchTests {
  @Test(arguments: [
    (12, 9, 3, [12, 4, 2], [1, 3, 9]), (20, 9, 3, [20, 7, 3], [1, 3, 9]), (8, 5, 2, [8, 4, 2], [2, 3, 5]),
    (1, 9, 3, [1], [9]), (9, 1, 3, [9], [1]), (2, 2, 2, [2, 1], [1, 2]),
  ])
  func rungs(trials: Int, epochs: Int, factor: Int, counts: [Int], ends: [Int]) {
    let halving = SuccessiveHalving(trials: trials, epochs: epochs, factor: factor)
    #expect(halving.rungs.map(\.trials) == counts)
    #expect(halving.rungs.map(\.epochs) == ends)
  }

  @Test func epochsAreNotTrainedTwice() {
    #expect(SuccessiveHalving(trials: 12, epochs: 9, factor: 3).epochs == 12 + 4 * 2 + 2 * 6)
  }

  /// Two blobs, and a learning rate that spans hopeless and good ones.
  private static let recipe = """
    network: { input: [2], layers: [dense: { units: 4, activation: tanh }, dense: 2, softmax] }
    data: { train: data.yaml, validation: 0.25 }
    loss: cross_entropy
    optimizer: { adam: { learning_rate: 0.00001 } }
    epochs: 4
    batch: 16
    tune:
      optimizer.adam.learning_rate: { log_uniform: [0.0001, 0.1] }
      network.layers.0.dense.units: { integers: [2, 8] }
    """

  private struct Workplace {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("search-\(UUID().uuidString)")

    init() throws {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      var rows = "x,y,class\n"
      for index in 0..<96 {
        let angle = Double(index) * 0.7
        rows += "\((index % 2 == 0 ? 1.0 : -1.0) + 0.4 * cos(angle * 3.1)),\(0.4 * sin(angle)),\(index % 2)\n"
      }
      try rows.write(to: folder.appendingPathComponent("points.csv"), atomically: true, encoding: .utf8)
      try "inputs: points.csv\nlabels: last-column\n".write(
        to: folder.appendingPathComponent("data.yaml"), atomically: true, encoding: .utf8)
    }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    func search(_ name: String, trials: Int = 8, yaml: String = SearchTests.recipe) throws -> HyperparameterSearch {
      try HyperparameterSearch(
        RecipeDocument(yaml: yaml, path: path("recipe.yaml")), settings: .init(trials: trials, factor: 2),
        folder: path(name), sentence: { "\($0)" })
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }
  }

  @Test func theBestTrialIsTheBestOfThoseTrainedToTheEnd() throws {
    let place = try Workplace()
    defer { place.remove() }
    let search = try place.search("out")
    let outcome = try search.run()
    #expect(search.metric == .validationAccuracy)
    #expect(search.trials[0].changes.isEmpty)
    #expect(Set(search.trials.dropFirst().map(\.changes)).count == 7)
    let finished = search.trials.filter { $0.state == .kept }
    #expect(finished.count == 2 && finished.allSatisfy { $0.history.count == 4 })
    #expect(search.trials.allSatisfy { $0.history.count == [1, 2, 4][$0.rungs - 1] })
    let best = try #require(outcome.best.figure(.validationAccuracy))
    #expect(finished.allSatisfy { ($0.figure(.validationAccuracy) ?? 1) <= best })
    // The recipe's own rate hardly moves; a search that finds nothing better would be none.
    #expect(outcome.best.number != 1)
    #expect(best >= 0.9)
  }

  /// What is written out trains to the network that the search found.
  @Test func theBestRecipeGivesTheBestNetwork() throws {
    let place = try Workplace()
    defer { place.remove() }
    let outcome = try place.search("out").run()
    let folder = place.folder.appendingPathComponent("elsewhere/deep")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let path = folder.appendingPathComponent("best.yaml").path
    let document = try RecipeDocument(yaml: outcome.recipe.yaml(at: path), path: path)
    guard case .supervised(let recipe) = try Recipe(document) else { throw CancellationError() }
    #expect(recipe.search.isEmpty)
    let run = try TrainingRun(recipe, document: document)
    let trained = try run.session.run(checkpoints: CheckpointSchedule(path: nil))
    #expect(weightBits(trained.graph) == weightBits(outcome.network))
  }

  @Test(arguments: [3, 17, 40])
  func anInterruptedSearchEndsAsOneThatWasNot(steps: Int) throws {
    let place = try Workplace()
    defer { place.remove() }
    let whole = try place.search("whole").run()
    let first = try place.search("parts")
    var taken = 0
    #expect(throws: TrainingError.self) {
      _ = try first.run(isInterrupted: {
        taken += 1
        return taken == steps
      })
    }
    let second = try place.search("parts")
    // Before the first trial has ended there is no state, and nothing to lose.
    if FileManager.default.fileExists(atPath: place.path("parts/trials.json")) { try second.resume() }
    let resumed = try second.run()
    #expect(resumed.best.number == whole.best.number)
    #expect(weightBits(resumed.network) == weightBits(whole.network))
  }

  @Test func aSearchOfOtherSettingsIsRefused() throws {
    let place = try Workplace()
    defer { place.remove() }
    _ = try place.search("out", trials: 2).run()
    #expect {
      try place.search("out", trials: 3).resume()
    } throws: { error in
      if case .foreignSearch? = error as? TrainingError { true } else { false }
    }
  }

  @Test func aTrialThatCannotBeTrainedIsNotedAndTheOthersGoOn() throws {
    let place = try Workplace()
    defer { place.remove() }
    let yaml = Self.recipe.replacingOccurrences(
      of: "adam: { learning_rate: 0.00001 }", with: "sgd: { learning_rate: 0.1 }"
    )
    .replacingOccurrences(
      of: "optimizer.adam.learning_rate: { log_uniform: [0.0001, 0.1] }",
      with: "optimizer.sgd.learning_rate: { choice: [1.0e+39, 0.1] }")
    let search = try place.search("out", yaml: yaml)
    let outcome = try search.run()
    let failed = search.trials.filter(\.hasFailed)
    #expect(!failed.isEmpty && failed.count < 8)
    #expect(failed.allSatisfy { $0.changes[0].value == "1.0e+39" && $0.figure(.validationAccuracy) == nil })
    #expect(search.ranking.suffix(failed.count).allSatisfy { $0.hasFailed })
    #expect(!outcome.best.hasFailed)
  }

  @Test(arguments: [
    (
      "  optimizer.adam.learning_rate: { log_uniform: [0.0001, 0.1] }\n  network.layers.0.dense.units: { integers: [2, 8] }",
      "tune"
    ),
    (", validation: 0.25", "validation"),
  ])
  func whatIsMissingIsSaid(part: String, word: String) throws {
    let place = try Workplace()
    defer { place.remove() }
    var yaml = Self.recipe.replacingOccurrences(of: part, with: "")
    if word == "tune" { yaml = yaml.replacingOccurrences(of: "tune:", with: "") }
    #expect {
      _ = try place.search("out", yaml: yaml)
    } throws: { error in
      if case .search(let reason)? = error as? TrainingError { reason.contains(word) } else { false }
    }
  }
}
