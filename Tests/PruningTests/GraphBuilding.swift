import Graph
import HostTensors
import Operators
import Testing

/// Graphs in a few lines: each node is named as its output.
extension Graph {
  mutating func input(_ name: String, _ shape: [Int]) -> ValueID {
    let id = addValue(name: name, info: ValueInfo(dtype: .float32, shape: shape))
    inputs.append(id)
    return id
  }

  mutating func node(
    _ opType: String, _ name: String, _ inputs: [ValueID?], _ attributes: [String: AttributeValue] = [:]
  ) throws -> ValueID {
    let definition = NodeDefinition(opType: opType, attributes: attributes, inputCount: inputs.count)
    return try append(makeOperator(definition), name: name, inputs: inputs, output: name)
  }

  func floats(_ name: String) -> [Float] {
    liveConstants().first { self[$0].name == name }.flatMap { self[$0].constant?.floats } ?? []
  }
}

/// One operator with a weight named `weight`.
struct WeightCase: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var opType: String
  var attributes: [String: AttributeValue] = [:]
  var input: [Int]
  var weight: [Int]
  var groups = 1
  /// The weight is the first operand.
  var isLeft = false

  /// Axes of the output and the input that count units; nil for those of an image, which are 1.
  var isImage: Bool { input.count == 4 }

  static let all: [WeightCase] = [
    WeightCase(testDescription: "conv", opType: "Conv", input: [1, 3, 4, 5], weight: [5, 3, 2, 3]),
    WeightCase(
      testDescription: "grouped conv", opType: "Conv", attributes: ["group": .int(2)], input: [1, 6, 4, 4],
      weight: [4, 3, 3, 2], groups: 2),
    WeightCase(
      testDescription: "depthwise conv", opType: "Conv", attributes: ["group": .int(5)], input: [1, 5, 4, 4],
      weight: [5, 1, 3, 3], groups: 5),
    WeightCase(
      testDescription: "grouped transposed conv", opType: "ConvTranspose", attributes: ["group": .int(2)],
      input: [1, 4, 3, 3], weight: [4, 3, 2, 2], groups: 2),
    WeightCase(
      testDescription: "gemm, transposed", opType: "Gemm", attributes: ["transB": .int(1)], input: [1, 7],
      weight: [10, 7]),
    WeightCase(testDescription: "gemm", opType: "Gemm", input: [1, 7], weight: [7, 10]),
    WeightCase(testDescription: "matmul", opType: "MatMul", input: [2, 9], weight: [9, 13]),
  ]

  func graph(_ weights: [Float]) throws -> Graph {
    var graph = Graph(name: testDescription)
    let samples = graph.input("input", input)
    let constant = graph.addConstant(name: "weight", Tensor(shape: weight, elements: weights))
    graph.outputs = [try graph.node(opType, "output", [samples, constant], attributes)]
    return graph
  }
}

/// Three products of odd sizes beside each other.
func oddNetwork(seed: UInt64 = 3, zeros: (Int) -> Bool = { _ in false }) throws -> Graph {
  var graph = Graph(name: "odd")
  func weights(_ shape: [Int], _ index: UInt64) -> Tensor {
    let drawn = numbers(shape.elementCount, seed: seed &+ index)
    return Tensor(shape: shape, elements: drawn.indices.map { zeros($0) ? 0 : drawn[$0] / Float(index) })
  }
  let image = graph.input("image", [1, 3, 5, 5])
  let conv = graph.addConstant(name: "conv.weight", weights([5, 3, 3, 3], 1))
  let features = try graph.node("Conv", "features", [image, conv])
  let vector = graph.input("vector", [1, 37])
  let dense = graph.addConstant(name: "dense1.weight", weights([21, 37], 2))
  let product = graph.addConstant(name: "dense2.weight", weights([21, 10], 3))
  let bias = graph.addConstant(name: "dense1.bias", Tensor(shape: [21], elements: numbers(21, seed: 9)))
  let hidden = try graph.node("Gemm", "hidden", [vector, dense, bias], ["transB": .int(1)])
  graph.outputs = [features, try graph.node("MatMul", "scores", [hidden, product])]
  return graph
}

let oddWeights = ["conv.weight", "dense1.weight", "dense2.weight"]

/// Numbers between -1 and 1, the same in every run (a linear congruential generator, Knuth's constants).
func numbers(_ count: Int, seed: UInt64) -> [Float] {
  var state = seed
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(Int32(truncatingIfNeeded: state >> 32)) / Float(Int32.max)
  }
}
