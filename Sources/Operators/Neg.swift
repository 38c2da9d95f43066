import HostTensors
import TensorTypes

/// -x (ONNX Neg); the least integer stays itself.
public struct Neg: Operator {
  public static let kind = OperatorKind.neg

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1)
  }

  public var attributes: [String: AttributeValue] { [:] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([sameAsInput(inputs, "X", .numeric)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    try evaluateElements(inputs, "X")
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .forFloatData(inputs, .table) }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .elementwise(inputs, outputs)
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flowsToData(inputs) { _, gradient throws(OperatorError) in try map(gradient, self) }
  }
}

extension Neg: NumberFunction {
  func value<T: ArithmeticElement>(at x: T) -> T { x.negated }
}
