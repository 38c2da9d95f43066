import Graph
import HostTensors
import ModelFormat
import Operators
import TensorTypes

// Operators that move elements: they run on bytes, quantized ones too, in whichever layout the input has.

/// A value whose axes lie one after another in memory.
struct OrderedOperand {
  var representation: Representation
  var shape: [Int]
  /// Memory order of the axes.
  var order: [Int]

  /// The stride in memory of every axis of the shape.
  var strides: [Int] { orderedStrides(shape, order) }

  /// The layout of another shape with the axes in the same order.
  func layout(of shape: [Int]) -> Layout { Layout(shape: shape, order: order) }

  /// Extents around `axis` in memory: how often it repeats, and the elements of one of its indices.
  func surroundings(of axis: Int) -> (outer: Int, inner: Int) {
    let position = order.firstIndex(of: axis) ?? 0
    return (
      order[..<position].reduce(1) { $0 * shape[$1] }, order[(position + 1)...].reduce(1) { $0 * shape[$1] }
    )
  }
}

/// The stride of every axis where the axes of `shape` lie in memory in `order`.
func orderedStrides(_ shape: [Int], _ order: [Int]) -> [Int] {
  var strides = [Int](repeating: 1, count: shape.count)
  var stride = 1
  for axis in order.reversed() {
    strides[axis] = stride
    stride *= shape[axis]
  }
  return strides
}

extension Lowering {
  /// The value in any encoding, its axes whole in memory; in the order it has where there is one.
  func ordered(_ id: ValueID, name: String) throws(PackError) -> OrderedOperand {
    let shape = shape(id)
    let held = try anyEncoding(id, for: name)
    if let order = held.layout.axisOrder(of: shape) {
      return OrderedOperand(representation: held, shape: shape, order: order)
    }
    let plain = try anyEncoding(id, layout: plainLayout(id), for: name)
    return OrderedOperand(representation: plain, shape: shape, order: Array(shape.indices))
  }

  /// A `copy` of the part of `source` that `extents`, offset and strides per axis select, into `target`.
  private func addAxisCopy(
    from source: Int, to target: Int, extents: [Int], order: [Int], inStrides: [Int], outStrides: [Int],
    inOffset: Int = 0, outOffset: Int = 0, name: String
  ) throws(PackError) {
    let walk = StridedWalk(
      extents: order.map { extents[$0] },
      strides: [order.map { inStrides[$0] }, order.map { outStrides[$0] }])
    try addCopy(from: source, to: target, walk: walk, inOffset: inOffset, outOffset: outOffset, name: name)
  }

  private func addTensor(like source: Representation, count: Int, for id: ValueID) -> Int {
    addTensor(program.tensors[source.tensor].dtype, count: count, name: graph[id].name)
  }

  // MARK: Slices

  func lowerSlice(_ node: Node) throws(PackError) {
    let slice = try operation(node, SliceOperator.self)
    guard let input = node.inputs[0], let output = node.outputs[0] else { return }
    let ranges = try attempt(node) { () throws(OperatorError) in try slice.ranges(infos(node)) }
    try addPart(of: input, starts: ranges.map(\.start), steps: ranges.map(\.step), to: output, name: name(node))
  }

  func lowerSplit(_ node: Node) throws(PackError) {
    let split = try operation(node, Split.self)
    guard let input = node.inputs[0] else { return }
    let rank = shape(input).count
    let (extents, axis) = try attempt(node) { () throws(OperatorError) in
      (try split.extents(infos(node)), try normalizedAxis(split.axis, rank: rank))
    }
    var start = 0
    for (output, extent) in zip(node.outputs, extents) {
      if let output, extent > 0, !(consumers[output] ?? []).isEmpty || outputs.contains(output) {
        var starts = [Int](repeating: 0, count: rank)
        starts[axis] = start
        try addPart(
          of: input, starts: starts, steps: [Int](repeating: 1, count: rank), to: output, name: name(node))
      }
      start += extent
    }
  }

