import Graph
import HostTensors
import ModelFormat
import Operators
import TensorTypes

extension Lowering {
  func lowerCompare(_ node: Node, _ function: CompareFunction) throws(PackError) {
    guard let a = node.inputs[0], let b = node.inputs[1], let output = node.outputs[0] else { return }
    switch dtype(a) {
    case .float32, .int32, .int64, .int8, .uint8, .bool: break
    case .uint16, .int16, .float16, .float64, .uint32, .uint64, .bfloat16:
      throw unsupported(node, "comparing \(dtype(a).name) has no step")
    }
    noteFloat(node, "comparisons are made in float")
    let name = name(node)
    let layout = try walkLayout(of: [a, b], shape: shape(output), name: name)
    let left = try operand(a, for: layout, shape(output), name: name)
    let right = try operand(b, for: layout, shape(output), name: name)
    try addCompare(function, left, right, output, layout, name: name)
  }

  /// Not: equal to false.
  func lowerNot(_ node: Node) throws(PackError) {
    guard let input = node.inputs[0], let output = node.outputs[0] else { return }
    let held = try native(input, for: name(node))
    let falsehood = addConstant([false], name: "false")
    try addCompare(
      .equal, Operand(tensor: held.tensor, layout: held.layout, shape: shape(input)),
      Operand(tensor: falsehood, layout: .plain(1), shape: []), output, held.layout, name: name(node))
  }

  private func addCompare(
    _ function: CompareFunction, _ a: Operand, _ b: Operand, _ output: ValueID, _ layout: Layout, name: String
  ) throws(PackError) {
    let tensor = addTensor(.bool, count: layout.count, name: graph[output].name)
    var step = try binaryRecord(a, b, shape: shape(output), layout: layout, name: name)
    step.function = function.rawValue
    step.output = TensorIndex(tensor)
    addStep(.compare(step), name: name)
    define(output, tensor: tensor, layout: layout)
  }

  func lowerWhere(_ node: Node) throws(PackError) {
    guard let condition = node.inputs[0], let a = node.inputs[1], let b = node.inputs[2], let output = node.outputs[0]
    else { return }
    noteFloat(node, "its operands need one scale")
    let name = name(node)
    let shape = shape(output)
    let layout = try walkLayout(of: [a, b, condition], shape: shape, name: name)
    var operands: [Operand] = []
    for id in [condition, a, b] { operands.append(try operand(id, for: layout, shape, name: name)) }
    guard let walk = broadcastWalk(operands, shape: shape, layout: layout) else {
      throw .unsupportedExtent(value: graph[output].name, shape: shape)
    }
    let tensor = try addTensor(for: output)
    var step = SelectRecord()
    step.condition = TensorIndex(operands[0].tensor)
    step.a = TensorIndex(operands[1].tensor)
    step.b = TensorIndex(operands[2].tensor)
    step.output = TensorIndex(tensor)
    step.extents = StridedExtents(walk.extents, filler: 1)
    step.conditionStrides = StridedExtents(walk.strides[0], filler: 0)
    step.aStrides = StridedExtents(walk.strides[1], filler: 0)
    step.bStrides = StridedExtents(walk.strides[2], filler: 0)
    addStep(.select(step), name: name)
    define(output, tensor: tensor, layout: layout)
  }

  func lowerCast(_ node: Node) throws(PackError) {
    guard let input = node.inputs[0], let output = node.outputs[0] else { return }
    if dtype(input) == dtype(output) {
      define(output, state(input))
      return
    }
    let held = try native(input, for: name(node))
    let tensor = try addTensor(for: output)
    var step = CastRecord()
    step.input = TensorIndex(held.tensor)
    step.output = TensorIndex(tensor)
    addStep(.cast(step), name: name(node))
    define(output, tensor: tensor, layout: held.layout)
  }
}
