import Graph
import HostTensors
import ModelFormat
import Operators
import TensorTypes

/// A tensor in memory together with the shape of the value it holds.
struct Operand {
  var tensor: Int
  var layout: Layout
  var shape: [Int]
}

extension Lowering {
  // MARK: Functions of one value

  func lowerUnary(_ node: Node, _ function: UnaryFunction, alpha: Float = 0, beta: Float = 0) throws(PackError) {
    guard let input = node.inputs[0], let output = node.outputs[0] else { return }
    guard dtype(input) == .float32 else { throw unsupported(node, "arithmetic on \(dtype(input).name) has no step") }
    if try lowerAsTable(node, of: input) { return }
    noteFloat(node, "some reader wants the result unquantized")
    let held = try native(input, for: name(node))
    let tensor = addTensor(.float32, count: held.layout.count, name: graph[output].name)
    var step = UnaryFloatRecord()
    step.input = TensorIndex(held.tensor)
    step.output = TensorIndex(tensor)
    step.function = function.rawValue
    (step.alpha, step.beta) = (alpha, beta)
    addStep(.unaryFloat(step), name: name(node))
    define(output, tensor: tensor, layout: held.layout)
  }

  func lowerClip(_ node: Node) throws(PackError) {
    let clip = try operation(node, Clip.self)
    let bounds = try attempt(node) { () throws(OperatorError) in try clip.bounds(infos(node)) }
    let high = bounds.maximum?.floats.first ?? .infinity
    // Where the bounds cross, the maximum wins.
    let low = min(bounds.minimum?.floats.first ?? -.infinity, high)
    try lowerUnary(node, .clip, alpha: low, beta: high)
  }

  /// One `table` step where the node is a function of a single quantized value and every reader
  /// quantizes the result; whether that is so.
  ///
  /// The entries are the operator's own evaluation: dequantize, compute, clamp, quantize.
  func lowerAsTable(_ node: Node, of input: ValueID) throws(PackError) -> Bool {
    guard let output = node.outputs[0], shape(output) == shape(input), let parameters = parameters(input),
      isQuantizedOnly(input)
    else { return false }
    let tail = tail(of: output)
    guard let result = tail.quantization else { return false }
    let domain = Tensor(shape: [256], elements: parameters.dequantizedBytes)
    let operands = node.inputs.map { id -> Tensor? in
      id == input ? domain : constant(id).map { $0.reshaped([]) }
    }
    let values = try attempt(node) { () throws(OperatorError) in try node.op.evaluate(operands)[0].floats }
    let table = values.map { result.byte(of: tail.clamp($0)) }
    let held = try quantized(input, parameters, for: name(node))
    let tensor = addTable(table, input: held.tensor, dtype: result.dtype, name: name(node))
    defineQuantized(tail, tensor: tensor, layout: held.layout)
    return true
  }

  // MARK: Functions of two values

  func lowerBinary(_ node: Node, _ function: BinaryFunction) throws(PackError) {
    guard let a = node.inputs[0], let b = node.inputs[1], let output = node.outputs[0] else { return }
    // Pow alone takes two types; a constant exponent can be widened.
    guard dtype(output) == .float32, dtype(b) == .float32 || constant(b) != nil else {
      throw unsupported(node, "arithmetic on \(dtype(dtype(output) == .float32 ? b : output).name) has no step")
    }
    if let single = soleComputedOperand(a, b), try lowerAsTable(node, of: single) { return }
    if try lowerBinaryInt8(node, function) { return }
    try lowerBinaryFloat(node, function, a, b, output)
  }

  /// The computed operand where the other is a single constant.
  private func soleComputedOperand(_ a: ValueID, _ b: ValueID) -> ValueID? {
    if constant(a) == nil, let other = constant(b), other.count == 1 { return a }
    if constant(b) == nil, let other = constant(a), other.count == 1 { return b }
    return nil
  }