  private func addPart(
    of input: ValueID, starts: [Int], steps: [Int], to output: ValueID, name: String
  ) throws(PackError) {
    if shape(output) == shape(input), steps.allSatisfy({ $0 == 1 }) {
      define(output, state(input))
      return
    }
    let source = try ordered(input, name: name)
    let extents = shape(output)
    let strides = source.strides
    let tensor = addTensor(like: source.representation, count: extents.elementCount, for: output)
    try addAxisCopy(
      from: source.representation.tensor, to: tensor, extents: extents, order: source.order,
      inStrides: zip(strides, steps).map(*), outStrides: orderedStrides(extents, source.order),
      inOffset: zip(starts, strides).reduce(0) { $0 + $1.0 * $1.1 }, name: name)
    define(output, tensor: tensor, layout: source.layout(of: extents), encoding: source.representation.encoding)
  }

  func lowerExpand(_ node: Node) throws(PackError) {
    guard let input = node.inputs[0], let output = node.outputs[0] else { return }
    let extents = shape(output)
    if extents.elementCount == shape(input).elementCount {
      define(output, state(input))
      return
    }
    let source = try ordered(input, name: name(node))
    let lead = extents.count - source.shape.count
    let strides = source.strides
    let inStrides = extents.indices.map { axis in
      axis < lead || source.shape[axis - lead] == 1 ? 0 : strides[axis - lead]
    }
    let tensor = addTensor(like: source.representation, count: extents.elementCount, for: output)
    try addAxisCopy(
      from: source.representation.tensor, to: tensor, extents: extents, order: Array(extents.indices),
      inStrides: inStrides, outStrides: extents.rowMajorStrides, name: name(node))
    define(output, tensor: tensor, layout: plainLayout(output), encoding: source.representation.encoding)
  }

  // MARK: Concatenation

  func lowerConcat(_ node: Node) throws(PackError) {
    let concat = try operation(node, Concat.self)
    guard let output = node.outputs[0] else { return }
    let name = name(node)
    let parts = node.inputs.compactMap { $0 }.filter { !shape($0).contains(0) }
    let extents = shape(output)
    let axis = try attempt(node) { () throws(OperatorError) in
      try normalizedAxis(concat.axis, rank: extents.count)
    }
    let tail = tail(of: output)
    let common = try commonQuantization(node, parts, tail)
    var pieces: [Representation] = []
    for part in parts {
      if let common {
        pieces.append(try quantize(part, common, name: name))
      } else {
        pieces.append(try native(part, for: name))
      }
    }
    // The order of the first computed part that has one.
    let order =
      zip(parts, pieces).lazy.filter { self.constant($0.0) == nil }
      .compactMap { $0.1.layout.axisOrder(of: self.shape($0.0)) }.first ?? Array(extents.indices)
    let strides = orderedStrides(extents, order)
    let tensor = addTensor(
      program.tensors[pieces[0].tensor].dtype, count: extents.elementCount, name: graph[output].name)
    var start = 0
    for (part, held) in zip(parts, pieces) {
      let own = shape(part)
      let placed = try relaid(held, part, to: Layout(shape: own, order: order), name: name)
      try addAxisCopy(
        from: placed.tensor, to: tensor, extents: own, order: order, inStrides: orderedStrides(own, order),
        outStrides: strides, outOffset: start * strides[axis], name: name)
      start += own[axis]
    }
    let layout = Layout(shape: extents, order: order)
    if let common, tail.quantization == common, tail.clampNodes.isEmpty {
      defineQuantized(tail, tensor: tensor, layout: layout)
    } else {
      define(output, tensor: tensor, layout: layout, encoding: common.map { .quantized($0) } ?? .native)
    }
  }

