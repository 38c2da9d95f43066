import HostTensors
import TensorTypes

/// Whether a < b, with broadcasting (ONNX Less).
public struct Less: Operator {
  public static let kind = OperatorKind.less

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(2)
  }

  public var attributes: [String: AttributeValue] { [:] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([pairOutput(inputs, .numeric, result: .bool)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    try evaluateTruth(inputs, .numeric)
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .floatOnly(reason: "yields truth values") }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .elementwise(inputs, outputs)
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .stops(reason: "yields truth values")
  }
}

extension Less: Comparison {
  func holds<T: ArithmeticElement>(_ a: T, _ b: T) -> Bool { a < b }
}
