import HostTensors
import TensorTypes

/// Whether a = b, with broadcasting (ONNX Equal); NaN equals nothing.
public struct Equal: Operator {
  public static let kind = OperatorKind.equal

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(2)
  }

  public var attributes: [String: AttributeValue] { [:] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([pairOutput(inputs, .any, result: .bool)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    try evaluateTruth(inputs, .any)
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .floatOnly(reason: "yields truth values") }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .elementwise(inputs, outputs)
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .stops(reason: "yields truth values")
  }
}

extension Equal: Comparison {
  func holds<T: ArithmeticElement>(_ a: T, _ b: T) -> Bool { a == b }
}
