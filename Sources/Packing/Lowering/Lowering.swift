import Graph
import HostTensors
import ModelFormat
import Operators
import TensorTypes

/// Turns a graph into a program, node by node; one extension per family of operators.
///
/// Every value is held in whatever representation it was computed in (float or quantized, in any
/// memory layout) and converted, once, when a reader needs another.
final class Lowering {
  let graph: Graph
  let consumers: [ValueID: [Int]]
  let outputs: Set<ValueID>
  var program = Program()
  var notes: [PackNote] = []
  private var states: [ValueID: ValueState] = [:]
  /// Nodes that an earlier step has computed along.
  private var coveredNodes: Set<Int> = []
  private var constants: [ConstantKey: Int] = [:]
  /// Results of quantizing a float value, by value.
  var quantizations: [ValueID: [Representation]] = [:]

  private struct ConstantKey: Hashable {
    var dtype: UInt8
    var bytes: [UInt8]
  }

  init(_ graph: Graph) {
    self.graph = graph
    consumers = graph.consumers()
    outputs = Set(graph.outputs)
  }

  /// The program, without dead steps.
  func run() throws(PackError) -> Program {
    for id in graph.inputs + graph.outputs where shape(id).count > InterfaceRecord.maximumRank {
      throw .unsupportedExtent(value: graph[id].name, shape: shape(id))
    }
    for (slot, id) in graph.inputs.enumerated() {
      let tensor = try addTensor(for: id)
      states[id] = .activation([Representation(encoding: .native, layout: plainLayout(id), tensor: tensor)])
      program.inputs.append(.init(tensor: TensorIndex(tensor), shape: shape(id), name: graph[id].name))
      precondition(program.inputs.count == slot + 1)
    }
    // Constants first, so that a step can look ahead to the constants of the steps it absorbs.
    for (index, node) in graph.nodes.enumerated() where node.inputs.allSatisfy({ $0.map(isKnown) ?? true }) {
      try lower(node)
      cover([index])
    }
    for (index, node) in graph.nodes.enumerated() where !coveredNodes.contains(index) { try lower(node) }
    for id in graph.outputs {
      let tensor = try outputTensor(id)
      program.outputs.append(.init(tensor: TensorIndex(tensor), shape: shape(id), name: graph[id].name))
    }
    return program.withoutDeadSteps()
  }

  /// A tensor in the arena that holds the output as the user sees it.
  private func outputTensor(_ id: ValueID) throws(PackError) -> Int {
    let source = try native(id, layout: plainLayout(id), for: graph[id].name)
    let isInput = program.inputs.contains { $0.tensor == TensorIndex(source.tensor) }
    guard program.tensors[source.tensor].constantBytes != nil || isInput else { return source.tensor }
    let slot = program.tensors[source.tensor]
    let copy = addTensor(slot.dtype, count: slot.count, name: graph[id].name)
    try addCopy(
      from: source.tensor, to: copy, walk: StridedWalk(extents: [slot.count], strides: [[1], [1]]),
      name: graph[id].name)
    return copy
  }

  // MARK: Values

  func shape(_ id: ValueID) -> [Int] { graph[id].info?.shape ?? [] }
  func dtype(_ id: ValueID) -> DType { graph[id].info?.dtype ?? .float32 }
  func plainLayout(_ id: ValueID) -> Layout { .plain(shape(id).elementCount) }

  /// The state of a value that has been computed.
  func state(_ id: ValueID) -> ValueState {
    guard let state = stateIfComputed(id) else {
      preconditionFailure("\(graph[id].name) is read before it is computed")
    }
    return state
  }

  /// The state of a value, nil where its node comes later: what a step sees that looks ahead.
  private func stateIfComputed(_ id: ValueID) -> ValueState? {
    states[id] ?? graph[id].constant.map { .constant($0) }
  }

  /// Whether the value is a constant or has been folded to one.
  func isKnown(_ id: ValueID) -> Bool {
    switch stateIfComputed(id) {
    case .constant, .quantizedConstant: true
    case .activation, nil: false
    }
  }

