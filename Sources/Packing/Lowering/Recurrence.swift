import Graph
import HostTensors
import ModelFormat
import Operators
import TensorTypes

// A recurrent layer is two steps for each pass over its sequences: a dense one that multiplies the whole input
// with W, and a `recurrent` one that walks through time. The input's products read their weights once for
// several elements of time that way, at the price of an arena tensor of all gates.

/// A recurrent node while it is lowered.
private struct RecurrentLayer {
  var node: Node
  var form: RecurrentForm
  var cell: RecurrentCell
  var extents: RecurrentExtents
  var weight: Tensor
  var recurrentWeight: Tensor
  var bias: [Float]?

  /// Rows of W and R in one pass.
  var width: Int { cell.gateCount * extents.hiddenSize }

  /// What is added to the input's products of `pass`: both biases, but for the one that a reset gate multiplies.
  func inputBias(_ pass: Int) -> [Float]? {
    guard let bias else { return nil }
    let sums = (0..<width).map { row in
      let given = bias[pass * 2 * width + row]
      let isMultiplied = cell == .gruResettingSum && row >= 2 * extents.hiddenSize
      return isMultiplied ? given : given + bias[(pass * 2 + 1) * width + row]
    }
    return sums.allSatisfy { $0 == 0 } ? nil : sums
  }

  /// The recurrent bias of the candidate, where a reset gate multiplies it.
  func candidateBias(_ pass: Int) -> [Float]? {
    guard cell == .gruResettingSum, let bias else { return nil }
    let start = (pass * 2 + 1) * width + 2 * extents.hiddenSize
    let values = Array(bias[start..<start + extents.hiddenSize])
    return values.allSatisfy { $0 == 0 } ? nil : values
  }

  func rows(of weight: Tensor, pass: Int) -> [UInt8] {
    let bytes = weight.byteCount / extents.passes
    return weight.withBytes { [UInt8]($0[pass * bytes..<(pass + 1) * bytes]) }
  }
}

/// X as rows of features, and the rows between one element of time, or one sequence, and the next.
private struct SequenceRows {
  var tensor: Int
  var step: Int
  var sequence: Int
}

extension Lowering {
  func lowerRecurrent(_ node: Node, _ form: RecurrentForm, _ cell: RecurrentCell) throws(PackError) {
    guard dtype(node.inputs[0]!) == .float32 else { throw unsupported(node, "only float32 has a step") }
    let wanted = node.outputs.map { id in id.flatMap { isRead($0) ? $0 : nil } }
    guard wanted.contains(where: { $0 != nil }) else { return }
    let layer = try recurrentLayer(node, form, cell)
    noteFloat(node, "its state is fed back, and rounding it would add up over time")
    var record = try recurrentRecord(layer)
    let outputs = try wanted.map { (id) throws(PackError) in
      try id.map { (id) throws(PackError) in try addTensor(for: id) }
    }
    func tensor(_ index: Int) -> TensorIndex { outputs.optional(index).map { TensorIndex($0) } ?? .none }
    (record.output, record.lastState, record.lastMemory) = (tensor(0), tensor(1), tensor(2))
    let x = try sequenceRows(layer)
    for pass in 0..<layer.extents.passes { try addPass(layer, pass, x, record) }
    for (id, tensor) in zip(wanted, outputs) {
      if let id, let tensor { define(id, tensor: tensor, layout: plainLayout(id)) }
    }
  }

  private func isRead(_ id: ValueID) -> Bool { !(consumers[id] ?? []).isEmpty || outputs.contains(id) }

  private func recurrentLayer(
    _ node: Node, _ form: RecurrentForm, _ cell: RecurrentCell
  ) throws(PackError) -> RecurrentLayer {
    let extents = try attempt(node) { () throws(OperatorError) in
      try form.extents(infos(node), gateCount: cell.gateCount)
    }
    let biasID = node.inputs.optional(RecurrentInput.bias)
    guard let weight = constant(node.inputs[RecurrentInput.weight]),
      let recurrentWeight = constant(node.inputs[RecurrentInput.recurrentWeight]), biasID.map(isKnown) ?? true
    else { throw unsupported(node, "its weights are computed") }
    for case let id? in node.inputs.dropFirst() {
      if case .quantizedConstant = state(id) {
        notes.append(.weightsDequantized(node: name(node), reason: "a recurrent layer has no integer step"))
        break
      }
    }
    return RecurrentLayer(
      node: node, form: form, cell: cell, extents: extents, weight: weight, recurrentWeight: recurrentWeight,
      bias: constant(biasID)?.floats)
  }

