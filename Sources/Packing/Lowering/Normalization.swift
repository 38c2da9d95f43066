import Graph
import HostTensors
import ModelFormat
import Operators

extension Lowering {
  /// One `layerNormalization` step over rows that lie one after another in memory.
  func lowerLayerNormalization(_ node: Node) throws(PackError) {
    let normalization = try operation(node, LayerNormalization.self)
    guard let input = node.inputs[0], let scale = node.inputs[1] else { return }
    guard dtype(input) == .float32 else { throw unsupported(node, "arithmetic on \(dtype(input).name) has no step") }
    noteFloat(node, "it normalizes by the variance of its own row")
    let shape = shape(input)
    let axis = try attempt(node) { () throws(OperatorError) in
      try normalizedAxis(normalization.axis, rank: shape.count)
    }
    let row = Array(shape[axis...])
    let rows = shape[..<axis].reduce(1, *)
    var (held, reduced) = try rowView(input, Array(axis..<shape.count), name: name(node))
    if held == nil {
      held = try native(input, layout: plainLayout(input), for: name(node))
      reduced = .plain(rows)
    }
    guard let held else { return }
    var step = LayerNormalizationRecord()
    step.input = TensorIndex(held.tensor)
    step.scale = TensorIndex(try rowParameter(scale, row, node))
    if let bias = node.inputs.optional(2) { step.bias = TensorIndex(try rowParameter(bias, row, node)) }
    step.epsilon = normalization.epsilon
    (step.rows, step.length) = (rows, row.elementCount)
    func output(_ index: Int, _ layout: Layout) throws(PackError) -> TensorIndex {
      guard let id = node.outputs.optional(index) else { return .none }
      guard index == 0 || !(consumers[id] ?? []).isEmpty || outputs.contains(id) else { return .none }
      let tensor = try addTensor(for: id)
      define(id, tensor: tensor, layout: layout)
      return TensorIndex(tensor)
    }
    step.output = try output(0, held.layout)
    if step.output.isNone {
      // Only the statistics have a name.
      step.output = TensorIndex(addTensor(.float32, count: shape.elementCount, name: name(node)))
    }
    step.mean = try output(1, reduced)
    step.inverse = try output(2, reduced)
    addStep(.layerNormalization(step), name: name(node))
  }

  /// Scale or bias with one element for each of a row.
  private func rowParameter(_ id: ValueID, _ row: [Int], _ node: Node) throws(PackError) -> Int {
    if let known = constant(id) {
      let strides =
        [Int](repeating: 0, count: row.count - known.rank)
        + zip(known.shape, known.shape.rowMajorStrides)
        .map { $0 == 1 ? 0 : $1 }
      let bytes = known.withBytes {
        gatherBytes($0, elementBytes: known.dtype.byteCount, extents: row, strides: strides)
      }
      return addConstant(known.dtype, bytes: bytes, name: graph[id].name)
    }
    guard shape(id).elementCount == row.elementCount else {
      throw unsupported(node, "its scale or bias is computed and broadcast")
    }
    return try native(id, layout: plainLayout(id), for: name(node)).tensor
  }
}
