import Graph
import HostTensors
import ModelFormat
import Operators
import Packing
import Runtime
import TensorTypes
import Testing

/// Numbers from a fixed seed: Marsaglia's xorshift32.
struct TestNumbers {
  private var generator: GoldenGenerator

  init(seed: UInt32) { generator = GoldenGenerator(seed: seed) }

  mutating func integer(below bound: Int) -> Int {
    let word = (0..<3).reduce(0) { word, _ in word << 8 | Int(generator.nextByte()) }
    return word % bound
  }

  /// Multiples of 1/128 in -1...1, so that small sums are exact.
  mutating func float() -> Float { Float(integer(below: 257) - 128) / 128 }

  mutating func floats(_ shape: [Int]) -> Tensor {
    Tensor(shape: shape, elements: (0..<shape.elementCount).map { _ in float() })
  }

  mutating func int8s(_ shape: [Int]) -> Tensor {
    Tensor(shape: shape, elements: (0..<shape.elementCount).map { _ in Int8(integer(below: 255) - 127) })
  }
}

/// A graph built node by node.
struct GraphUnderTest {
  var graph = Graph(name: "test")
  /// Whether `data` puts every float input through a quantization.
  var quantizesInputs = false
  private var count = 0

  mutating func input(_ shape: [Int], _ dtype: DType = .float32) -> ValueID {
    let id = graph.addValue(name: "input\(graph.inputs.count)", info: ValueInfo(dtype: dtype, shape: shape))
    graph.inputs.append(id)
    return id
  }

  /// A float input, quantized where the test asks for that.
  mutating func data(_ shape: [Int]) throws -> ValueID {
    let value = input(shape)
    return quantizesInputs ? try quantized(value, scale: 0x1p-7) : value
  }

  mutating func constant(_ tensor: Tensor) -> ValueID {
    count += 1
    return graph.addConstant(name: "constant\(count)", tensor)
  }

  mutating func integers(_ values: [Int]) -> ValueID {
    constant(Tensor(shape: [values.count], elements: values.map { Int64($0) }))
  }

  /// Adds a node of one output.
  mutating func add(
    _ kind: OperatorKind, _ inputs: [ValueID?], _ attributes: [String: AttributeValue] = [:],
    opset: Int = canonicalOpset
  ) throws -> ValueID {
    count += 1
    let definition = NodeDefinition(
      opType: kind.rawValue, opset: opset, attributes: attributes, inputCount: inputs.count)
    return try graph.append(
      kind.type.init(definition), name: "\(kind.rawValue)\(count)", inputs: inputs, output: "value\(count)")
  }

  /// A node of `outputCount` outputs.
  mutating func addNode(
    _ kind: OperatorKind, _ inputs: [ValueID?], _ attributes: [String: AttributeValue] = [:], outputCount: Int
  ) throws -> [ValueID] {
    count += 1
    let definition = NodeDefinition(
      opType: kind.rawValue, attributes: attributes, inputCount: inputs.count, outputCount: outputCount)
    let outputs = (0..<outputCount).map { graph.addValue(name: "value\(count)_\($0)") }
    graph.nodes.append(
      Node(name: "\(kind.rawValue)\(count)", op: try kind.type.init(definition), inputs: inputs, outputs: outputs))
    try graph.inferShapes()
    return outputs
  }

  /// A Split node, whose outputs are several.
  mutating func addSplit(_ value: ValueID, axis: Int, parts: [Int]) throws -> [ValueID] {
    count += 1
    let definition = NodeDefinition(
      opType: "Split", attributes: ["axis": .int(axis)], inputCount: 2, outputCount: parts.count)
    let outputs = parts.indices.map { graph.addValue(name: "part\($0)") }
    graph.nodes.append(
      Node(name: "Split\(count)", op: try Split(definition), inputs: [value, integers(parts)], outputs: outputs))
    try graph.inferShapes()
    return outputs
  }

