import HostTensors
import TensorTypes

/// A matrix whose rows run over the axes from `axis` on (ONNX Flatten).
public struct Flatten: Operator {
  public static let kind = OperatorKind.flatten

  /// As written; negative counts from the end, the rank itself gives one column.
  public let axis: Int

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1)
    axis = try definition.int("axis", default: 1)
  }

  public var attributes: [String: AttributeValue] { ["axis": .int(axis)] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([output(inputs)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    [try inputs.required(0, "data").reshaped(output(inputs.infos).shape)]
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .forFloatData(inputs, .sameScale) }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .reshaping(inputs, outputs)
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation { .flowsByReshaping(inputs) }

  private func output(_ inputs: [ValueInfo?]) throws(OperatorError) -> ValueInfo {
    let data = try inputs.required(0, "data")
    let front = axis == data.rank ? data.rank : try normalizedAxis(axis, rank: data.rank)
    return try .checked(data.dtype, [data.shape[..<front].reduce(1, *), data.shape[front...].reduce(1, *)])
  }
}
