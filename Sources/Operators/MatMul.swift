import HostTensors
import TensorTypes

/// ONNX MatMul: the matrix product of NumPy, [..., M, K] x [..., K, N] with broadcast leading axes.
///
/// A first operand of rank 1 is a row, a second one a column; their axis of 1 does not appear in the
/// output.
public struct MatMul: Operator {
  public static let kind = OperatorKind.matMul

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(2)
    try definition.requireOutputs(1...1)
  }

  public var attributes: [String: AttributeValue] { [:] }

  /// The operands as stacks of matrices and the output both as a stack and as ONNX shapes it.
  private struct Layout {
    var left: [Int]
    var right: [Int]
    var batch: [Int]
    var rows: Int { left[left.count - 2] }
    var depth: Int { left[left.count - 1] }
    var columns: Int { right[right.count - 1] }
    var outputShape: [Int]
    /// Matrices of a stack that one thread should at least multiply.
    var grain: Int { Swift.max(1, (1 << 19) / Swift.max(1, rows * depth * columns)) }

    /// Elements of one matrix of the stack that operand `input` is.
    func matrixCount(_ input: Int) -> Int { input == 0 ? rows * depth : depth * columns }

    init(_ a: [Int], _ b: [Int]) throws(OperatorError) {
      guard !a.isEmpty else { throw .inputShape(0, expected: "rank 1 or more", found: a) }
      guard !b.isEmpty else { throw .inputShape(1, expected: "rank 1 or more", found: b) }
      left = a.count == 1 ? [1] + a : a
      right = b.count == 1 ? b + [1] : b
      guard left[left.count - 1] == right[right.count - 2] else {
        throw .inputShape(1, expected: "\(left[left.count - 1]) rows to multiply with", found: b)
      }
      batch = try broadcastShape([Array(left.dropLast(2)), Array(right.dropLast(2))])
      outputShape = batch
      if a.count > 1 { outputShape.append(left[left.count - 2]) }
      if b.count > 1 { outputShape.append(right[right.count - 1]) }
    }
  }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    let a = try inputs.required(0, "A")
    let b = try inputs.required(1, "B")
    try a.require(0, "a float type or a 32- or 64-bit integer", isProductElement)
    try b.requireType(1, a.dtype)
    return [try .checked(a.dtype, Layout(a.shape, b.shape).outputShape)]
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int {
    guard let a = inputs.optional(0), let output = outputs.first, let depth = a.shape.last else { return 0 }
    return saturatingProduct(output.shape + [depth])
  }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let output = try inferOutputs(inputs.infos)[0]
    let a = try inputs.required(0, "A")
    let b = try inputs.required(1, "B")
    let layout = try Layout(a.shape, b.shape)
    if output.shape.contains(0) { return [Tensor(dtype: output.dtype, shape: output.shape) { _ in }] }
    try checkProductExtents([layout.rows * layout.batch.elementCount, layout.columns, layout.depth])
    guard output.dtype.isFloat else { return [integerProduct(a, b, layout).cast(to: output.dtype)] }
    func product<T: RealElement>(_: T.Type) -> Tensor {
      Tensor(writing: output.shape, of: T.self) { target in
        a.withBase(as: T.self) { left in b.withBase(as: T.self) { multiply(left, $0, layout, target) } }
      }
    }
    return [output.dtype == .float64 ? product(Double.self) : product(Float.self).cast(to: output.dtype)]
  }

  private func multiply<T: RealElement>(
    _ left: UnsafePointer<T>, _ right: UnsafePointer<T>, _ layout: Layout, _ out: UnsafeMutablePointer<T>
  ) {
    let (rows, depth, columns) = (layout.rows, layout.depth, layout.columns)
    func product(_ rows: Int, _ left: UnsafePointer<T>, _ right: UnsafePointer<T>, _ index: Int) {
      MatrixProduct.multiply(
        rows: rows, columns: columns, depth: depth, left: .init(left, rowStride: depth),
        right: .init(right, rowStride: columns), target: out + index * rows * columns, targetRowStride: columns)
    }
    if layout.right.count == 2 {
      // One weight for every matrix of the stack: the stack is one tall matrix.
      return product(rows * layout.batch.elementCount, left, right, 0)
    }
    let offsets = matrixOffsets(layout)
    Parallel.forEachRange(offsets.count, grain: layout.grain) { stack in
      for index in stack {
        product(
          rows, left + offsets[index].left * rows * depth, right + offsets[index].right * depth * columns, index)
      }
    }
  }

  /// For each matrix of the output, which matrix of either operand it is the product of.
  private func matrixOffsets(_ layout: Layout) -> [(left: Int, right: Int)] {
    let leftStrides = broadcastStrides(Array(layout.left.dropLast(2)), to: layout.batch)
    let rightStrides = broadcastStrides(Array(layout.right.dropLast(2)), to: layout.batch)
    let strides = layout.batch.rowMajorStrides
    return (0..<layout.batch.elementCount).map { index in
      var offsets = (left: 0, right: 0)
      for axis in layout.batch.indices {
        let position = index / strides[axis] % layout.batch[axis]
        offsets.left += position * leftStrides[axis]
        offsets.right += position * rightStrides[axis]
      }
      return offsets
    }
  }

  /// The product in wrapping 64-bit integers, whose low bits are those of every narrower type.
  private func integerProduct(_ a: Tensor, _ b: Tensor, _ layout: Layout) -> Tensor {
    let (left, right) = (a.integers, b.integers)
    let (rows, depth, columns) = (layout.rows, layout.depth, layout.columns)
    return Tensor(shape: layout.outputShape, of: Int64.self) { target in
      for (index, offsets) in matrixOffsets(layout).enumerated() {
        let leftMatrix = IntegerMatrix(left[(offsets.left * rows * depth)...], rowLength: depth)
        let rightMatrix = IntegerMatrix(right[(offsets.right * depth * columns)...], rowLength: columns)
        for row in 0..<rows {
          for column in 0..<columns {
            var sum = 0
            for k in 0..<depth { sum = sum &+ leftMatrix[row, k] &* rightMatrix[k, column] }
            target[(index * rows + row) * columns + column] = Int64(sum)
          }
        }
      }
    }
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    guard let weight = inputs.optional(1), weight.constant != nil else {
      return inputs.optional(0)?.constant == nil
        ? .floatOnly(reason: "both operands are activations")
        : .floatOnly(reason: "the constant is the left operand")
    }
    guard weight.dtype.isFloat else { return .notFloat }
    guard weight.rank == 2 else { return .floatOnly(reason: "the weight is not one matrix") }
    return .accumulate(weightInput: 1, channelAxis: 1)
  }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    guard let a = inputs.optional(0), let b = inputs.optional(1), let output = outputs.optional(0), a.rank > 1,
      b.rank > 1
    else { return .opaque(reason: "multiplies by a vector") }
    let last = output.rank - 1
    var ties = [
      ChannelTie(.mixes, count: a.shape[a.rank - 1], [.input(0, axis: a.rank - 1), .input(1, axis: b.rank - 2)]),
      ChannelTie(count: output.shape[last - 1], [.input(0, axis: a.rank - 2), .output(0, axis: last - 1)]),
      ChannelTie(count: output.shape[last], [.input(1, axis: b.rank - 1), .output(0, axis: last)]),
    ]
    for axis in 0..<last - 1 where output.shape[axis] > 1 {
      let operands = [a, b].enumerated().compactMap { index, operand in
        operand.alignedAxis(axis, rank: output.rank).map { ChannelPlaces.input(index, axis: $0) }
      }
      ties.append(ChannelTie(count: output.shape[axis], operands + [.output(0, axis: axis)]))
    }
    return ChannelCoupling(ties: ties, otherwise: "repeats it for others")
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flows(
      inputs,
      GradientRule(inputs: [0, 1], reads: .inputs(0, 1)) { call throws(OperatorError) in
        let layout = try Layout(call.shape(0), call.shape(1))
        let upstream = try call.outputGradient
        return try call.gradients { input throws(OperatorError) in
          let other = try call.inputs.required(1 - input, input == 0 ? "B" : "A")
          let shape = try call.shape(input)
          return upstream.dtype == .float64
            ? gradient(input, shape, layout, upstream, other, Double.self)
            : gradient(input, shape, layout, upstream, other, Float.self)
        }
      })
  }

  /// With G the upstream, A gets G * B^T and B gets A^T * G, summed over the matrices that broadcasting
  /// repeated them for.
  private func gradient<T: RealElement>(
    _ input: Int, _ shape: [Int], _ layout: Layout, _ upstream: Tensor, _ other: Tensor, _: T.Type
  ) -> Tensor {
    Tensor(writing: shape, of: T.self) { target in
      upstream.withBase(as: T.self) { upstream in
        other.withBase(as: T.self) { other in
          if layout.right.count == 2 {
            let rows = layout.rows * layout.batch.elementCount
            return product(input, layout, rows: rows, upstream, other, beta: 0, target)
          }
          let size = layout.matrixCount(input)
          let sources = matricesByOperand(input, layout)
          Parallel.forEachRange(sources.count, grain: layout.grain) { operands in
            for operand in operands {
              if sources[operand].isEmpty { (target + operand * size).update(repeating: 0, count: size) }
              for (position, source) in sources[operand].enumerated() {
                product(
                  input, layout, rows: layout.rows, upstream + source.index * layout.rows * layout.columns,
                  other + source.other * layout.matrixCount(1 - input), beta: position == 0 ? 0 : 1,
                  target + operand * size)
              }
            }
          }
        }
      }
    }
  }

  /// The gradient by one matrix of operand `input`, of `rows` rows where it is A.
  private func product<T: RealElement>(
    _ input: Int, _ layout: Layout, rows: Int, _ upstream: UnsafePointer<T>, _ other: UnsafePointer<T>, beta: T,
    _ target: UnsafeMutablePointer<T>
  ) {
    let gradient = MatrixProduct.Operand(upstream, rowStride: layout.columns)
    if input == 0 {
      MatrixProduct.multiply(
        rows: rows, columns: layout.depth, depth: layout.columns, left: gradient,
        right: .init(other, rowStride: layout.columns, isTransposed: true), beta: beta, target: target,
        targetRowStride: layout.depth)
    } else {
      MatrixProduct.multiply(
        rows: layout.depth, columns: layout.columns, depth: rows,
        left: .init(other, rowStride: layout.depth, isTransposed: true), right: gradient, beta: beta, target: target,
        targetRowStride: layout.columns)
    }
  }

  /// For each matrix of operand `input`, the matrices of the output made of it and the other operand's there.
  private func matricesByOperand(_ input: Int, _ layout: Layout) -> [[(index: Int, other: Int)]] {
    let own = (input == 0 ? layout.left : layout.right).dropLast(2)
    var sources = [[(index: Int, other: Int)]](repeating: [], count: own.reduce(1, *))
    for (index, offsets) in matrixOffsets(layout).enumerated() {
      let (operand, other) = input == 0 ? (offsets.left, offsets.right) : (offsets.right, offsets.left)
      sources[operand].append((index, other))
    }
    return sources
  }
}
