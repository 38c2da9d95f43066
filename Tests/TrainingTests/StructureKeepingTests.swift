import Foundation
import Graph
import HostTensors
import ONNX
import Operators
import Testing
import Training

/// Zeros and shared values of a network that is read from a file outlast training, whatever trains it.
@Suite struct StructureKeepingTests {
  /// A folder with points to learn and a network of which `dense1.weight` is pruned and `dense2.weight` clustered.
  private struct Workplace {
    let folder: URL

    init() throws {
      folder = FileManager.default.temporaryDirectory.appendingPathComponent("keeping-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      var rows = ""
      for index in 0..<96 {
        let side = index % 2 == 0 ? 1.0 : -1.0
        let angle = Double(index) * 0.7
        rows += "\(side + 0.9 * cos(angle * 3.1)),\(0.3 * side + 0.9 * sin(angle)),\(index % 2)\n"
      }
      try Data(rows.utf8).write(to: folder.appendingPathComponent("points.csv"))
      try Data("inputs: points.csv\nlabels: last-column\n".utf8).write(to: folder.appendingPathComponent("data.yaml"))
      try exportONNX(Self.prunedAndClustered(), to: folder.appendingPathComponent("model.onnx"), batchName: "N")
    }

    private static func prunedAndClustered() throws -> Graph {
      let layers = "[dense: { units: 24, activation: relu }, dense: 20, batch_norm, relu, dense: 2, softmax]"
      var graph = try network(layers, input: "[2]").graph(name: "network", batch: 1, initialize: drawn)
      for parameter in graph.parameters() {
        let name = graph[parameter.value].name
        var weights = graph[parameter.value].constant!.floats
        if name == "dense1.weight" { for index in weights.indices where index % 3 != 0 { weights[index] = 0 } }
        // Eight steps from -0.4 to 0.3, of which one is 0.
        if name == "dense2.weight" { for index in weights.indices { weights[index] = Float(index * 5 % 8 - 4) * 0.1 } }
        graph[parameter.value].info = ValueInfo(Tensor(shape: parameter.shape, elements: weights))
      }
      return graph
    }

    func run(_ optimizer: String, more: String = "") throws -> TrainingRun {
      let yaml = """
        network: { file: model.onnx }
        data: { train: data.yaml, validation: 0.25 }
        loss: cross_entropy
        optimizer: \(optimizer)
        regularization: { l1: 0.001, l2: 0.01 }
        clip_norm: 1
        average: 0.8
        epochs: 4
        batch: 16
        \(more)
        """
      let document = try RecipeDocument(yaml: yaml, path: folder.appendingPathComponent("recipe.yaml").path)
      guard case .supervised(let recipe) = try Recipe(document) else { throw ShippedRecipes.NotSupervised() }
      return try TrainingRun(recipe, document: document)
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }
  }

  private static func weights(_ name: String, _ graph: Graph) throws -> [Float] {
    let id = try #require(graph.parameters().map(\.value).first { graph[$0].name == name })
    return try #require(graph[id].constant).floats
  }

  /// Sets of weights that are equal to each other.
  private static func clusters(_ weights: [Float]) -> Set<[Int]> {
    Set(Dictionary(grouping: weights.indices, by: { weights[$0] }).values.map { $0.sorted() })
  }

  private static func begun(_ name: String, _ store: ParameterStore) throws -> [Float] {
    Array(store.values[try #require(store.slices.first { $0.name == name }).range])
  }

  private static func expectKept(_ before: (pruned: [Float], shared: [Float]), _ after: Graph) throws {
    let pruned = try weights("dense1.weight", after)
    #expect(pruned.map { $0 == 0 } == before.pruned.map { $0 == 0 })
    #expect(pruned != before.pruned)
    let shared = try (before.shared, weights("dense2.weight", after))
    #expect(clusters(shared.0) == clusters(shared.1))
    #expect(shared.0.map { $0 == 0 } == shared.1.map { $0 == 0 })
    #expect(zip(shared.0, shared.1).allSatisfy { $0 == 0 || $0 != $1 }, "centroids are trained")
  }

  static let optimizers = [
    "{ sgd: { learning_rate: 0.05 } }", "{ sgd: { learning_rate: 0.02, momentum: 0.9 } }",
    "{ sgd: { learning_rate: 0.02, momentum: 0.9, nesterov: true } }", "{ adam: { learning_rate: 0.003 } }",
    "{ adamw: { learning_rate: 0.003, weight_decay: 0.1 } }",
    "{ rmsprop: { learning_rate: 0.001, momentum: 0.9 } }",
  ]

  /// With L1, L2, clipping and an average, and again over an interruption in the middle.
  @Test(arguments: optimizers) func zerosAndSharedValuesOutlastTraining(optimizer: String) throws {
    let place = try Workplace()
    defer { place.remove() }
    let run = try place.run(optimizer)
    let store = run.session.store
    let before = try (Self.begun("dense1.weight", store), Self.begun("dense2.weight", store))
    let whole = try run.session.run(checkpoints: CheckpointSchedule(path: nil))
    try Self.expectKept(before, whole.graph)

    let checkpoint = place.folder.appendingPathComponent("run.checkpoint").path
    var steps = 0
    #expect(throws: TrainingError.self) {
      try place.run(optimizer).session.run(checkpoints: CheckpointSchedule(path: checkpoint)) {
        steps += 1
        return steps == 7
      }
    }
    let second = try place.run(optimizer)
    try second.session.resume(from: Checkpoint(contentsOf: checkpoint), path: checkpoint)
    let resumed = try second.session.run(checkpoints: CheckpointSchedule(path: nil))
    for parameter in whole.graph.parameters() {
      #expect(
        resumed.graph[parameter.value].constant?.floats.map(\.bitPattern)
          == whole.graph[parameter.value].constant?.floats.map(\.bitPattern))
    }
  }