  /// The fields that both passes share, but for the outputs.
  private func recurrentRecord(_ layer: RecurrentLayer) throws(PackError) -> RecurrentRecord {
    let (node, extents, name) = (layer.node, layer.extents, name(layer.node))
    func operand(_ input: Int) throws(PackError) -> TensorIndex {
      guard let id = node.inputs.optional(input) else { return .none }
      // States of zeros are what no state means.
      if input != RecurrentInput.lengths, let known = constant(id), known.floats.allSatisfy({ $0 == 0 }) {
        return .none
      }
      return TensorIndex(try native(id, layout: plainLayout(id), for: name).tensor)
    }
    var record = RecurrentRecord()
    record.cell = layer.cell.rawValue
    record.lengths = try operand(RecurrentInput.lengths)
    record.initialState = try operand(RecurrentInput.initialState)
    record.initialMemory = try operand(RecurrentInput.initialMemory)
    (record.steps, record.batch, record.hidden) = (extents.steps, extents.batch, extents.hiddenSize)
    let passRow = extents.passes * extents.hiddenSize
    if layer.form.isBatchFirst {
      (record.outputStep, record.outputSequence) = (passRow, extents.steps * passRow)
      record.stateSequence = passRow
    } else {
      (record.outputStep, record.outputSequence) = (extents.batch * passRow, extents.hiddenSize)
      record.stateSequence = extents.hiddenSize
    }
    return record
  }

  /// X as it lies, where its features are next to each other.
  private func sequenceRows(_ layer: RecurrentLayer) throws(PackError) -> SequenceRows {
    guard let id = layer.node.inputs[RecurrentInput.x] else { preconditionFailure("X is required") }
    let shape = shape(id)
    var held = try native(id, for: name(layer.node))
    var order = held.layout.axisOrder(of: shape)
    if shape[2] != 1, order?.last != 2 {
      held = try native(id, layout: plainLayout(id), for: name(layer.node))
      order = [0, 1, 2]
    }
    let strides = orderedStrides(shape, order ?? [0, 1, 2]).map { $0 / shape[2] }
    let (time, batch) = layer.form.isBatchFirst ? (1, 0) : (0, 1)
    return SequenceRows(tensor: held.tensor, step: strides[time], sequence: strides[batch])
  }

  private func addPass(
    _ layer: RecurrentLayer, _ pass: Int, _ x: SequenceRows, _ shared: RecurrentRecord
  ) throws(PackError) {
    let (extents, name) = (layer.extents, name(layer.node))
    var record = shared
    record.input = TensorIndex(addInputProduct(layer, pass, x.tensor, name: name))
    (record.inputStep, record.inputSequence) = (x.step * layer.width, x.sequence * layer.width)
    let weightName = layer.node.inputs[RecurrentInput.recurrentWeight].map { graph[$0].name } ?? name
    record.weights = TensorIndex(
      addConstant(.float32, bytes: layer.rows(of: layer.recurrentWeight, pass: pass), name: weightName))
    if let bias = layer.candidateBias(pass) { record.bias = TensorIndex(addConstant(bias, name: "\(name)/bias")) }
    for (index, function) in layer.form.functions[pass].enumerated() {
      record.functions[index] = function.code.rawValue
    }
    record.backward = layer.form.direction.passesBackward[pass] ? 1 : 0
    record.outputOffset = pass * extents.hiddenSize * (layer.form.isBatchFirst ? 1 : extents.batch)
    record.stateOffset = record.outputOffset
    let bytes = RecurrentRecord.scratchBytes(hidden: extents.hiddenSize, gateCount: layer.cell.gateCount)
    record.scratch = TensorIndex(addScratch(bytes: bytes, name: "\(name)/scratch"))
    addStep(.recurrent(record), name: name)
  }

  /// A dense step from all rows of X to their part of the gates; returns its output.
  private func addInputProduct(_ layer: RecurrentLayer, _ pass: Int, _ input: Int, name: String) -> Int {
    let extents = layer.extents
    let rows = extents.steps * extents.batch
    let weightName = layer.node.inputs[RecurrentInput.weight].map { graph[$0].name } ?? name
    var step = ConvolutionFloatRecord()
    step.input = TensorIndex(input)
    step.weights = TensorIndex(
      addConstant(.float32, bytes: layer.rows(of: layer.weight, pass: pass), name: weightName))
    if let bias = layer.inputBias(pass) { step.bias = TensorIndex(addConstant(bias, name: "\(name)/bias")) }
    step.window = .dense(rows: rows, inChannels: extents.inputSize, outChannels: layer.width)
    step.bandRows = step.window.bandRows(elementBytes: 4)
    let output = addTensor(.float32, count: rows * layer.width, name: "\(name)/gates")
    step.output = TensorIndex(output)
    addStep(.convolutionFloat(step), name: "\(name)/input")
    return output
  }
}

extension GateFunction {
  fileprivate var code: GateFunctionCode {
    switch self {
    case .sigmoid: .sigmoid
    case .tanh: .tanh
    case .relu: .relu
    }
  }
}
