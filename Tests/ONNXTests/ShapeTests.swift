import Foundation
import Graph
import ONNX
import Testing

/// Which extents an input gets.
@Suite struct ShapeTests {
  private func model(_ extents: [Extent]?) -> Data {
    var model = TestModel.relu
    model.inputs = [value("x", extents)]
    return model.data
  }

  private func inputShape(_ extents: [Extent]?, _ shapes: [String: [Int]] = [:]) throws -> [Int]? {
    let graph = try importONNX(model(extents), shapes: shapes)
    return graph[graph.inputs[0]].info?.shape
  }

  @Test func anUnknownBatchIsOne() throws {
    #expect(try inputShape([.symbol("batch"), .fixed(3)]) == [1, 3])
    #expect(try inputShape([.symbol(""), .fixed(3)]) == [1, 3])
    #expect(try inputShape([.fixed(-1), .fixed(3)]) == [1, 3])
  }

  @Test func givenExtentsAreTaken() throws {
    #expect(try inputShape([.symbol("n"), .symbol("t"), .fixed(3)], ["x": [2, 5, 3]]) == [2, 5, 3])
    #expect(try inputShape(nil, ["x": [2, 5]]) == [2, 5])
  }

  @Test func anEmptyExtentIsKept() throws { #expect(try inputShape([.fixed(0), .fixed(3)]) == [0, 3]) }

  @Test func otherSymbolsMustBeGiven() {
    expectError(refusal { () throws(ONNXError) in try importONNX(model([.fixed(1), .symbol("time")])) }) {
      if case .symbolicDimension("x", 1, "time") = $0 { true } else { false }
    }
    expectError(refusal { () throws(ONNXError) in try importONNX(model(nil)) }) {
      if case .unknownRank("x") = $0 { true } else { false }
    }
  }

  @Test(arguments: [[2, 4], [1, 3, 1], [], [-1, 3]]) func givenExtentsMustFitTheFile(_ shape: [Int]) {
    expectError(
      refusal { () throws(ONNXError) in
        try importONNX(model([.symbol("n"), .fixed(3)]), shapes: ["x": shape])
      }
    ) {
      if case .shapeMismatch("x", [nil, 3], shape) = $0 { true } else { false }
    }
  }

  @Test func extentsForNoInputAreRefused() {
    expectError(refusal { () throws(ONNXError) in try importONNX(model([.fixed(1)]), shapes: ["z": [1]]) }) {
      if case .unknownInput("z", ["x"]) = $0 { true } else { false }
    }
  }

  @Test func inputsWithInitializersAreConstants() throws {
    var model = TestModel.relu
    model.irVersion = 3
    model.nodes = [node("Add", ["x", "w"], ["y"])]
    model.inputs.append(value("w", [.fixed(1)]))
    model.initializers = [tensor("w", 1, [1]) { $0.float(4, 2) }]
    let graph = try importONNX(model.data)
    #expect(graph.inputs.map { graph[$0].name } == ["x"])
    #expect(graph.liveConstants().map { graph[$0].name } == ["w"])
  }

  @Test func halfInputsAndCastsBecomeFloat() throws {
    var model = TestModel.relu
    model.inputs = [value("x", [.fixed(1)], elementType: 10)]
    let toHalf = attribute("to", type: 2) { $0.int(3, 10) }
    model.nodes = [node("Cast", ["x"], ["a"], attributes: [toHalf]), node("Relu", ["a"], ["y"])]
    var graph = try importONNX(model.data)
    try graph.inferShapes()
    #expect(graph[graph.inputs[0]].info?.dtype == .float32)
    #expect(graph[graph.outputs[0]].info?.dtype == .float32)
  }
}
