import HostTensors
import TensorTypes

/// 1 / (1 + exp(-x)) (ONNX Sigmoid).
public struct Sigmoid: Operator {
  public static let kind = OperatorKind.sigmoid

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1)
  }

  public var attributes: [String: AttributeValue] { [:] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([sameAsInput(inputs, "X", .float)], from: inputs)
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
    elementDifferentiation(inputs, reads: .outputs(0))
  }
}

extension Sigmoid: RealFunction {
  func value<T: RealElement>(at x: T) -> T { 1 / (1 + T.exp(-x)) }
}

extension Sigmoid: ElementGradient {
  func gradient<T: RealElement>(_ upstream: T, _ y: T) -> T { upstream * y * (1 - y) }
}
