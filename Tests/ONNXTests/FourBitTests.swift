import Foundation
import Graph
import HostTensors
import ONNX
import Operators
import Testing

/// INT4 and UINT4: what is written of four bits, and read.
@Suite struct FourBitTests {
  private let url = FileManager.default.temporaryDirectory.appendingPathComponent("pare-\(UUID().uuidString).onnx")

  /// x [1, 3] times a dequantized weight of 3 x 5 elements, an odd number of them.
  private func network(_ elements: [Int8], readAlso: Bool = false) throws -> Graph {
    var graph = Graph(name: "network")
    let x = graph.addValue(name: "x", info: ValueInfo(dtype: .float32, shape: [1, 3]))
    graph.inputs = [x]
    let weight = graph.addConstant(name: "weight", Tensor(shape: [3, 5], elements: elements))
    let scale = graph.addConstant(name: "scale", Tensor(shape: [5], elements: (1...5).map { Float($0) / 8 }))
    let zero = graph.addConstant(name: "zero", Tensor(shape: [5], repeating: Int8(0)))
    let dequantize = NodeDefinition(opType: "DequantizeLinear", attributes: ["axis": .int(1)], inputCount: 3)
    let wide = try graph.append(
      makeOperator(dequantize), name: "dequantize", inputs: [weight, scale, zero], output: "wide")
    let product = try makeOperator(NodeDefinition(opType: "MatMul", inputCount: 2))
    graph.outputs = [try graph.append(product, name: "product", inputs: [x, wide], output: "y")]
    if readAlso {
      let cast = NodeDefinition(opType: "Cast", attributes: ["to": .int(1)], inputCount: 1)
      graph.outputs.append(try graph.append(makeOperator(cast), name: "cast", inputs: [weight], output: "z"))
    }
    return graph
  }

  private static let small: [Int8] = [-8, -7, -1, 0, 1, 7, 6, 5, 4, 3, -2, -3, -4, -5, 2]

  private func exported(_ graph: Graph) throws -> (bytes: Data, again: Graph) {
    defer { try? FileManager.default.removeItem(at: url) }
    try exportONNX(graph, to: url, packsFourBits: true)
    return (try Data(contentsOf: url), try importONNX(contentsOf: url))
  }

  /// Two elements to a byte, the earlier one in the low bits.
  @Test func weightsOfFourBitsAreHalfAsLongAndReadAgain() throws {
    let graph = try network(Self.small)
    let (bytes, again) = try exported(graph)
    #expect(bytes.range(of: Data([0x98, 0x0F, 0x71, 0x56, 0x34, 0xDE, 0xBC, 0x02])) != nil)
    let weight = try #require(again.liveConstants().first { again[$0].name == "weight" })
    #expect(again[weight].constant?.withElements(as: Int8.self) { Array($0) } == Self.small)
    #expect(again[weight].constant?.shape == [3, 5])
    let input = Tensor(shape: [1, 3], elements: [Float(1), -2, 0.5])
    #expect(try Evaluator(again).run([input])[0].floats == Evaluator(graph).run([input])[0].floats)
  }

  /// One element that does not fit, or one more reader, and the weight keeps its bytes; so does its zero point.
  @Test(arguments: [false, true]) func whatDoesNotFitKeepsItsBytes(readAlso: Bool) throws {
    var elements = Self.small
    if !readAlso { elements[3] = 8 }
    let (bytes, again) = try exported(network(elements, readAlso: readAlso))
    #expect(bytes.range(of: elements.withUnsafeBytes { Data($0) }) != nil)
    #expect(bytes.range(of: Data([0x98, 0x0F])) == nil)
    #expect(again.liveConstants().count == 3)
  }

  private func model(_ type: Int, _ reader: ProtoMessage, _ write: (inout ProtoMessage) -> Void) -> Data {
    let scale = tensor("s", 1, []) { $0.packedFixed(4, [Float(0.5)]) }
    var model = TestModel(
      nodes: [reader], initializers: [tensor("w", type, [3], write), scale], outputs: [value("y", [.fixed(3)])])
    model.opsets = [("", 21)]
    return model.data
  }

  @Test(arguments: [(22, [-1, 2, -8]), (21, [15, 2, 8])] as [(Int, [Float])])
  func typedAndRawDataAreRead(type: Int, expected: [Float]) throws {
    let reader = node("DequantizeLinear", ["w", "s"], ["y"])
    for data in [
      model(type, reader) { $0.packedInts(5, [0x2F, 0x08]) }, model(type, reader) { $0.bytes(9, Data([0x2F, 0x08])) },
    ] {
      #expect(try Evaluator(importONNX(data)).run([])[0].floats == expected.map { $0 / 2 })
    }
  }

  @Test func missingBytesAndOtherReadersAreRefused() throws {
    let dequantize = node("DequantizeLinear", ["w", "s"], ["y"])
    expectError(refusal { () throws(ONNXError) in try importONNX(model(22, dequantize) { $0.bytes(9, Data([1])) }) }) {
      if case .invalidTensor("w", .byteCount(expected: 2, found: 1)) = $0 { true } else { false }
    }
    let cast = node("Cast", ["w"], ["y"], attributes: [attribute("to", type: 2) { $0.int(3, 1) }])
    expectError(refusal { () throws(ONNXError) in try importONNX(model(22, cast) { $0.bytes(9, Data([1, 2])) }) }) {
      if case .unsupportedTensor("w", let type) = $0 { type.hasPrefix("int4") } else { false }
    }
  }
}
