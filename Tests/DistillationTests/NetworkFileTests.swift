import Datasets
import Distillation
import Foundation
import Graph
import HostTensors
import ONNX
import Operators
import Testing
import Training

/// Students and teachers that come as files.
struct NetworkFileTests {
  private static let models = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("models")

  /// A student with a mask in its first weight and a codebook in its second.
  private static func compressedStudent() throws -> Graph {
    var graph = try layeredGraph(
      yaml: "{ input: [2], layers: [dense: { units: 24, activation: tanh }, dense: 3, softmax] }", seed: 3)
    let weights = graph.parameters().filter(\.isDecayed)
    for (parameter, change) in zip(
      weights, [{ abs($0) < 0.4 ? 0 : $0 }, { $0 < 0 ? -0.125 : 0.25 }] as [(Float) -> Float])
    {
      let values = graph[parameter.value].constant?.floats ?? []
      graph[parameter.value].info = ValueInfo(Tensor(shape: parameter.shape, elements: values.map(change)))
    }
    return graph
  }

  private static func weights(_ graph: Graph) -> [[Float]] {
    graph.parameters().filter(\.isDecayed).map { graph[$0.value].constant?.floats ?? [] }
  }

  @Test func zerosAndCodebooksOfTheStudentOutliveDistillation() throws {
    let place = try Workplace()
    defer { place.remove() }
    let student = try Self.compressedStudent()
    try exportONNX(student, to: URL(fileURLWithPath: place.path("student.onnx")), batchName: "N")
    let before = Self.weights(student)
    #expect(before[0].contains(0) && Set(before[1]).count == 2)

    let run = try place.run(["network={ file: student.onnx }"])
    let outcome = try run.training.session.run(checkpoints: CheckpointSchedule(path: nil))
    let after = Self.weights(try run.training.finished(outcome))
    for (a, b) in zip(before[0], after[0]) { #expect((a == 0) == (b == 0)) }
    #expect(Set(after[1]).count == 2)
    #expect(before[0] != after[0] && before[1] != after[1], "what is free is trained")
    #expect(try #require(outcome.history.last).loss < outcome.history[0].loss)
  }

  /// The shipped classifier of digits teaches a network with a hidden layer of 24 by 1,000 images without labels.
  @Test func aShippedNetworkTeachesDigitsWithoutLabels() throws {
    let place = try Workplace()
    defer { place.remove() }
    let data = Self.models.appendingPathComponent("data/mnist").path
    func describe(_ name: String, _ part: String, _ range: String, labels: Bool) throws {
      let inputs = "inputs: \(data)/\(part)-images-idx3-ubyte.gz\nrange: \(range)\npreprocess: { layout: NCHW }\n"
      try place.write(inputs + (labels ? "labels: \(data)/\(part)-labels-idx1-ubyte.gz\n" : ""), name)
    }
    try describe("unlabelled.yaml", "train", "[0, 1000]", labels: false)
    try describe("test.yaml", "t10k", "[0, 500]", labels: true)
    var teacher = try importONNX(contentsOf: Self.models.appendingPathComponent("cntk-mnist/cntk-mnist.onnx"))
    try teacher.inferShapes()
    let (recipe, document) = try place.recipe([
      "network={ input: [1, 28, 28], layers: [batch_norm, dense: { units: 24, activation: relu }, dense: 10, softmax] }",
      "data={ train: unlabelled.yaml, test: test.yaml }", "optimizer.adam.learning_rate=0.005", "epochs=8",
    ])
    let run = try DistillationRun(
      recipe, document: document, teacher: teacher, settings: .init(), answers: place.path("answers"))
    let outcome = try run.training.session.run(checkpoints: CheckpointSchedule(path: nil))
    #expect(try #require(outcome.history.last).loss < outcome.history[0].loss / 4)

    let test = try #require(run.training.test)
    let taught = try #require(try run.figures(of: run.training.finished(outcome), on: test))
    let untaught = try #require(try run.figures(of: run.student, on: test))
    let teaching = try #require(try run.figures(of: nil, on: test))
    #expect(taught.metric == .accuracy && taught.figures.samples == 500)
    #expect(teaching.figures.meanMetric > 0.95)
    // 0.852 in the making; chance is 0.1.
    #expect(taught.figures.meanMetric > 0.7 && untaught.figures.meanMetric < 0.4)
  }
}
