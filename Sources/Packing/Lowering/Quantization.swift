import Graph
import HostTensors
import ModelFormat
import Operators
import TensorTypes

// QuantizeLinear and DequantizeLinear: mostly a change of view.

extension Lowering {
  func lowerQuantize(_ node: Node) throws(PackError) {
    guard let input = node.inputs[0], let output = node.outputs[0] else { return }
    guard let parameters = activationParameters(node) else {
      throw unsupported(node, "the scale is computed, per axis, or of a type other than int8 and uint8")
    }
    guard dtype(input) == .float32 else { throw unsupported(node, "the input is \(dtype(input).name)") }
    let held = try quantize(input, parameters, name: name(node))
    define(output, tensor: held.tensor, layout: held.layout)
  }

  /// The float value `id` quantized by `parameters`, by as few steps as its representations allow.
  func quantize(
    _ id: ValueID, _ parameters: QuantizationParameters, name: String
  ) throws(PackError) -> Representation {
    if case .activation(let held) = state(id), let same = held.first(where: { $0.parameters == parameters }) {
      return same
    }
    if let known = quantizations[id]?.first(where: { $0.parameters == parameters }) { return known }
    let result: Representation
    if isQuantizedOnly(id), let source = self.parameters(id) {
      let held = try quantized(id, source, for: name)
      let table = requantizationTable(from: source, to: parameters)
      let tensor = addTable(table, input: held.tensor, dtype: parameters.dtype, name: name)
      result = Representation(encoding: .quantized(parameters), layout: held.layout, tensor: tensor)
    } else {
      let held = try native(id, for: name)
      let tensor = addTensor(parameters.dtype, count: held.layout.count, name: graph[id].name)
      var step = AffineMapRecord()
      step.input = TensorIndex(held.tensor)
      step.output = TensorIndex(tensor)
      step.affine = AffineRecord(parameters)
      addStep(.quantize(step), name: name)
      result = Representation(encoding: .quantized(parameters), layout: held.layout, tensor: tensor)
    }
    quantizations[id, default: []].append(result)
    return result
  }

  func lowerDequantize(_ node: Node) throws(PackError) {
    guard let input = node.inputs[0], let output = node.outputs[0] else { return }
    if let integers = constant(input) {
      try dequantizeConstant(node, integers, output)
      return
    }
    guard let parameters = activationParameters(node) else {
      throw unsupported(node, "the scale is computed, per axis, or the input is neither int8 nor uint8")
    }
    guard case .activation(let held) = state(input) else { return }
    define(
      output,
      .activation(
        held.filter { $0.encoding == .native }.map {
          Representation(encoding: .quantized(parameters), layout: $0.layout, tensor: $0.tensor)
        }))
  }

  private func dequantizeConstant(_ node: Node, _ integers: Tensor, _ output: ValueID) throws(PackError) {
    let operands = node.inputs.map { constant($0) }
    guard operands.count > 1, let scale = operands[1] else { throw unsupported(node, "the scale is computed") }
    let dequantized = try attempt(node) { () throws(OperatorError) in try node.op.evaluate(operands)[0] }
    let isWeight = integers.dtype == .int8 || integers.dtype == .uint8 || integers.dtype == .int32
    guard isWeight, scale.dtype == .float32, scale.rank <= 1, scale.floats.allSatisfy({ $0.isFinite && $0 > 0 }) else {
      define(output, .constant(dequantized))
      return
    }
    let zeroPoints = operands.count > 2 ? operands[2]?.integers.map { Int32(truncatingIfNeeded: $0) } : nil
    let axis = try attempt(node) { () throws(OperatorError) -> Int? in
      guard scale.count > 1 else { return nil }
      guard case .int(let axis)? = node.op.attributes["axis"] else {
        return try normalizedAxis(1, rank: integers.rank)
      }
      return try normalizedAxis(axis, rank: integers.rank)
    }
    define(
      output,
      .quantizedConstant(
        QuantizedConstant(
          integers: integers, scales: scale.floats,
          zeroPoints: zeroPoints ?? [Int32](repeating: 0, count: scale.count), axis: axis, dequantized: dequantized)))
  }

  // MARK: Tables

  /// A `table` step; returns its output.
  func addTable(_ table: [UInt8], input: Int, dtype: DType, name: String) -> Int {
    let tensor = addTensor(dtype, count: program.tensors[input].count, name: program.tensors[input].name)
    var step = TableRecord()
    step.input = TensorIndex(input)
    step.output = TensorIndex(tensor)
    step.table = TensorIndex(addConstant(.uint8, bytes: table, name: "\(name)/table"))
    addStep(.table(step), name: name)
    return tensor
  }

  func requantizationTable(from source: QuantizationParameters, to target: QuantizationParameters) -> [UInt8] {
    source.dequantizedBytes.map { target.byte(of: $0) }
  }
}

extension QuantizationParameters {
  /// The float values of the 256 bytes, by the byte read as an unsigned index.
  var dequantizedBytes: [Float] {
    (0..<256).map { byte in
      dequantize(dtype == .uint8 ? Int32(byte) : Int32(Int8(truncatingIfNeeded: byte)))
    }
  }

  /// The stored byte of a quantized float.
  func byte(of x: Float) -> UInt8 { UInt8(truncatingIfNeeded: quantize(x)) }
}
