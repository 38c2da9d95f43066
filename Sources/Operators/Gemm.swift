import HostTensors
import TensorTypes

/// ONNX Gemm: alpha * A' * B' + beta * C, with A' [M, K], B' [K, N] (transposed where the attributes
/// say so) and C, which may be omitted, broadcast one way to [M, N].
public struct Gemm: Operator {
  public static let kind = OperatorKind.gemm

  public let alpha: Float
  public let beta: Float
  public let transposesA: Bool
  public let transposesB: Bool

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(2...3)
    try definition.requireOutputs(1...1)
    alpha = try definition.float("alpha", default: 1)
    beta = try definition.float("beta", default: 1)
    // Written as integers; any number but 0 transposes.
    transposesA = try definition.int("transA", default: 0) != 0
    transposesB = try definition.int("transB", default: 0) != 0
  }

  public var attributes: [String: AttributeValue] {
    var written: [String: AttributeValue] = [:]
    if alpha != 1 { written["alpha"] = .float(alpha) }
    if beta != 1 { written["beta"] = .float(beta) }
    if transposesA { written["transA"] = .int(1) }
    if transposesB { written["transB"] = .int(1) }
    return written
  }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    let extents = try extents(inputs)
    return [try .checked(try inputs.required(0, "A").dtype, [extents.rows, extents.columns])]
  }

  private func extents(_ inputs: [ValueInfo?]) throws(OperatorError) -> (rows: Int, columns: Int, depth: Int) {
    let a = try inputs.required(0, "A")
    let b = try inputs.required(1, "B")
    try a.require(0, "a float type or a 32- or 64-bit integer", isProductElement)
    try b.requireType(1, a.dtype)
    guard a.rank == 2 else { throw .inputShape(0, expected: "a matrix", found: a.shape) }
    guard b.rank == 2 else { throw .inputShape(1, expected: "a matrix", found: b.shape) }
    let (rows, depth) = transposesA ? (a.shape[1], a.shape[0]) : (a.shape[0], a.shape[1])
    let (bDepth, columns) = transposesB ? (b.shape[1], b.shape[0]) : (b.shape[0], b.shape[1])
    guard depth == bDepth else {
      throw .inputShape(1, expected: "\(depth) rows to multiply with, transposed: \(transposesB)", found: b.shape)
    }
    if let c = inputs.optional(2) {
      try c.requireType(2, a.dtype)
      let aligned = [Int](repeating: 1, count: Swift.max(0, 2 - c.rank)) + c.shape
      guard c.rank <= 2, zip(aligned, [rows, columns]).allSatisfy({ $0 == 1 || $0 == $1 }) else {
        throw .inputShape(2, expected: "a shape that broadcasts to [\(rows), \(columns)]", found: c.shape)
      }
    }
    return (rows, columns, depth)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int {
    guard let a = inputs.optional(0), let output = outputs.first, a.rank == 2 else { return 0 }
    return saturatingProduct(output.shape + [a.shape[transposesA ? 0 : 1]])
  }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let output = try inferOutputs(inputs.infos)[0]
    let extents = try extents(inputs.infos)
    try checkProductExtents([extents.rows, extents.columns, extents.depth])
    let a = try inputs.required(0, "A")
    let b = try inputs.required(1, "B")
    let c = inputs.optional(2)
    guard output.dtype.isFloat else {
      return [try integerProduct(a, b, c, extents, dtype: output.dtype)]
    }
    func product<T: RealElement>(_: T.Type) -> Tensor {
      Tensor(writing: output.shape, of: T.self) { target in
        if let c { c.withBase(as: T.self) { broadcast($0, addendStrides(c.shape), extents, to: target) } }
        a.withBase(as: T.self) { left in
          b.withBase(as: T.self) { right in
            MatrixProduct.multiply(
              rows: extents.rows, columns: extents.columns, depth: extents.depth, alpha: T(alpha),
              left: .init(left, rowStride: a.shape[1], isTransposed: transposesA),
              right: .init(right, rowStride: b.shape[1], isTransposed: transposesB), beta: c == nil ? 0 : T(beta),
              target: target, targetRowStride: extents.columns)
          }
        }
      }
    }
    return [output.dtype == .float64 ? product(Double.self) : product(Float.self).cast(to: output.dtype)]
  }

  private func broadcast<T: RealElement>(
    _ addend: UnsafePointer<T>, _ strides: (row: Int, column: Int), _ extents: (rows: Int, columns: Int, depth: Int),
    to target: UnsafeMutablePointer<T>
  ) {
    for row in 0..<extents.rows {
      let (from, to) = (addend + row * strides.row, target + row * extents.columns)
      if strides.column == 1 {
        to.update(from: from, count: extents.columns)
      } else {
        to.update(repeating: from[0], count: extents.columns)
      }
    }
  }

  /// Steps in C from one row and one column of the output to the next; 0 where C is broadcast.
  private func addendStrides(_ shape: [Int]) -> (row: Int, column: Int) {
    let columns = shape.last ?? 1
    let rows = shape.count == 2 ? shape[0] : 1
    return (rows == 1 ? 0 : columns, columns == 1 ? 0 : 1)
  }

  /// The product and sum in wrapping integers.
  private func integerProduct(
    _ a: Tensor, _ b: Tensor, _ c: Tensor?, _ extents: (rows: Int, columns: Int, depth: Int), dtype: DType
  ) throws(OperatorError) -> Tensor {
    guard alpha == 1, beta == 1 || c == nil else {
      throw .invalid("alpha and beta other than 1 are not supported for integers")
    }
    let left = IntegerMatrix(a.integers, rowLength: a.shape[1], isTransposed: transposesA)
    let right = IntegerMatrix(b.integers, rowLength: b.shape[1], isTransposed: transposesB)
    let addend = c?.integers
    let strides = addendStrides(c?.shape ?? [])
    let result = Tensor(shape: [extents.rows, extents.columns], of: Int64.self) { target in
      for row in 0..<extents.rows {
        for column in 0..<extents.columns {
          var sum = addend?[row * strides.row + column * strides.column] ?? 0
          for k in 0..<extents.depth { sum = sum &+ left[row, k] &* right[k, column] }
          target[row * extents.columns + column] = Int64(sum)
        }
      }
    }
    return result.cast(to: dtype)
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    guard let weight = inputs.optional(1), weight.constant != nil else {
      return .floatOnly(reason: "both operands are activations")
    }
    guard !transposesA else { return .floatOnly(reason: "the activation is transposed") }
    guard alpha == 1, beta == 1 else { return .floatOnly(reason: "alpha or beta is not 1") }
    return .accumulate(weightInput: 1, channelAxis: transposesB ? 0 : 1)
  }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    guard let a = inputs.optional(0), let b = inputs.optional(1), a.rank == 2, b.rank == 2 else {
      return .opaque(reason: "multiplies other than matrices")
    }
    func tie(_ operand: Int, axis: Int, _ output: Int) -> ChannelTie {
      let addend = inputs.optional(2)?.alignedAxis(output, rank: 2).map { ChannelPlaces.input(2, axis: $0) }
      let extent = (operand == 0 ? a : b).shape[axis]
      return ChannelTie(
        count: extent, [.input(operand, axis: axis), .output(0, axis: output)] + (addend.map { [$0] } ?? []))
    }
    let (aDepth, bDepth) = (transposesA ? 0 : 1, transposesB ? 1 : 0)
    let depth = ChannelTie(.mixes, count: a.shape[aDepth], [.input(0, axis: aDepth), .input(1, axis: bDepth)])
    return ChannelCoupling(
      ties: [tie(0, axis: 1 - aDepth, 0), tie(1, axis: 1 - bDepth, 1), depth], otherwise: "multiplies by it")
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flows(
      inputs,
      GradientRule(inputs: [0, 1, 2], reads: .inputs(0, 1)) { call throws(OperatorError) in
        let upstream = try call.outputGradient
        return try call.gradients { input throws(OperatorError) in
          let shape = try call.shape(input)
          if input == 2 {
            let sum = try upstream.summed(to: shape)
            return beta == 1 ? sum : try map(sum, Multiple(factor: beta))
          }
          let other = try call.inputs.required(1 - input, input == 0 ? "B" : "A")
          return upstream.dtype == .float64
            ? gradient(input, shape, upstream, other, Double.self) : gradient(input, shape, upstream, other, Float.self)
        }
      })
  }

  /// With A' and B' the factors as multiplied and G the upstream: A' gets alpha * G * B'^T and B' gets
  /// alpha * A'^T * G, or the transposes of these where the factor is stored transposed.
  private func gradient<T: RealElement>(
    _ input: Int, _ shape: [Int], _ upstream: Tensor, _ other: Tensor, _: T.Type
  ) -> Tensor {
    let isTransposed = input == 0 ? transposesA : transposesB
    let otherIsTransposed = input == 0 ? transposesB : transposesA
    // G comes first for the gradient of A' and for the transposed one of B'.
    let upstreamIsFirst = (input == 0) != isTransposed
    return Tensor(writing: shape, of: T.self) { target in
      upstream.withBase(as: T.self) { upstreamBase in
        other.withBase(as: T.self) { otherBase in
          let gradient = MatrixProduct.Operand(
            upstreamBase, rowStride: upstream.shape[1], isTransposed: isTransposed)
          let factor = MatrixProduct.Operand(
            otherBase, rowStride: other.shape[1], isTransposed: otherIsTransposed == isTransposed)
          MatrixProduct.multiply(
            rows: shape[0], columns: shape[1], depth: upstream.shape[input == 0 ? 1 : 0], alpha: T(alpha),
            left: upstreamIsFirst ? gradient : factor, right: upstreamIsFirst ? factor : gradient, target: target,
            targetRowStride: shape[1])
        }
      }
    }
  }
}

private struct Multiple: NumberFunction {
  let factor: Float
  func value<T: ArithmeticElement>(at x: T) -> T { T.product(x, T(converting: Double(factor))) }
}