  private func lowerBinaryFloat(
    _ node: Node, _ function: BinaryFunction, _ a: ValueID, _ b: ValueID, _ output: ValueID
  ) throws(PackError) {
    let name = name(node)
    let tail = function == .pRelu ? Tail(value: output) : tail(of: output)
    let layout = try walkLayout(of: [a, b], shape: shape(output), name: name)
    let left = try operand(a, for: layout, shape(output), name: name)
    let right: Operand
    if let widened = widenedConstant(b) {
      right = widened
    } else {
      right = try operand(b, for: layout, shape(output), name: name)
    }
    let tensor = try addBinary(
      function, left, right, shape: shape(output), layout: layout, low: tail.low, high: tail.high, name: name)
    defineFloat(tail, tensor: tensor, layout: layout)
  }

  /// A constant of another type as float32.
  private func widenedConstant(_ id: ValueID) -> Operand? {
    guard dtype(id) != .float32, let value = constant(id) else { return nil }
    let tensor = addConstant(value.floats, name: graph[id].name)
    return Operand(tensor: tensor, layout: plainLayout(id), shape: shape(id))
  }

  /// A chain of two-operand steps for Min and Max, which take any number.
  func lowerVariadic(_ node: Node, _ function: BinaryFunction) throws(PackError) {
    guard let output = node.outputs[0] else { return }
    guard dtype(output) == .float32 else { throw unsupported(node, "arithmetic on \(dtype(output).name) has no step") }
    let ids = node.inputs.compactMap { $0 }
    if ids.count == 1 {
      define(output, state(ids[0]))
      return
    }
    if ids.count == 2 {
      try lowerBinary(node, function)
      return
    }
    noteFloat(node, "a maximum or minimum of more than two values has no integer step")
    let name = name(node)
    let layout = try walkLayout(of: ids, shape: shape(output), name: name)
    var result = try operand(ids[0], for: layout, shape(output), name: name)
    for id in ids.dropFirst() {
      let next = try operand(id, for: layout, shape(output), name: name)
      let tensor = try addBinary(function, result, next, shape: shape(output), layout: layout, name: name)
      result = Operand(tensor: tensor, layout: layout, shape: shape(output))
    }
    define(output, tensor: result.tensor, layout: layout)
  }

  /// scale * (x - mean) / sqrt(variance + epsilon) + bias as one product and one sum per channel.
  func lowerBatchNormalization(_ node: Node) throws(PackError) {
    let normalization = try operation(node, BatchNormalization.self)
    guard let input = node.inputs[0], let output = node.outputs[0] else { return }
    let statistics = (1...4).map { constant(node.inputs[$0])?.floats }
    guard !normalization.isTraining, let scale = statistics[0], let bias = statistics[1], let mean = statistics[2],
      let variance = statistics[3]
    else { throw unsupported(node, "the statistics are computed") }
    noteFloat(node, "a normalization that is not folded into a convolution has no integer step")
    let name = name(node)
    let factors = zip(scale, variance).map { Double($0) / (Double($1) + Double(normalization.epsilon)).squareRoot() }
    let shifts = factors.indices.map { Float(Double(bias[$0]) - factors[$0] * Double(mean[$0])) }
    let held = try native(input, for: name)
    let shape = shape(output)
    let channelShape = shape.count < 2 ? [] : [shape[1]] + [Int](repeating: 1, count: shape.count - 2)
    func channels(_ values: [Float], _ label: String) -> Operand {
      Operand(
        tensor: addConstant(values, name: "\(name)/\(label)"), layout: .plain(values.count), shape: channelShape)
    }
    let product = try addBinary(
      .mul, Operand(tensor: held.tensor, layout: held.layout, shape: shape),
      channels(factors.map { Float($0) }, "scale"),
      shape: shape, layout: held.layout, name: name)
    let tail = tail(of: output)
    let sum = try addBinary(
      .add, Operand(tensor: product, layout: held.layout, shape: shape), channels(shifts, "shift"), shape: shape,
      layout: held.layout, low: tail.low, high: tail.high, name: name)
    defineFloat(tail, tensor: sum, layout: held.layout)
  }

  // MARK: Steps over broadcast operands

  /// A `binaryFloat` step into a new tensor of `shape` in `layout`.
  func addBinary(
    _ function: BinaryFunction, _ a: Operand, _ b: Operand, shape: [Int], layout: Layout, low: Float = -.infinity,
    high: Float = .infinity, name: String
  ) throws(PackError) -> Int {
    let tensor = addTensor(.float32, count: layout.count, name: name)
    var step = try binaryRecord(a, b, shape: shape, layout: layout, name: name)
    step.function = function.rawValue
    step.output = TensorIndex(tensor)
    (step.low, step.high) = (low, high)
    addStep(.binaryFloat(step), name: name)
    return tensor
  }

