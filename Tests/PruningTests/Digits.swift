import Foundation
import Graph
import ONNX
import Testing
import Training

/// A small dense network that knows a part of the shipped MNIST, as a file to prune.
struct Digits {
  let folder: URL
  var model: String { folder.appendingPathComponent("digits.onnx").path }

  /// Trains it: 3,000 digits, some seconds in all.
  static let trained = Result { try Digits() }

  private init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("digits-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let mnist = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("models/data/mnist").path
    for (name, stem, count) in [("train", "train", 3000), ("test", "t10k", 1000)] {
      try Data(
        """
        inputs: \(mnist)/\(stem)-images-idx3-ubyte.gz
        labels: \(mnist)/\(stem)-labels-idx1-ubyte.gz
        range: [0, \(count)]
        preprocess: { layout: NCHW, scale: 0.00392156862745098 }
        """.utf8
      ).write(to: folder.appendingPathComponent("\(name).yaml"))
    }
    let run = try run(
      "network: { input: [1, 28, 28], layers: [dense: { units: 32, activation: relu }, dense: 10, softmax] }", epochs: 6
    )
    try export(run.finished(run.session.run(checkpoints: CheckpointSchedule(path: nil))), "digits.onnx")
  }

  func export(_ graph: Graph, _ name: String) throws {
    try exportONNX(graph, to: folder.appendingPathComponent(name), batchName: "N")
  }

  func recipe(
    _ network: String? = nil, epochs: Int, optimizer: String = "{ adam: { learning_rate: 0.003 } }", more: String = ""
  ) throws -> (SupervisedRecipe, RecipeDocument) {
    let yaml = """
      \(network ?? "network: { file: digits.onnx }")
      data: { train: train.yaml, test: test.yaml }
      loss: cross_entropy
      optimizer: \(optimizer)
      schedule: cosine
      epochs: \(epochs)
      batch: 50
      seed: 3
      \(more)
      """
    let document = try RecipeDocument(yaml: yaml, path: folder.appendingPathComponent("recipe.yaml").path)
    guard case .supervised(let recipe) = try Recipe(document) else { throw CancellationError() }
    return (recipe, document)
  }

  func run(_ network: String? = nil, epochs: Int) throws -> TrainingRun {
    let (recipe, document) = try recipe(network, epochs: epochs)
    return try TrainingRun(recipe, document: document)
  }
}