  /// QuantizeLinear then DequantizeLinear: how quantized graphs hold an activation.
  mutating func quantized(_ value: ValueID, scale: Float, zeroPoint: Int = 128) throws -> ValueID {
    let parameters = [
      constant(Tensor(scalar: scale)), constant(Tensor(scalar: UInt8(zeroPoint))),
    ]
    let bytes = try add(.quantizeLinear, [value] + parameters)
    return try add(.dequantizeLinear, [bytes] + parameters)
  }

  /// An int8 constant with one scale per index of `axis`, read through DequantizeLinear.
  mutating func weight(_ tensor: Tensor, scales: [Float], axis: Int, zeroPoint: Int8 = 0) throws -> ValueID {
    let zeroPoints = Tensor(shape: [scales.count], repeating: zeroPoint)
    return try add(
      .dequantizeLinear,
      [constant(tensor), constant(Tensor(shape: [scales.count], elements: scales)), constant(zeroPoints)],
      ["axis": .int(axis)])
  }

  /// An int32 bias at the accumulator's scales.
  mutating func bias(_ values: [Int32], scales: [Float]) throws -> ValueID {
    try add(
      .dequantizeLinear,
      [
        constant(Tensor(shape: [values.count], elements: values)),
        constant(Tensor(shape: [scales.count], elements: scales)),
      ], ["axis": .int(0)])
  }

  func packed(_ options: PackOptions = PackOptions(), outputs: ValueID...) throws -> PackedModel {
    try pack(withOutputs(outputs), options: options)
  }

  func withOutputs(_ outputs: [ValueID]) -> Graph {
    var graph = graph
    graph.outputs = outputs
    return graph
  }
}

extension PackedModel {
  var kinds: [String] { steps.map(\.kind) }

  /// The outputs for `inputs`, as raw bytes.
  func run(_ inputs: [Tensor]) throws -> [[UInt8]] {
    let model = try bytes.withUnsafeBytes { try Model($0) }
    #expect(model.header.arenaBytes == UInt32(arena.bytes))
    for (index, tensor) in inputs.enumerated() {
      let target = model.inputBytes(index)
      tensor.withBytes { target.copyMemory(from: $0) }
    }
    model.run()
    return (0..<model.outputCount).map { [UInt8](model.outputBytes($0)) }
  }
}

/// Expects a packed graph to compute what the evaluator computes.
///
/// Float outputs may differ by `tolerance` times the greatest magnitude: both sum in Float, in different
/// orders, and a sum of n terms is off by at most n * 2^-24 of the sum of magnitudes; the tests' sums have
/// fewer than 200 terms, 200 * 2^-24 < 2e-5. Integer outputs must be equal.
func expectAgreement(
  _ graph: Graph, seeds: ClosedRange<UInt32> = 1...2, tolerance: Float = 2e-5,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let packed = try pack(graph)
  for seed in seeds {
    var numbers = TestNumbers(seed: seed)
    let inputs = graph.inputs.map { id -> Tensor in
      let info = graph[id].info ?? ValueInfo(dtype: .float32, shape: [])
      let floats = numbers.floats(info.shape)
      switch info.dtype {
      case .bool: return Tensor(shape: info.shape, elements: floats.floats.map { $0 > 0 })
      case .int64: return Tensor(shape: info.shape, elements: floats.floats.map { Int64(abs($0) * 2) })
      case .int32: return Tensor(shape: info.shape, elements: floats.floats.map { Int32(abs($0) * 2) })
      case .uint8: return Tensor(shape: info.shape, elements: floats.floats.map { UInt8(128 + $0 * 127) })
      default: return floats
      }
    }
    let expected = try Evaluator(graph).run(inputs)
    for (found, wanted) in zip(try packed.run(inputs), expected) {
      try #require(found.count == wanted.byteCount, sourceLocation: sourceLocation)
      guard wanted.dtype == .float32 else {
        #expect(wanted.withBytes { $0.elementsEqual(found) }, sourceLocation: sourceLocation)
        continue
      }
      let floats = found.withUnsafeBytes { bytes in
        (0..<wanted.count).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
      }
      let magnitude = wanted.floats.reduce(Float(1e-3)) { max($0, abs($1)) }
      let worst = zip(floats, wanted.floats).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
      #expect(worst <= tolerance * magnitude, sourceLocation: sourceLocation)
    }
  }
}