  @Test func keepNoneFreesEveryWeight() throws {
    let place = try Workplace()
    defer { place.remove() }
    let outcome = try place.run(Self.optimizers[3], more: "keep: none")
      .session.run(checkpoints: CheckpointSchedule(path: nil))
    // Not all of them: a unit that no sample activates has no gradient.
    #expect(try Self.weights("dense1.weight", outcome.graph).filter { $0 == 0 }.count < 32)
    #expect(try Self.clusters(Self.weights("dense2.weight", outcome.graph)).count > 256)
  }

  @Test func keptZerosAloneLetSharedValuesPart() throws {
    let place = try Workplace()
    defer { place.remove() }
    let run = try place.run(Self.optimizers[3], more: "keep: [zeros]")
    let outcome = try run.session.run(checkpoints: CheckpointSchedule(path: nil))
    let shared = try Self.weights("dense2.weight", outcome.graph)
    #expect(shared.filter { $0 == 0 }.count == 60)
    #expect(Self.clusters(shared).count > 256)
  }

  /// Products of thin factors reach every weight but those that are zero.
  @Test func zerosOutlastLowRankAdaptation() throws {
    let place = try Workplace()
    defer { place.remove() }
    let run = try place.run(
      "{ adam: { learning_rate: 0.01 } }", more: "lora: { rank: 1, on: [dense1.weight, dense2.weight] }")
    let merged = try run.finished(try run.session.run(checkpoints: CheckpointSchedule(path: nil)))
    for (name, zeros) in [("dense1.weight", 32), ("dense2.weight", 60)] {
      let weights = try Self.weights(name, merged)
      #expect(weights.filter { $0 == 0 }.count == zeros)
      #expect(Self.clusters(weights).count > zeros / 8)
    }
  }

  /// The gradient of a shared value is the sum over its weights, up to the rounding of the sum.
  @Test func sharedValuesGetTheSumOfTheirGradients() throws {
    let graph = try network("[dense: { units: 8, bias: false }]", input: "[10]")
      .graph(name: "one", batch: 1, initialize: drawn)
    let store = ParameterStore(graph, parameters: graph.parameters())
    for index in 0..<80 { store.values[index] = Float(index % 4) - 1 }
    let rule = StructureKeeping(Set(KeptStructure.allCases))
    rule.prepare(store, stepCount: 1)
    #expect(rule.keptNames == ["dense1.weight"])
    for index in 0..<80 { store.gradients[index] = Float(index) }
    rule.prepareGradients(store, step: 0)
    // 0 + 4 + ... + 76 is 760; 20 more for each place after it; small integers are exact.
    let sums: [Float] = [760, 0, 800, 820]
    #expect((0..<80).allSatisfy { store.gradients[$0] == sums[$0 % 4] })
  }

  @Test func codebooksAreFoundByTheirValues() {
    #expect(Codebook(of: (0..<16).map { Float($0 % 2) })?.values == [0, 1])
    #expect(Codebook(of: (0..<15).map { Float($0 % 2) }) == nil, "less than 8 weights a value")
    #expect(Codebook(of: (0..<2048).map { Float($0 % 256) })?.values.count == 256)
    #expect(Codebook(of: (0..<4096).map { Float($0 % 257) }) == nil)
    #expect(Codebook(of: [Float](repeating: -0.0, count: 4) + [Float](repeating: 0, count: 4))?.values == [0])
    #expect(Codebook(of: [Float](repeating: .nan, count: 64)) == nil)
    #expect(Codebook(of: [Float]()) == nil)
  }
}
