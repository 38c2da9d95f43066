import Foundation
import Graph
import HostTensors
import ONNX
import Testing
import Training

/// Low-cost adaptation of the imported networks that ship: what is frozen stays, what is trained learns.
struct AdaptationTests {
  enum Network: String, CaseIterable {
    case keywords = "dscnn-kws"
    case images = "resnet8-cifar10"

    var folder: URL {
      URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("models/\(rawValue)")
    }

    /// The graph that training begins with.
    var graph: Graph {
      get throws { try trainingForm(of: importONNX(contentsOf: folder.appendingPathComponent("\(rawValue).onnx"))) }
    }

    func run(_ keys: String, learningRate: Double = 0.001) throws -> TrainingRun {
      let yaml = """
        network: { file: \(rawValue).onnx }
        data: { train: data.yaml, validation: 0.8 }
        loss: cross_entropy
        optimizer: { adam: { learning_rate: \(learningRate) } }
        epochs: 2
        batch: 20
        \(keys)
        """
      let document = try RecipeDocument(yaml: yaml, path: folder.appendingPathComponent("recipe.yaml").path)
      guard case .supervised(let recipe) = try Recipe(document) else { throw CancellationError() }
      return try TrainingRun(recipe, document: document)
    }
  }

  /// Names of the constants that differ in any bit.
  private static func changed(_ before: Graph, _ after: Graph) -> Set<String> {
    func constants(_ graph: Graph) -> [String: [Float]] {
      Dictionary(
        graph.liveConstants().compactMap { id in graph[id].constant.map { (graph[id].name, $0.floats) } },
        uniquingKeysWith: { first, _ in first })
    }
    let (old, new) = (constants(before), constants(after))
    return Set(new.keys.filter { old[$0] != new[$0] })
  }

  /// The first figures are those of the imported network: a rate of next to nothing leaves every weight as it is.
  @Test(arguments: Network.allCases)
  func fineTuningStartsAtTheImportedAccuracy(network: Network) throws {
    let run = try network.run("trainable: head", learningRate: 1e-30)
    let outcome = try run.session.run(checkpoints: CheckpointSchedule(path: nil))
    let begun = try network.graph
    #expect(Self.changed(begun, outcome.graph).isEmpty)
    let validation = try #require(run.validation)
    let imported = Evaluator(
      try importONNX(contentsOf: network.folder.appendingPathComponent("\(network.rawValue).onnx")))
    var right = 0
    let reader = validation.reader(epoch: 0)
    defer { reader.stop() }
    while let batch = try reader.next() {
      let input = try #require(imported.graph[imported.graph.inputs[0]].info)
      let size = input.shape.elementCount
      let samples = batch.inputs.floats
      for row in 0..<batch.count {
        let sample = Tensor(shape: input.shape, elements: Array(samples[row * size..<(row + 1) * size]))
        let scores = try imported.run([sample])[0].floats
        let best = scores.indices.max { scores[$0] < scores[$1] }
        right += best == batch.labels[row] ? 1 : 0
      }
    }
    let figures = try run.session.evaluate(validation, with: outcome)
    #expect(figures.meanMetric == Double(right) / Double(figures.samples))
  }

  @Test(arguments: Network.allCases, ["trainable: head", "trainable: biases"])
  func onlyWhatIsSelectedMoves(network: Network, keys: String) throws {
    let run = try network.run(keys)
    let selected = Set(run.session.store.slices.filter(\.isTrained).map(\.name))
    let outcome = try run.session.run(checkpoints: CheckpointSchedule(path: nil))
    let changed = Self.changed(try network.graph, outcome.graph)
    // Running statistics of normalizations follow the data, as they do in PyTorch; files that have them folded have none.
    #expect(!changed.isEmpty && changed.isSubset(of: selected), "\(changed.subtracting(selected))")
    let all = try network.graph.parameters()
    #expect(selected.count < all.count)
    #expect(outcome.history[1].loss < outcome.history[0].loss)
  }

  /// Factors on the dense layer and on the convolutions of 1x1 (of resnet8, those of its shortcuts).
  @Test(arguments: Network.allCases)
  func lowRankFactorsLearnAndAreMerged(network: Network) throws {
    let run = try network.run("lora: { rank: 2 }", learningRate: 0.003)
    let names = run.session.store.slices.filter(\.isTrained).map(\.name)
    #expect(names.count >= 4 && names.allSatisfy { $0.contains("lora") }, "\(names)")
    let outcome = try run.session.run(checkpoints: CheckpointSchedule(path: nil))
    #expect(outcome.history[1].loss < outcome.history[0].loss)
    let merged = try run.finished(outcome)
    let begun = try network.graph
    #expect(merged.nodes.count == begun.nodes.count)
    let shape = try #require(merged[merged.inputs[0]].info?.shape)
    var stream = ParameterStream(seed: 4, name: "input")
    let input = Tensor(shape: shape, elements: (0..<shape.elementCount).map { _ in Float(stream.normal()) })
    let adapted = try Evaluator(outcome.graph).run([input])[0].floats
    let plain = try Evaluator(merged).run([input])[0].floats
    #expect(zip(adapted, plain).allSatisfy { abs($0 - $1) < 1e-4 })
    #expect(!Self.changed(begun, merged).isEmpty)
  }
}