  func define(_ id: ValueID, _ state: ValueState) { states[id] = state }

  /// Says that `id` is held by `tensor` in `layout`.
  func define(_ id: ValueID?, tensor: Int, layout: Layout, encoding: Representation.Encoding = .native) {
    guard let id else { return }
    states[id] = .activation([Representation(encoding: encoding, layout: layout, tensor: tensor)])
  }

  func cover(_ nodes: some Sequence<Int>) { coveredNodes.formUnion(nodes) }

  /// The value where it is known while packing, in its own type.
  func constant(_ id: ValueID?) -> Tensor? {
    guard let id else { return nil }
    switch stateIfComputed(id) {
    case .constant(let tensor): return tensor
    case .quantizedConstant(let constant): return constant.dequantized
    case .activation, nil: return nil
    }
  }

  /// The quantized form of a computed or constant value, if it has one for the whole tensor.
  func parameters(_ id: ValueID?) -> QuantizationParameters? {
    guard let id else { return nil }
    switch stateIfComputed(id) {
    case .constant, nil: return nil
    case .quantizedConstant(let constant): return constant.perTensor
    case .activation(let representations): return representations.lazy.compactMap(\.parameters).first
    }
  }

  /// Whether a float value exists in quantized form only, so that computing in float needs a conversion.
  func isQuantizedOnly(_ id: ValueID?) -> Bool {
    guard let id, case .activation(let representations)? = stateIfComputed(id) else { return false }
    return representations.allSatisfy { $0.parameters != nil }
  }

  /// The name that steps of `node` bear.
  func name(_ node: Node) -> String {
    node.name.isEmpty ? (node.outputs.compactMap { $0 }.first.map { graph[$0].name } ?? node.kind.rawValue) : node.name
  }

  func infos(_ node: Node) -> [ValueInfo?] {
    node.inputs.map { id in
      id.flatMap { id in constant(id).map { ValueInfo($0) } ?? graph[id].info }
    }
  }

  /// The node's operator as its own type.
  func operation<T: Operator>(_ node: Node, _ type: T.Type) throws(PackError) -> T {
    guard let operation = node.op as? T else { throw unsupported(node, "the node holds another operator") }
    return operation
  }

  func unsupported(_ node: Node, _ reason: String) -> PackError {
    .unsupported(node: name(node), kind: node.kind, reason: reason)
  }

  /// Runs a part of an operator that throws its own error, naming the node.
  func attempt<R>(_ node: Node, _ body: () throws(OperatorError) -> R) throws(PackError) -> R {
    do {
      return try body()
    } catch {
      throw .graph(.operatorFailed(node: name(node), kind: node.kind, error))
    }
  }

  func noteFloat(_ node: Node, _ reason: String) {
    guard node.inputs.contains(where: { isQuantizedOnly($0) }) else { return }
    notes.append(.stayedFloat(node: name(node), kind: node.kind, reason: reason))
  }

  // MARK: Tensors

  func addTensor(_ dtype: DType, count: Int, name: String) -> Int {
    program.tensors.append(.init(dtype: dtype, count: count, content: .arena, name: name))
    return program.tensors.count - 1
  }

  /// An arena tensor of the value's own type.
  func addTensor(for id: ValueID) throws(PackError) -> Int {
    try checkStorable(id)
    return addTensor(dtype(id), count: shape(id).elementCount, name: graph[id].name)
  }