  /// The mapping in which to concatenate: the one all parts share, or the one that every reader wants;
  /// nil for float and other types.
  private func commonQuantization(
    _ node: Node, _ parts: [ValueID], _ tail: Tail
  ) throws(PackError) -> QuantizationParameters? {
    guard dtype(parts[0]) == .float32, parts.contains(where: { isQuantizedOnly($0) }) else { return nil }
    let mappings = parts.map { parameters($0) }
    if let first = mappings[0], mappings.allSatisfy({ $0 == first }) { return first }
    guard mappings.allSatisfy({ $0 != nil }), let wanted = tail.quantization, tail.clampNodes.isEmpty else {
      noteFloat(node, "its parts have different scales and some reader wants the result unquantized")
      return nil
    }
    return wanted
  }

  /// `held`, a representation of `id` or of its quantized form, in another layout.
  private func relaid(
    _ held: Representation, _ id: ValueID, to layout: Layout, name: String
  ) throws(PackError) -> Representation {
    if held.layout == layout { return held }
    if held.encoding == .native { return try native(id, layout: layout, for: name) }
    if parameters(id) == held.parameters, let mapping = held.parameters {
      return try quantized(id, mapping, layout: layout, for: name)
    }
    return try converted(held, to: layout, id, name)
  }

  // MARK: Padding

  func lowerPad(_ node: Node) throws(PackError) {
    let pad = try operation(node, Pad.self)
    guard let input = node.inputs[0], let output = node.outputs[0] else { return }
    let known = infos(node)
    let pads = try attempt(node) { () throws(OperatorError) in try pad.resolvedPads(known) }
    if pads.allSatisfy({ $0.begin == 0 && $0.end == 0 }) {
      define(output, state(input))
      return
    }
    switch pad.mode {
    case .constant: try addConstantPad(node, pad, pads, input, output)
    case .reflect, .edge, .wrap:
      var current = try ordered(input, name: name(node))
      for axis in pads.indices where pads[axis] != (0, 0) {
        let extent = current.shape[axis]
        // The operator itself says where each element comes from.
        let positions = Tensor(shape: [extent], elements: (0..<extent).map { Int64($0) })
        let indices = try attempt(node) { () throws(OperatorError) in
          // In the canonical form, whose pads are an input; the node's own may be attributes of all axes.
          let definition = NodeDefinition(opType: "Pad", attributes: pad.attributes, inputCount: 2)
          let extents = Tensor(integers: [pads[axis].begin, pads[axis].end])
          return try Pad(definition).evaluate([positions, extents])[0].integers
        }
        current = addGather(current, axis: axis, indices: indices.map { Int32($0) }, name: name(node))
      }
      define(
        output, tensor: current.representation.tensor, layout: current.representation.layout,
        encoding: current.representation.encoding)
    }
  }

  private func addConstantPad(
    _ node: Node, _ pad: Pad, _ pads: [(begin: Int, end: Int)], _ input: ValueID, _ output: ValueID
  ) throws(PackError) {
    let own = pad.attributeInputs(infos(node))
    let filler = own.isEmpty ? node.inputs.optional(2).flatMap { constant($0) } : own.optional(2)
    guard filler != nil || node.inputs.optional(2) == nil else {
      throw unsupported(node, "the padding value is computed")
    }
    let value = filler?.floats.first ?? 0
    var source = try ordered(input, name: name(node))
    if let mapping = source.representation.parameters, mapping.dequantize(mapping.quantize(value)) != value,
      tail(of: output).quantization != mapping
    {
      noteFloat(node, "the padding value \(value) is none of the quantized values")
      let held = try native(input, for: name(node))
      let order = held.layout.axisOrder(of: shape(input))
      let plain = order == nil ? try native(input, layout: plainLayout(input), for: name(node)) : held
      source = OrderedOperand(
        representation: plain, shape: shape(input), order: order ?? Array(shape(input).indices))
    }
    let extents = shape(output)
    let tensor = addTensor(like: source.representation, count: extents.elementCount, for: output)
    addFill(tensor, pattern: fillPattern(filler, value, source.representation), name: name(node))
    // Negative pads cut the input instead.
    let skipped = pads.map { max(0, -$0.begin) }
    let copied = pads.indices.map { source.shape[$0] - skipped[$0] - max(0, -pads[$0].end) }
    if copied.allSatisfy({ $0 > 0 }) {
      let (inStrides, outStrides) = (source.strides, orderedStrides(extents, source.order))
      try addAxisCopy(
        from: source.representation.tensor, to: tensor, extents: copied, order: source.order, inStrides: inStrides,
        outStrides: outStrides, inOffset: zip(skipped, inStrides).reduce(0) { $0 + $1.0 * $1.1 },
        outOffset: zip(pads, outStrides).reduce(0) { $0 + max(0, $1.0.begin) * $1.1 }, name: name(node))
    }
    define(output, tensor: tensor, layout: source.layout(of: extents), encoding: source.representation.encoding)
  }

