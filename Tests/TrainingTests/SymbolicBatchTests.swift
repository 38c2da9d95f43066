import Foundation
import Graph
import HostTensors
import ONNX
import Operators
import Testing
import Training

/// Networks made from layers, exported with a named batch, take any batch.
@Suite struct SymbolicBatchTests {
  @Test(arguments: ShippedRecipes.names.filter { $0 != "digit-gan" }) func exportTakesAnyBatch(name: String) throws {
    let graph = try ShippedRecipes.graph(name)
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("pare-\(UUID().uuidString).onnx")
    defer { try? FileManager.default.removeItem(at: file) }
    try exportONNX(graph, to: file, batchName: "N")
    let sample = try #require(graph[graph.inputs[0]].info).shape.dropFirst()
    let shapes = ["input": [7] + sample]
    let read = try importONNX(contentsOf: file, shapes: shapes)
    #expect(read[read.outputs[0]].name == "output")
    var typed = read
    try typed.inferShapes()
    #expect(typed[typed.outputs[0]].info?.shape.first == 7)

    // Without a name the extent is fixed.
    try exportONNX(graph, to: file)
    #expect(throws: ONNXError.self) { try importONNX(contentsOf: file, shapes: shapes) }
  }

  @Test func graphThatHoldsItsBatchKeepsIt() throws {
    var graph = Graph(name: "fixed")
    let input = graph.addValue(name: "x", info: ValueInfo(dtype: .float32, shape: [1, 2, 3]))
    graph.inputs = [input]
    let shape = graph.addConstant(name: "shape", Tensor(shape: [2], elements: [Int64(1), 6]))
    graph.outputs = [
      try graph.append(
        makeOperator(NodeDefinition(opType: "Reshape", inputCount: 2)), name: "reshape", inputs: [input, shape],
        output: "y")
    ]
    #expect(!graph.takesAnyBatch)
  }

  @Test func graphThatMergesSamplesKeepsItsBatch() throws {
    var graph = Graph(name: "merged")
    let input = graph.addValue(name: "x", info: ValueInfo(dtype: .float32, shape: [1, 6]))
    graph.inputs = [input]
    let shape = graph.addConstant(name: "shape", Tensor(shape: [2], elements: [Int64(1), -1]))
    graph.outputs = [
      try graph.append(
        makeOperator(NodeDefinition(opType: "Reshape", inputCount: 2)), name: "reshape", inputs: [input, shape],
        output: "y")
    ]
    #expect(!graph.takesAnyBatch)
  }
}
