import Graph
import HostTensors
import ModelFormat
import Operators
import TensorTypes

extension Lowering {
  func lowerGemm(_ node: Node) throws(PackError) {
    let gemm = try operation(node, Gemm.self)
    guard let a = node.inputs[0], let b = node.inputs[1], let output = node.outputs[0] else { return }
    guard dtype(a) == .float32 else { throw unsupported(node, "arithmetic on \(dtype(a).name) has no step") }
    let columns = shape(output)[1]
    let bias = node.inputs.optional(2)
    let isColumnBias = bias.map { id in constant(id).map { isPerColumn($0, columns) } ?? false } ?? true
    guard constant(b) != nil, isColumnBias else {
      try lowerComputedGemm(node, gemm)
      return
    }
    let input = gemm.transposesA ? DenseInput.transposed(shape(a)) : denseInput(a, shape(a))
    let strides = shape(b).rowMajorStrides
    let (columnAxis, depthAxis) = gemm.transposesB ? (0, 1) : (1, 0)
    let weights = Product.Weights(
      value: b, factor: gemm.alpha, extents: [columns] + input.depthExtents,
      strides: [strides[columnAxis]] + input.depthStrides.map { $0 * strides[depthAxis] }, channelAxis: columnAxis)
    try lower(
      Product(
        node: node, input: a, inputLayout: input.layout, output: output,
        outputLayout: input.outputLayout(columns: columns), outputChannelAxis: 1,
        window: .dense(rows: shape(output)[0], inChannels: input.depth, outChannels: columns), groups: 1,
        weights: weights, bias: bias, biasFactor: gemm.beta))
  }

  private func isPerColumn(_ bias: Tensor, _ columns: Int) -> Bool {
    bias.count == 1 || (bias.count == columns && bias.shape.last == columns)
  }

  func lowerMatMul(_ node: Node) throws(PackError) {
    guard let a = node.inputs[0], let b = node.inputs[1], let output = node.outputs[0] else { return }
    guard dtype(a) == .float32 else { throw unsupported(node, "arithmetic on \(dtype(a).name) has no step") }
    let bShape = shape(b)
    let isMatrix = bShape.count == 1 || bShape.dropLast(2).allSatisfy { $0 == 1 }
    guard constant(b) != nil, isMatrix, shape(a).count >= 1 else {
      try lowerComputedMatMul(node)
      return
    }
    let columns = bShape.count == 1 ? 1 : bShape[bShape.count - 1]
    let input = denseInput(a, shape(a))
    let weights = Product.Weights(
      value: b, extents: [columns] + input.depthExtents, strides: [1] + input.depthStrides.map { $0 * columns },
      channelAxis: bShape.count - 1)
    try lower(
      Product(
        node: node, input: a, inputLayout: input.layout, output: output,
        outputLayout: input.outputLayout(columns: columns), outputChannelAxis: max(0, shape(output).count - 1),
        window: .dense(rows: input.rows, inChannels: input.depth, outChannels: columns), groups: 1, weights: weights))
  }

  /// How the rows and the depth of a dense layer's input lie in memory: in the layout it has already,
  /// where all of the depth lies inside the rows. The weights then follow the order of the depth.
  func denseInput(_ id: ValueID, _ shape: [Int]) -> DenseInput {
    if case .activation(let held) = state(id) {
      for representation in held {
        if let input = DenseInput(representation.layout, shape: shape) { return input }
      }
    }
    return DenseInput.plain(shape)
  }

  // MARK: Two computed operands

  private func lowerComputedMatMul(_ node: Node) throws(PackError) {
    guard let a = node.inputs[0], let b = node.inputs[1], let output = node.outputs[0] else { return }
    noteFloat(node, "both operands are computed")
    let name = name(node)
    let left = try native(a, layout: plainLayout(a), for: name)
    let right = try native(b, layout: plainLayout(b), for: name)
    let tensor = addTensor(.float32, count: shape(output).elementCount, name: graph[output].name)
    try addMatMul(node, left.tensor, shape(a), right.tensor, shape(b), to: tensor)
    define(output, tensor: tensor, layout: plainLayout(output))
  }

  /// A `matMul` step of row-major operands; shapes of rank 1 are a row and a column (as ONNX MatMul).
  private func addMatMul(
    _ node: Node, _ a: Int, _ aShape: [Int], _ b: Int, _ bShape: [Int], to output: Int
  ) throws(PackError) {
    let left = aShape.count == 1 ? [1] + aShape : aShape
    let right = bShape.count == 1 ? bShape + [1] : bShape
    var step = MatMulRecord()
    step.a = TensorIndex(a)
    step.b = TensorIndex(b)
    step.output = TensorIndex(output)
    step.rows = left[left.count - 2]
    step.depth = left[left.count - 1]
    step.columns = right[right.count - 1]
    let (aBatch, bBatch) = (Array(left.dropLast(2)), Array(right.dropLast(2)))
    let batch = try attempt(node) { () throws(OperatorError) in try broadcastShape([aBatch, bBatch]) }
    let walk = StridedWalk(
      extents: batch,
      strides: [
        broadcastBatchStrides(aBatch, to: batch, elements: step.rows * step.depth),
        broadcastBatchStrides(bBatch, to: batch, elements: step.depth * step.columns),
      ])
    guard walk.extents.count <= StridedExtents.rank else {
      throw unsupported(node, "more than \(StridedExtents.rank) batch axes")
    }
    step.batch = StridedExtents(walk.extents, filler: 1)
    step.aStrides = StridedExtents(walk.strides[0], filler: 0)
    step.bStrides = StridedExtents(walk.strides[1], filler: 0)
    addStep(.matMul(step), name: name(node))
  }

