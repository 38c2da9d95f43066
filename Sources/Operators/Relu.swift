import HostTensors
import TensorTypes

/// max(x, 0) (ONNX Relu); NaN stays NaN.
public struct Relu: Operator {
  public static let kind = OperatorKind.relu

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

  /// None at 0, as in PyTorch.
  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    elementDifferentiation(inputs, reads: .outputs(0))
  }
}

extension Relu: NumberFunction {
  func value<T: ArithmeticElement>(at x: T) -> T { x < 0 ? 0 : x }
}

extension Relu: ElementGradient {
  func gradient<T: RealElement>(_ upstream: T, _ y: T) -> T { y > 0 ? upstream : 0 }
}
