import Graph
import HostTensors
import Operators
import TensorTypes

/// SplitMix64 (Steele, Lea, Flood 2014): the fixed-seed source of the test values.
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Roughly normal: the sum of twelve uniform values less their mean.
  mutating func normal() -> Float { (0..<12).reduce(Float(-6)) { sum, _ in sum + .random(in: 0..<1, using: &self) } }

  mutating func normals(_ count: Int, scale: Float = 1) -> [Float] { (0..<count).map { _ in normal() * scale } }

  mutating func tensor(_ shape: [Int], scale: Float = 1) -> Tensor {
    Tensor(shape: shape, elements: normals(shape.elementCount, scale: scale))
  }
}

/// Builds a graph node by node.
struct GraphSketch {
  var graph = Graph(name: "sketch")

  mutating func input(_ name: String, _ shape: [Int], dtype: DType = .float32) -> ValueID {
    let id = graph.addValue(name: name, info: ValueInfo(dtype: dtype, shape: shape))
    graph.inputs.append(id)
    return id
  }

  mutating func constant(_ name: String, _ tensor: Tensor) -> ValueID { graph.addConstant(name: name, tensor) }

  /// A node named after its output.
  mutating func node<Op: Operator>(
    _: Op.Type, _ inputs: [ValueID?], _ output: String, _ attributes: [String: AttributeValue] = [:]
  ) throws -> ValueID {
    let definition = NodeDefinition(opType: Op.kind.rawValue, attributes: attributes, inputCount: inputs.count)
    return try graph.append(Op(definition), name: output, inputs: inputs, output: output)
  }

  /// A 1x1 or larger convolution with a weight drawn from `random`, and a bias.
  mutating func conv(
    _ input: ValueID, _ output: String, channels: (Int, Int), kernel: Int = 1, random: inout SplitMix64
  ) throws -> ValueID {
    let weight = constant("\(output)_w", random.tensor([channels.1, channels.0, kernel, kernel], scale: 0.3))
    let bias = constant("\(output)_b", random.tensor([channels.1], scale: 0.1))
    return try node(Conv.self, [input, weight, bias], output, [:])
  }
}