  /// The bits of one filling element.
  private func fillPattern(_ filler: Tensor?, _ value: Float, _ source: Representation) -> UInt64 {
    if let mapping = source.parameters { return UInt64(mapping.byte(of: value)) }
    guard let filler else { return 0 }
    let dtype = program.tensors[source.tensor].dtype
    let element = filler.dtype == dtype ? filler : filler.cast(to: dtype)
    return element.withBytes { bytes in
      var pattern: UInt64 = 0
      for index in 0..<dtype.byteCount { pattern |= UInt64(bytes[index]) << (8 * UInt64(index)) }
      return pattern
    }
  }

  private func addFill(_ tensor: Int, pattern: UInt64, name: String) {
    var step = FillRecord()
    step.output = TensorIndex(tensor)
    step.patternLow = UInt32(truncatingIfNeeded: pattern)
    step.patternHigh = UInt32(truncatingIfNeeded: pattern >> 32)
    addStep(.fill(step), name: name)
  }

  // MARK: Gathering

  /// A `gather` of constant indices along one axis.
  func addGather(_ source: OrderedOperand, axis: Int, indices: [Int32], name: String) -> OrderedOperand {
    var shape = source.shape
    shape[axis] = indices.count
    let slot = program.tensors[source.representation.tensor]
    let tensor = addTensor(slot.dtype, count: shape.elementCount, name: slot.name)
    let around = source.surroundings(of: axis)
    var step = GatherRecord()
    step.input = TensorIndex(source.representation.tensor)
    step.indices = TensorIndex(addConstant(indices, name: "\(name)/indices"))
    step.output = TensorIndex(tensor)
    (step.outer, step.axis, step.inner) = (around.outer, source.shape[axis], around.inner)
    addStep(.gather(step), name: name)
    let held = Representation(
      encoding: source.representation.encoding, layout: source.layout(of: shape), tensor: tensor)
    return OrderedOperand(representation: held, shape: shape, order: source.order)
  }

  func lowerGather(_ node: Node) throws(PackError) {
    let gather = try operation(node, Gather.self)
    guard let data = node.inputs[0], let indices = node.inputs[1], let output = node.outputs[0] else { return }
    let source = try ordered(data, name: name(node))
    let axis = try attempt(node) { () throws(OperatorError) in
      try normalizedAxis(gather.axis, rank: source.shape.count)
    }
    let held = try native(indices, layout: plainLayout(indices), for: name(node))
    let tensor = addTensor(like: source.representation, count: shape(output).elementCount, for: output)
    let around = source.surroundings(of: axis)
    var step = GatherRecord()
    step.input = TensorIndex(source.representation.tensor)
    step.indices = TensorIndex(held.tensor)
    step.output = TensorIndex(tensor)
    (step.outer, step.axis, step.inner) = (around.outer, source.shape[axis], around.inner)
    addStep(.gather(step), name: name(node))
    // The axes of the indices take the place of the gathered axis, in the shape and in memory.
    let indexRank = shape(indices).count
    let order = source.order.flatMap { old -> [Int] in
      if old == axis { return Array(axis..<axis + indexRank) }
      return [old < axis ? old : old + indexRank - 1]
    }
    define(
      output, tensor: tensor, layout: Layout(shape: shape(output), order: order),
      encoding: source.representation.encoding)
  }
}