  private func broadcastBatchStrides(_ shape: [Int], to target: [Int], elements: Int) -> [Int] {
    let strides = shape.rowMajorStrides
    let lead = target.count - shape.count
    return target.indices.map { $0 < lead || shape[$0 - lead] == 1 ? 0 : strides[$0 - lead] * elements }
  }

  /// alpha * A' * B' + beta * C where B or C is computed, or C is no bias per column.
  private func lowerComputedGemm(_ node: Node, _ gemm: Gemm) throws(PackError) {
    guard let a = node.inputs[0], let b = node.inputs[1], let output = node.outputs[0] else { return }
    noteFloat(node, "the second or third operand is computed, or the third is no bias per column")
    let name = name(node)
    func matrix(_ id: ValueID, isTransposed: Bool) throws(PackError) -> Int {
      let layout = isTransposed ? Layout(shape: shape(id), order: [1, 0]) : plainLayout(id)
      return try native(id, layout: layout, for: name).tensor
    }
    let left = try matrix(a, isTransposed: gemm.transposesA)
    let right = try matrix(b, isTransposed: gemm.transposesB)
    let outShape = shape(output)
    let depth = shape(a)[gemm.transposesA ? 0 : 1]
    var tensor = addTensor(.float32, count: outShape.elementCount, name: graph[output].name)
    try addMatMul(node, left, [outShape[0], depth], right, [depth, outShape[1]], to: tensor)
    let plain = Layout.plain(outShape.elementCount)
    func scaled(_ tensor: Int, _ layout: Layout, _ shape: [Int], by factor: Float) throws(PackError) -> Int {
      guard factor != 1 else { return tensor }
      let constant = addConstant([factor], name: "\(name)/factor")
      return try addBinary(
        .mul, Operand(tensor: tensor, layout: layout, shape: shape),
        Operand(tensor: constant, layout: .plain(1), shape: []), shape: shape, layout: layout, name: name)
    }
    tensor = try scaled(tensor, plain, outShape, by: gemm.alpha)
    if let c = node.inputs.optional(2) {
      let addend = try native(c, layout: plainLayout(c), for: name)
      let factor = try scaled(addend.tensor, addend.layout, shape(c), by: gemm.beta)
      tensor = try addBinary(
        .add, Operand(tensor: tensor, layout: plain, shape: outShape),
        Operand(tensor: factor, layout: addend.layout, shape: shape(c)), shape: outShape, layout: plain, name: name)
    }
    define(output, tensor: tensor, layout: plain)
  }
}

/// A dense layer's input as rows of `depth` elements in memory.
struct DenseInput {
  var layout: Layout
  var rows: Int
  var depth: Int
  /// The row pieces in logical order, strides as in the input.
  private var rowPieces: [Layout.Piece]
  /// Factors of the depth in memory order, and the stride of each in the depth's logical order.
  var depthExtents: [Int]
  var depthStrides: [Int]

  /// Nil unless memory holds one row after another. The last axis of `shape` is the depth.
  init?(_ layout: Layout, shape: [Int]) {
    guard let depthAxis = shape.indices.last, let pieces = layout.pieces(of: shape) else { return nil }
    let depthPieces = pieces.filter { $0.axis == depthAxis }
    let rowPieces = pieces.filter { $0.axis != depthAxis }
    let depth = shape[depthAxis]
    guard rowPieces.allSatisfy({ $0.stride >= depth }) else { return nil }
    var logicalStrides = [Int](repeating: 1, count: depthPieces.count)
    for index in depthPieces.indices.dropLast().reversed() {
      logicalStrides[index] = logicalStrides[index + 1] * depthPieces[index + 1].extent
    }
    let memory = depthPieces.indices.sorted { depthPieces[$0].stride > depthPieces[$1].stride }
    self.layout = layout
    self.depth = depth
    self.rowPieces = rowPieces
    rows = shape.dropLast().reduce(1, *)
    depthExtents = memory.map { depthPieces[$0].extent }
    depthStrides = memory.map { logicalStrides[$0] }
  }

  private init(layout: Layout, rows: Int, depth: Int, rowPieces: [Layout.Piece]) {
    self.layout = layout
    self.rows = rows
    self.depth = depth
    self.rowPieces = rowPieces
    depthExtents = [depth]
    depthStrides = [1]
  }

  static func plain(_ shape: [Int]) -> DenseInput {
    let depth = shape.last ?? 1
    let rows = shape.dropLast().reduce(1, *)
    return DenseInput(
      layout: .plain(rows * depth), rows: rows, depth: depth, rowPieces: [.init(axis: 0, extent: rows, stride: depth)])
  }

  /// A matrix [depth, rows] read as its transpose.
  static func transposed(_ shape: [Int]) -> DenseInput {
    DenseInput(
      layout: Layout(shape: shape, order: [1, 0]), rows: shape[1], depth: shape[0],
      rowPieces: [.init(axis: 0, extent: shape[1], stride: shape[0])])
  }

  /// The layout of the result: rows as here, `columns` elements each.
  func outputLayout(columns: Int) -> Layout {
    let column = Layout.Piece(axis: 1, extent: columns, stride: 0)
    let pieces = rowPieces.map { Layout.Piece(axis: 0, extent: $0.extent, stride: $0.stride) }
    return Layout(pieces: pieces.filter { $0.extent > 1 } + (columns > 1 ? [column] : []))
  }
}
