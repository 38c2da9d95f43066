import Foundation
import Graph
import HostTensors
import ONNX
import Operators
import Testing

/// What is written is what is read again.
@Suite struct RoundTripTests {
  private let url = FileManager.default.temporaryDirectory.appendingPathComponent("pare-\(UUID().uuidString).onnx")

  /// x [2, 3] -> Gemm (w, b) -> Clip (omitted, max) -> y, and the constant 7 as a second output.
  private func network() throws -> Graph {
    var graph = Graph(name: "network")
    let x = graph.addValue(name: "x", info: ValueInfo(dtype: .float32, shape: [2, 3]))
    let w = graph.addConstant(name: "w", Tensor(shape: [4, 3], elements: (0..<12).map { Float($0) - 5 }))
    let b = graph.addConstant(name: "b", Tensor(shape: [4], elements: [Float(0.5), -1, 2, 0]))
    let limit = graph.addConstant(name: "limit", Tensor(scalar: Float(6)))
    graph.inputs = [x]
    let gemm = NodeDefinition(opType: "Gemm", attributes: ["transB": .int(1), "alpha": .float(0.5)], inputCount: 3)
    let a = try graph.append(makeOperator(gemm), name: "dense", inputs: [x, w, b], output: "a")
    let clip = NodeDefinition(opType: "Clip", inputCount: 3)
    let y = try graph.append(makeOperator(clip), name: "limited", inputs: [a, nil, limit], output: "y")
    graph.outputs = [y, graph.addConstant(name: "seven", Tensor(scalar: Float(7)))]
    return graph
  }

  @Test func namesStructureAndValuesAreKept() throws {
    let graph = try network()
    try exportONNX(graph, to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    var read = try importONNX(contentsOf: url)
    try read.inferShapes()
    #expect(read.description == graph.description)
    let input = Tensor(shape: [2, 3], elements: [Float(1), -2, 3, 0.25, 8, -1])
    let expected = try Evaluator(graph).run([input]).map(\.floats)
    #expect(try Evaluator(read).run([input]).map(\.floats) == expected)
  }

  @Test func theFileSaysOpset21AndProducer() throws {
    try exportONNX(network(), to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    let bytes = try Data(contentsOf: url)
    // ir_version = 10, then producer_name = "pare"; opset_import { version: 21 }.
    #expect(bytes.starts(with: [0x08, 10, 0x12, 4] + Array("pare".utf8)))
    #expect(bytes.range(of: Data([0x42, 2, 0x10, 21])) != nil)
  }

  @Test func twoExportsAreTheSameBytes() throws {
    try exportONNX(network(), to: url)
    let first = try Data(contentsOf: url)
    try exportONNX(network(), to: url)
    #expect(try Data(contentsOf: url) == first)
    try FileManager.default.removeItem(at: url)
  }

  @Test func attributesOfOldOpsetsBecomeInputs() throws {
    var model = TestModel.relu
    model.opsets = [("", 10)]
    let bounds = [attribute("min", type: 1) { $0.float(2, -1) }, attribute("max", type: 1) { $0.float(2, 6) }]
    model.nodes = [node("Clip", ["x"], ["y"], name: "clip", attributes: bounds)]
    var graph = try importONNX(model.data)
    try graph.inferShapes()
    try exportONNX(graph, to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    let read = try importONNX(contentsOf: url)
    #expect(read.nodes[0].inputs.count == 3)
    let input = Tensor(shape: [1, 4], elements: [Float(-3), -1, 2, 9])
    #expect(try Evaluator(read).run([input]).first?.floats == [-1, -1, 2, 6])
  }

  @Test func aFailedExportLeavesNothingBehind() throws {
    let folder = URL(fileURLWithPath: "/nonexistent-folder/model.onnx")
    let graph = try network()
    expectError(refusal { () throws(ONNXError) in try exportONNX(graph, to: folder) }) {
      if case .unwritable = $0 { true } else { false }
    }
  }

  @Test func untypedOutputsAreRefused() throws {
    let graph = try importONNX(TestModel.relu.data)
    expectError(refusal { () throws(ONNXError) in try exportONNX(graph, to: url) }) {
      if case .untypedValue("y") = $0 { true } else { false }
    }
    #expect(!FileManager.default.fileExists(atPath: url.path))
  }
}
