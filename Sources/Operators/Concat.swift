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
    let outer = output.shape[..<axis].reduce(1, *)
    let innerBytes = output.shape[(axis + 1)...].reduce(output.dtype.byteCount, *)
    let rowBytes = output.shape[axis] * innerBytes
    return [
      Tensor(dtype: output.dtype, shape: output.shape) { target in
        var column = 0
        for part in parts {
          let partBytes = part.shape[axis] * innerBytes
          part.withBytes { source in
            for row in 0..<(partBytes == 0 ? 0 : outer) {
              let piece = UnsafeRawBufferPointer(rebasing: source[row * partBytes..<(row + 1) * partBytes])
              UnsafeMutableRawBufferPointer(rebasing: target[(row * rowBytes + column)...]).copyMemory(from: piece)
            }
          }
          column += partBytes
        }
      }
    ]
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .forFloats(inputs, .rescaled) }

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