  func checkStorable(_ id: ValueID) throws(PackError) {
    guard Lowering.isStorable(dtype(id)) else {
      throw .unsupportedType(value: graph[id].name, dtype: dtype(id))
    }
    let shape = shape(id)
    var count = 1
    for extent in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard extent > 0, !overflow, product <= Int(Int32.max) else {
        throw .unsupportedExtent(value: graph[id].name, shape: shape)
      }
      count = product
    }
  }

  /// Whether the device line stores the type.
  static func isStorable(_ dtype: DType) -> Bool {
    switch dtype {
    case .float32, .uint8, .int8, .int32, .int64, .bool: true
    case .uint16, .int16, .float16, .float64, .uint32, .uint64, .bfloat16: false
    }
  }

  /// A constant tensor; equal ones are stored once.
  func addConstant(_ dtype: DType, bytes: [UInt8], name: String) -> Int {
    let key = ConstantKey(dtype: dtype.rawValue, bytes: bytes)
    if let known = constants[key] { return known }
    program.tensors.append(
      .init(dtype: dtype, count: bytes.count / dtype.byteCount, content: .constant(bytes), name: name))
    constants[key] = program.tensors.count - 1
    return program.tensors.count - 1
  }

  func addConstant<T: TensorElement>(_ elements: [T], name: String) -> Int {
    addConstant(T.dtype, bytes: elements.withUnsafeBytes { [UInt8]($0) }, name: name)
  }

  func addScratch(bytes: Int, name: String) -> Int {
    program.tensors.append(.init(dtype: .uint8, count: bytes, content: .scratch, name: name))
    return program.tensors.count - 1
  }

  func addStep(_ step: Step, name: String) { program.steps.append(.init(step: step, name: name)) }

  // MARK: Representations

  /// The value in its own type; in `layout`, or where that is nil in one it has already.
  func native(
    _ id: ValueID, layout: Layout? = nil, for name: String
  ) throws(PackError) -> Representation {
    try representation(id, layout: layout, name: name) { $0.encoding == .native }
  }

  /// The value as quantized by `parameters`, which must be a mapping that it has.
  func quantized(
    _ id: ValueID, _ parameters: QuantizationParameters, layout: Layout? = nil, for name: String
  ) throws(PackError) -> Representation {
    try representation(id, layout: layout, name: name) { $0.parameters == parameters }
  }

  /// The value in whatever encoding it has, the quantized one first: for operators that move elements.
  func anyEncoding(
    _ id: ValueID, layout: Layout? = nil, for name: String
  ) throws(PackError) -> Representation {
    if let parameters = parameters(id) { return try quantized(id, parameters, layout: layout, for: name) }
    return try native(id, layout: layout, for: name)
  }

  private func representation(
    _ id: ValueID, layout: Layout?, name: String, matching: (Representation) -> Bool
  ) throws(PackError) -> Representation {
    switch state(id) {
    case .constant(let tensor):
      try checkStorable(id)
      return constantRepresentation(tensor, layout: layout, encoding: .native, name: graph[id].name)
    case .quantizedConstant(let constant):
      try checkStorable(id)
      if let parameters = constant.perTensor {
        let encoding = Representation.Encoding.quantized(parameters)
        if matching(Representation(encoding: encoding, layout: plainLayout(id), tensor: 0)) {
          return constantRepresentation(constant.integers, layout: layout, encoding: encoding, name: graph[id].name)
        }
      }
      return constantRepresentation(constant.dequantized, layout: layout, encoding: .native, name: graph[id].name)
    case .activation(var held):
      if let exact = held.first(where: { matching($0) && (layout == nil || $0.layout == layout) }) { return exact }
      let found: Representation
      if let other = held.first(where: matching) {
        found = try converted(other, to: layout ?? other.layout, id, name)
      } else {
        found = try dequantized(id, held, layout: layout, name: name)
      }
      if case .activation(let current) = state(id) { held = current }
      held.append(found)
      states[id] = .activation(held)
      return found
    }
  }

  private func constantRepresentation(
    _ tensor: Tensor, layout: Layout?, encoding: Representation.Encoding, name: String
  ) -> Representation {
    let layout = layout ?? .plain(tensor.count)
    let index = addConstant(tensor.dtype, bytes: tensor.bytes(in: layout), name: name)
    return Representation(encoding: encoding, layout: layout, tensor: index)
  }

  /// Adds the `dequantize` step that a float reader needs, behind the change of layout: bytes are cheaper to copy.
  private func dequantized(
    _ id: ValueID, _ held: [Representation], layout: Layout?, name: String
  ) throws(PackError) -> Representation {
    guard let found = held.first(where: { $0.parameters != nil && $0.layout == layout }) ?? held.first,
      let parameters = found.parameters
    else { preconditionFailure("\(graph[id].name) has no representation") }
    try checkStorable(id)
    let source = try converted(found, to: layout ?? found.layout, id, name)
    var step = AffineMapRecord()
    let tensor = addTensor(.float32, count: source.layout.count, name: graph[id].name)
    step.input = TensorIndex(source.tensor)
    step.output = TensorIndex(tensor)
    step.affine = AffineRecord(parameters)
    addStep(.dequantize(step), name: "\(name)/dequantize")
    return Representation(encoding: .native, layout: source.layout, tensor: tensor)
  }

  /// Adds the `copy` steps that bring a tensor into another layout.
  func converted(
    _ source: Representation, to layout: Layout, _ id: ValueID, _ name: String
  ) throws(PackError) -> Representation {
    if source.layout == layout { return source }
    let plain = Layout.plain(layout.count)
    guard let walk = StridedWalk(from: source.layout, to: layout), walk.extents.count <= StridedExtents.rank else {
      // No common refinement: by way of the plain layout, which refines every other.
      guard !source.layout.isPlain, !layout.isPlain else {
        throw .unsupportedExtent(value: graph[id].name, shape: layout.factors)
      }
      return try converted(converted(source, to: plain, id, name), to: layout, id, name)
    }
    let slot = program.tensors[source.tensor]
    let tensor = addTensor(slot.dtype, count: slot.count, name: slot.name)
    try addCopy(from: source.tensor, to: tensor, walk: walk, name: "\(name)/layout")
    notes.append(.layoutCopied(node: name, bytes: slot.byteCount))
    return Representation(encoding: source.encoding, layout: layout, tensor: tensor)
  }

  /// A copy over `walk`, whose operands are source and target.
  func addCopy(
    from source: Int, to target: Int, walk: StridedWalk, inOffset: Int = 0, outOffset: Int = 0, name: String
  ) throws(PackError) {
    guard walk.extents.count <= StridedExtents.rank else {
      throw .unsupportedExtent(value: name, shape: walk.extents)
    }
    var step = CopyRecord()
    step.input = TensorIndex(source)
    step.output = TensorIndex(target)
    step.inOffset = inOffset
    step.outOffset = outOffset
    step.extents = StridedExtents(walk.extents, filler: 1)
    step.inStrides = StridedExtents(walk.strides[0], filler: 0)
    step.outStrides = StridedExtents(walk.strides[1], filler: 0)
    addStep(.copy(step), name: name)
  }
}

