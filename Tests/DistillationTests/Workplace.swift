import Datasets
import Distillation
import Foundation
import Graph
import HostTensors
import Operators
import Training

/// A folder with points of three classes, and networks that tell them apart.
struct Workplace {
  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("distillation-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var labelled = "x,y,class\n"
    var unlabelled = "x,y\n"
    for index in 0..<150 {
      let angle = Double(index) * 2.399
      let radius = 0.2 + 0.8 * Double(index % 50) / 50
      let (x, y) = (radius * cos(angle), radius * sin(angle))
      labelled += "\(x),\(y),\(radius < 0.55 ? 0 : x < 0 ? 1 : 2)\n"
      unlabelled += "\(x),\(y)\n"
    }
    try write(labelled, "points.csv")
    try write(unlabelled, "plain.csv")
    try write("inputs: points.csv\nlabels: last-column\n", "data.yaml")
    try write("inputs: plain.csv\n", "plain.yaml")
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  func write(_ text: String, _ name: String) throws {
    try text.write(to: folder.appendingPathComponent(name), atomically: true, encoding: .utf8)
  }

  var answerFiles: [String] {
    let names = try? FileManager.default.contentsOfDirectory(atPath: path("answers"))
    return (names ?? []).sorted().map { path("answers/\($0)") }
  }

  /// A recipe for a small student.
  func recipe(_ changes: [String] = []) throws -> (SupervisedRecipe, RecipeDocument) {
    let yaml = """
      network:
        input: [2]
        layers: [dense: { units: 6, activation: tanh }, dense: 3, softmax]
      data: { train: data.yaml }
      loss: cross_entropy
      optimizer: { adam: { learning_rate: 0.02 } }
      epochs: 6
      batch: 16
      seed: 5
      """
    var document = try RecipeDocument(yaml: yaml, path: path("recipe.yaml"))
    for change in changes { try document.apply(change) }
    guard case .supervised(let recipe) = try Recipe(document) else { throw CancellationError() }
    return (recipe, document)
  }

  /// A network of fixed weights with twice the student's units, whose softmax the logits stand before.
  static func teacher(outputs: Int = 3, activation: String = "tanh", seed: UInt64 = 7) throws -> Graph {
    var graph = try layeredGraph(
      yaml: "{ input: [2], layers: [dense: { units: 12, activation: \(activation) }, dense: \(outputs), softmax] }",
      seed: seed)
    // Drawn weights are small; a teacher has opinions.
    for parameter in graph.parameters() where parameter.isDecayed {
      let weights = graph[parameter.value].constant?.floats ?? []
      graph[parameter.value].info = ValueInfo(Tensor(shape: parameter.shape, elements: weights.map { 4 * $0 }))
    }
    try graph.inferShapes()
    return graph
  }

  func run(
    _ changes: [String] = [], settings: DistillationSettings = .init(), isStored: Bool = true,
    observe: (DistillationEvent) -> Void = { _ in }
  ) throws -> DistillationRun {
    let (recipe, document) = try recipe(changes)
    return try DistillationRun(
      recipe, document: document, teacher: Self.teacher(), settings: settings,
      answers: isStored ? path("answers") : nil, observe: observe)
  }

  static func bits(_ graph: Graph) -> [[UInt32]] {
    graph.liveConstants().compactMap { graph[$0].constant }.filter { $0.dtype == .float32 }.map {
      $0.floats.map(\.bitPattern)
    }
  }

  /// The value that the node at `index` of a graph computes.
  static func valueName(_ graph: Graph, _ kind: OperatorKind, _ index: Int = 0) -> String {
    let nodes = graph.nodes.filter { $0.kind == kind }
    return nodes[index].outputs[0].map { graph[$0].name } ?? ""
  }
}
