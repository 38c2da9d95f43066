import HostTensors
import TensorTypes

/// The inputs one after another along an axis (ONNX Concat).
public struct Concat: Operator {
  public static let kind = OperatorKind.concat

  /// As written; negative counts from the end.
  public let axis: Int

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1...)
    axis = try definition.requiredInt("axis")
  }

  public var attributes: [String: AttributeValue] { ["axis": .int(axis)] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([output(inputs)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let output = try output(inputs.infos)
    let parts = try inputs.allRequired("inputs")
    let axis = try normalizedAxis(axis, rank: output.rank)
    let extents = parts.map { (tensor: Optional($0), extent: $0.shape[axis]) }
    return [concatenated(extents, output.dtype, output.shape, axis: axis)]
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .forFloats(inputs, .rescaled) }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    guard let shape = outputs.optional(0)?.shape, let front = try? normalizedAxis(axis, rank: shape.count) else {
      return .opaque(reason: "has no output")
    }
    var ties = shape.indices.filter { $0 != front }.map { axis in
      ChannelTie(count: shape[axis], inputs.indices.map { .input($0, axis: axis) } + [.output(0, axis: axis)])
    }
    var start = 0
    for (index, input) in inputs.enumerated() {
      let extent = input?.shape[front] ?? 0
      ties.append(ChannelTie(count: extent, [.input(index, axis: front), .output(0, axis: front, start: start)]))
      start += extent
    }
    return ChannelCoupling(ties: ties, otherwise: "has no output")
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flows(
      inputs,
      GradientRule(inputs: Array(inputs.indices), reads: .nothing) { call throws(OperatorError) in
        let gradient = try call.outputGradient
        let axis = try normalizedAxis(axis, rank: gradient.rank)
        let strides = gradient.shape.rowMajorStrides
        return try call.gradients { input throws(OperatorError) in
          let start = call.inputShapes[..<input].reduce(0) { $0 + ($1?[axis] ?? 0) }
          return try gradient.stridedCopy(shape: call.shape(input), strides: strides, offset: start * strides[axis])
        }
      })
  }

  private func output(_ inputs: [ValueInfo?]) throws(OperatorError) -> ValueInfo {
    let inputs = try inputs.allRequired("inputs")
    let axis = try normalizedAxis(axis, rank: inputs[0].rank)
    var shape = inputs[0].shape
    for (index, input) in inputs.enumerated().dropFirst() {
      try input.requireType(index, inputs[0].dtype)
      var aligned = input.shape
      if aligned.count == shape.count { aligned[axis] = shape[axis] }
      guard aligned == shape else {
        throw .inputShape(index, expected: "\(shape) but for axis \(axis)", found: input.shape)
      }
      shape[axis] = try checkedSum(shape[axis], input.shape[axis])
    }
    return try .checked(inputs[0].dtype, shape)
  }
}

/// The parts one after another along `axis`, which together make up `shape`; zeros for a part that is nil.
func concatenated(
  _ parts: [(tensor: Tensor?, extent: Int)], _ dtype: DType, _ shape: [Int], axis: Int
) -> Tensor {
  let outer = shape[..<axis].reduce(1, *)
  let innerBytes = shape[(axis + 1)...].reduce(dtype.byteCount, *)
  let rowBytes = shape[axis] * innerBytes
  return Tensor(dtype: dtype, shape: shape) { target in
    var column = 0
    for part in parts {
      let partBytes = part.extent * innerBytes
      part.tensor?.withBytes { source in
        for row in 0..<(partBytes == 0 ? 0 : outer) {
          let piece = UnsafeRawBufferPointer(rebasing: source[row * partBytes..<(row + 1) * partBytes])
          UnsafeMutableRawBufferPointer(rebasing: target[(row * rowBytes + column)...]).copyMemory(from: piece)
        }
      }
      column += partBytes
    }
  }
}
