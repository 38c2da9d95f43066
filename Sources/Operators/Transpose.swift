import HostTensors
import TensorTypes

/// The axes in another order (ONNX Transpose); without one, reversed.
public struct Transpose: Operator {
  public static let kind = OperatorKind.transpose

  /// Output axis i is input axis `permutation[i]`; nil reverses.
  public let permutation: [Int]?

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1)
    permutation = try definition.ints("perm")
  }

  public var attributes: [String: AttributeValue] { permutation.map { ["perm": .ints($0)] } ?? [:] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([output(inputs)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let data = try inputs.required(0, "data")
    let order = try order(rank: data.rank)
    let strides = data.shape.rowMajorStrides
    return [data.stridedCopy(shape: order.map { data.shape[$0] }, strides: order.map { strides[$0] })]
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .forFloatData(inputs, .sameScale) }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    guard let shape = inputs.optional(0)?.shape, let order = try? order(rank: shape.count) else {
      return .opaque(reason: "has no input")
    }
    let ties = order.enumerated().map { to, from in
      ChannelTie(count: shape[from], [.input(0, axis: from), .output(0, axis: to)])
    }
    return ChannelCoupling(ties: ties, otherwise: "has no input")
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flowsToData(inputs) { call, gradient throws(OperatorError) in
      let shape = try call.shape(0)
      let strides = gradient.shape.rowMajorStrides
      var reversed = strides
      for (axis, source) in try order(rank: shape.count).enumerated() { reversed[source] = strides[axis] }
      return gradient.stridedCopy(shape: shape, strides: reversed)
    }
  }

  /// The input axis of every output axis.
  public func order(rank: Int) throws(OperatorError) -> [Int] {
    guard let permutation else { return (0..<rank).reversed() }
    guard permutation.sorted() == Array(0..<rank) else {
      throw .invalidAttribute("perm", expected: "each of the \(rank) axes once", found: "\(permutation)")
    }
    return permutation
  }

  private func output(_ inputs: [ValueInfo?]) throws(OperatorError) -> ValueInfo {
    let data = try inputs.required(0, "data")
    return ValueInfo(dtype: data.dtype, shape: try order(rank: data.rank).map { data.shape[$0] })
  }
}