  /// The walk of a two-operand step, without function and output.
  func binaryRecord(
    _ a: Operand, _ b: Operand, shape: [Int], layout: Layout, name: String
  ) throws(PackError) -> BinaryRecord {
    guard let walk = broadcastWalk([a, b], shape: shape, layout: layout) else {
      throw .unsupportedExtent(value: name, shape: shape)
    }
    var step = BinaryRecord()
    step.a = TensorIndex(a.tensor)
    step.b = TensorIndex(b.tensor)
    step.extents = StridedExtents(walk.extents, filler: 1)
    step.aStrides = StridedExtents(walk.strides[0], filler: 0)
    step.bStrides = StridedExtents(walk.strides[1], filler: 0)
    return step
  }

  /// The loop nest that writes a dense result of `layout` and reads each operand broadcast to `shape`;
  /// nil where an operand's layout does not fit, or where more levels are needed than a step has.
  func broadcastWalk(_ operands: [Operand], shape: [Int], layout: Layout) -> StridedWalk? {
    guard let pieces = layout.pieces(of: shape) else { return nil }
    let memory = pieces.indices.sorted { pieces[$0].stride > pieces[$1].stride }
    var strides: [[Int]] = []
    for operand in operands {
      guard let found = broadcastStrides(operand, over: pieces, shape) else { return nil }
      strides.append(memory.map { found[$0] })
    }
    // The result itself is the last operand, so that levels merge only where it is dense too.
    strides.append(memory.map { pieces[$0].stride })
    let walk = StridedWalk(extents: memory.map { pieces[$0].extent }, strides: strides)
    return walk.extents.count <= StridedExtents.rank ? walk : nil
  }

  /// The operand's stride for each piece of the result, 0 where it is broadcast.
  private func broadcastStrides(_ operand: Operand, over pieces: [Layout.Piece], _ shape: [Int]) -> [Int]? {
    let lead = shape.count - operand.shape.count
    let isRead = pieces.map { $0.axis >= lead && operand.shape[$0.axis - lead] != 1 }
    let own = zip(pieces, isRead).filter(\.1).map(\.0.extent)
    guard let cut = operand.layout.pieces(of: own), cut.count == own.count else { return nil }
    var next = 0
    return isRead.map { read in
      guard read else { return 0 }
      next += 1
      return cut[next - 1].stride
    }
  }

  /// The layout that `layout` (of `shape`) gives to an operand that is broadcast to it.
  func restricted(_ layout: Layout, of shape: [Int], to operandShape: [Int]) -> Layout? {
    guard let pieces = layout.pieces(of: shape) else { return nil }
    let lead = shape.count - operandShape.count
    return Layout(pieces: pieces.filter { $0.axis >= lead && operandShape[$0.axis - lead] != 1 })
  }

  /// The layout for a result of `shape`: that of the first computed operand of the whole shape.
  func walkLayout(of ids: [ValueID], shape: [Int], name: String) throws(PackError) -> Layout {
    for id in ids where self.shape(id).elementCount == shape.elementCount && constant(id) == nil {
      let layout = try native(id, for: name).layout
      if layout.pieces(of: shape) != nil { return layout }
    }
    return .plain(shape.elementCount)
  }

  /// The value in a layout that a walk over `layout` of `shape` can read.
  func operand(_ id: ValueID, for layout: Layout, _ shape: [Int], name: String) throws(PackError) -> Operand {
    let own = self.shape(id)
    let wanted = restricted(layout, of: shape, to: own)
    if constant(id) != nil || wanted == nil {
      let held = try native(id, layout: wanted ?? plainLayout(id), for: name)
      return Operand(tensor: held.tensor, layout: held.layout, shape: own)
    }
    let held = try native(id, for: name)
    let asIs = Operand(tensor: held.tensor, layout: held.layout, shape: own)
    if broadcastWalk([asIs], shape: shape, layout: layout) != nil { return asIs }
    let moved = try native(id, layout: wanted, for: name)
    return Operand(tensor: moved.tensor, layout: moved.layout, shape: own)
  }
}
