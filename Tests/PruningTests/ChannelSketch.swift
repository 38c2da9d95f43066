import Graph
import HostTensors
import Operators
import TensorTypes

/// SplitMix64 (Steele, Lea, Flood 2014): the fixed-seed source of random networks.
struct SketchRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func tensor(_ shape: [Int], scale: Float = 1, around centre: Float = 0) -> Tensor {
    Tensor(
      shape: shape, elements: (0..<shape.elementCount).map { _ in centre + .random(in: -scale...scale, using: &self) })
  }
}

/// A network built layer by layer; images are [batch, channels, side, side], sequences [batch, steps, features].
struct ChannelSketch {
  static let batch = 2
  var graph = Graph(name: "sketch")
  var random: SketchRandom
  private var nodeCount = 0

  init(seed: UInt64) { random = SketchRandom(seed: seed) }

  func shape(_ id: ValueID) -> [Int] { graph[id].info?.shape ?? [] }

  mutating func pick(_ range: ClosedRange<Int>) -> Int { .random(in: range, using: &random) }

  mutating func input(_ shape: [Int]) -> ValueID {
    let id = graph.addValue(name: "input", info: ValueInfo(dtype: .float32, shape: shape))
    graph.inputs.append(id)
    return id
  }

  mutating func weight(_ shape: [Int], fanIn: Int) -> ValueID {
    // Uniform in +-sqrt(3 / n): outputs keep the variance of inputs.
    let scale = (3 / Float(fanIn)).squareRoot()
    return graph.addConstant(name: "w", random.tensor(shape, scale: scale))
  }

  mutating func vector(_ count: Int, around centre: Float = 0) -> ValueID {
    graph.addConstant(name: "b", random.tensor([count], scale: 0.3, around: centre))
  }

  mutating func integers(_ list: [Int]) -> ValueID { graph.addConstant(name: "i", Tensor(integers: list)) }

  mutating func node(
    _ kind: OperatorKind, _ inputs: [ValueID?], _ attributes: [String: AttributeValue] = [:]
  ) throws -> ValueID {
    try nodes(kind, inputs, attributes, outputs: 1)[0]
  }

  mutating func nodes(
    _ kind: OperatorKind, _ inputs: [ValueID?], _ attributes: [String: AttributeValue] = [:], outputs: Int
  ) throws -> [ValueID] {
    let name = "\(kind.rawValue)\(nodeCount)"
    nodeCount += 1
    let definition = NodeDefinition(
      opType: kind.rawValue, attributes: attributes, inputCount: inputs.count, outputCount: outputs)
    let ids = (0..<outputs).map { graph.addValue(name: "\(name)_\($0)") }
    graph.nodes.append(Node(name: name, op: try makeOperator(definition), inputs: inputs, outputs: ids))
    try graph.inferShapes()
    return ids
  }

  /// A convolution that keeps the plane, with a bias.
  mutating func conv(_ x: ValueID, to channels: Int, kernel: Int = 1, groups: Int = 1) throws -> ValueID {
    let slice = shape(x)[1] / groups
    let inputs = [x, weight([channels, slice, kernel, kernel], fanIn: slice * kernel * kernel), vector(channels)]
    let pad = kernel / 2
    return try node(.conv, inputs, ["group": .int(groups), "pads": .ints([pad, pad, pad, pad])])
  }

  mutating func normalized(_ x: ValueID) throws -> ValueID {
    let channels = shape(x)[1]
    let inputs = [x, vector(channels, around: 1), vector(channels), vector(channels), vector(channels, around: 1)]
    return try node(.batchNormalization, inputs)
  }

  /// x W + b over the last axis.
  mutating func dense(_ x: ValueID, to features: Int) throws -> ValueID {
    let from = shape(x).last ?? 1
    let product = try node(.matMul, [x, weight([from, features], fanIn: from)])
    return try node(.add, [product, vector(features)])
  }

  mutating func reshaped(_ x: ValueID, _ shape: [Int]) throws -> ValueID {
    let target = integers(shape)
    return try node(.reshape, [x, target])
  }

  mutating func transposed(_ x: ValueID, _ order: [Int]) throws -> ValueID {
    try node(.transpose, [x], ["perm": .ints(order)])
  }
}