extension AffineRecord {
  init(_ parameters: QuantizationParameters) {
    self.init(scale: parameters.scale, zeroPoint: parameters.zeroPoint)
  }
}

extension Tensor {
  /// The elements in the memory order of `layout`, of which a tensor in memory is plain.
  package func bytes(in layout: Layout) -> [UInt8] {
    guard !layout.isPlain, let walk = StridedWalk(from: .plain(count), to: layout) else {
      return withBytes { [UInt8]($0) }
    }
    return withBytes { source in
      gatherBytes(source, elementBytes: dtype.byteCount, extents: walk.extents, strides: walk.strides[0])
    }
  }
}

/// The elements at `strides` (in elements) over `extents`, the last innermost, in that order.
func gatherBytes(
  _ source: UnsafeRawBufferPointer, elementBytes: Int, extents: [Int], strides: [Int], offset: Int = 0
) -> [UInt8] {
  let count = extents.reduce(1, *)
  return [UInt8](unsafeUninitializedCapacity: count * elementBytes) { target, written in
    var index = [Int](repeating: 0, count: extents.count)
    var position = offset
    for element in 0..<count {
      for byte in 0..<elementBytes { target[element * elementBytes + byte] = source[position * elementBytes + byte] }
      for axis in extents.indices.reversed() {
        index[axis] += 1
        position += strides[axis]
        if index[axis] < extents[axis] { break }
        position -= index[axis] * strides[axis]
        index[axis] = 0
      }
    }
    written = count * elementBytes
  }
}
