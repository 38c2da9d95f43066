import Foundation
import Graph
import HostTensors
import ONNX
import Operators
import Testing

/// The weight of one layer as an ONNX file holds it: floats, or integers behind DequantizeLinear.
struct StoredWeight {
  /// Without what quantization adds to it.
  var name: String
  /// Convolutions [out, in, kernel...], dense layers [out, in].
  var shape: [Int]
  /// The floats, or the integers.
  var elements: [Float]
  /// Of integers one for each output; nil for floats.
  var scales: [Float]?

  var isQuantized: Bool { scales != nil }
  /// Elements of one output.
  var rowCount: Int { shape.dropFirst().reduce(1, *) }
  /// Different elements but zero.
  var values: Set<Float> { Set(elements).subtracting([0]) }

  /// The elements of one output, of the inputs of `kept` alone.
  func row(_ output: Int, inputs kept: [Int]) -> [Float] {
    let positions = shape.dropFirst(2).reduce(1, *)
    return kept.flatMap { input in
      let start = output * rowCount + input * positions
      return elements[start..<start + positions] + (scales.map { [$0[output]] } ?? [])
    }
  }

  /// Whether of `of` inputs in a row, channels innermost, at most `most` are not zero.
  func isSparse(_ most: Int, of: Int) -> Bool {
    let channels = shape[1]
    let positions = shape.dropFirst(2).reduce(1, *)
    for output in 0..<shape[0] {
      let inputs = (0..<rowCount).map { input in
        elements[output * rowCount + input % channels * positions + input / channels]
      }
      for start in stride(from: 0, to: rowCount, by: of) {
        let group = inputs[start..<min(start + of, rowCount)]
        guard group.count(where: { $0 != 0 }) <= (group.count * most + of - 1) / of else { return false }
      }
    }
    return true
  }
}

/// A network as an ONNX file holds it, and what can be said of it by looking.
struct StoredNetwork {
  var graph: Graph
  /// In the order of the layers.
  var weights: [StoredWeight] = []

  init(_ file: URL) throws {
    graph = try importONNX(contentsOf: file)
    try graph.inferShapes()
    for node in graph.nodes where [.conv, .gemm, .matMul].contains(node.kind) {
      let id = try #require(node.inputs[1])
      #expect(node.kind == .conv || (node.op as? Gemm)?.transposesB == true, "\(node.name) holds [out, in]")
      weights.append(try weight(id))
    }
  }

  var isQuantized: Bool { weights.contains(where: \.isQuantized) }

  func weight(named name: String) -> StoredWeight? { weights.first { $0.name == name } }

  private func weight(_ id: ValueID) throws -> StoredWeight {
    let name = graph[id].name.replacingOccurrences(of: "_dequantized", with: "")
    if let tensor = graph[id].constant {
      return StoredWeight(name: name, shape: tensor.shape, elements: tensor.floats)
    }
    let conversion = try #require(graph.nodes.first { $0.outputs == [id] && $0.kind == .dequantizeLinear })
    let levels = try constant(conversion, 0)
    let scales = try constant(conversion, 1)
    #expect((conversion.op as? DequantizeLinear)?.axis == 0)
    #expect(levels.dtype == .int8 && scales.shape == [levels.shape[0]])
    #expect(try constant(conversion, 2).integers == [Int](repeating: 0, count: levels.shape[0]))
    return StoredWeight(name: name, shape: levels.shape, elements: levels.floats, scales: scales.floats)
  }

  private func constant(_ node: Node, _ slot: Int) throws -> Tensor {
    try #require(node.inputs[slot].flatMap { graph[$0].constant }, "\(node.name) reads a constant")
  }

  /// Levels within the width, conversions in pairs of one scale, and biases in steps of input scale x weight scale.
  func expectConsistentIntegers(greatestLevel: Float) throws {
    for weight in weights {
      let scales = try #require(weight.scales, "\(weight.name) is quantized")
      #expect(scales.allSatisfy { $0.isNormal && $0 > 0 } && scales.count == weight.shape[0])
      #expect(weight.elements.allSatisfy { abs($0) <= greatestLevel }, "\(weight.name)")
    }
    let readers = graph.consumers()
    for node in graph.nodes where node.kind == .quantizeLinear {
      let levels = try #require(node.outputs[0])
      let back = readers[levels, default: []].map { graph.nodes[$0] }
      #expect(back.map(\.kind) == [.dequantizeLinear], "\(node.name)")
      #expect(back.allSatisfy { $0.inputs.dropFirst() == node.inputs.dropFirst() }, "\(node.name)")
    }
    for node in graph.nodes where [.conv, .gemm].contains(node.kind) {
      func scales(_ slot: Int) throws -> [Float] {
        let conversion = try #require(graph.nodes.first { $0.outputs == [node.inputs[slot]] })
        #expect(conversion.kind == .dequantizeLinear)
        return try constant(conversion, 1).floats
      }
      let (input, weight) = (try scales(0), try scales(1))
      #expect(input.count == 1)
      // A layer that factorization put before another has no bias.
      if node.inputs.count > 2 { #expect(try scales(2) == weight.map { input[0] * $0 }, "\(node.name)") }
    }
  }
}
