import HostTensors
import TensorTypes

/// The input repeated to the shape that it and the given one broadcast to (ONNX Expand).
public struct Expand: Operator {
  public static let kind = OperatorKind.expand

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(2)
  }

  public var attributes: [String: AttributeValue] { [:] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([output(inputs)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let shape = try output(inputs.infos).shape
    let input = try inputs.required(0, "input")
    return [input.stridedCopy(shape: shape, strides: broadcastStrides(input.shape, to: shape))]
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .forFloatData(inputs, .sameScale) }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .elementwise(Array(inputs.prefix(1)), outputs)
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flowsToData(inputs) { call, gradient throws(OperatorError) in try gradient.summed(to: call.shape(0)) }
  }

  private func output(_ inputs: [ValueInfo?]) throws(OperatorError) -> ValueInfo {
    let input = try inputs.required(0, "input")
    let shape = try inputs.constantIntegers(1, "shape")
    try checkedElementCount(shape, of: input.dtype)
    return try .checked(input.dtype, broadcastShape([input.shape, shape]))
  }
}
