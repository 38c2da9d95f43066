import HostTensors
import TensorTypes

/// The negation of truth values (ONNX Not).
public struct Not: Operator {
  public static let kind = OperatorKind.not

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1)
  }

  public var attributes: [String: AttributeValue] { [:] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([sameAsInput(inputs, "X", .bool)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let input = try inputs.required(0, "X")
    try ValueInfo(input).requireType(0, .bool)
    return [try map(input.cast(to: .uint8), self).cast(to: .bool)]
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .floatOnly(reason: "yields truth values") }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .elementwise(inputs, outputs)
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .stops(reason: "yields truth values")
  }
}

extension Not: NumberFunction {
  func value<T: ArithmeticElement>(at x: T) -> T { x == 0 ? 1 : 0 }
}
