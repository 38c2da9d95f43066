import HostTensors
import TensorTypes

/// x * max(0, min(1, x / 6 + 0.5)) (ONNX HardSwish).
public struct HardSwish: Operator {
  public static let kind = OperatorKind.hardSwish

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

  /// At -3 there is none, and at 3 the slope is 1.
  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    elementDifferentiation(inputs, reads: .inputs(0))
  }
}

extension HardSwish: RealFunction {
  func value<T: RealElement>(at x: T) -> T { x * clamped(x / 6 + 0.5, 0, 1) }
}

extension HardSwish: ElementGradient {
  func gradient<T: RealElement>(_ upstream: T, _ x: T) -> T {
    x <= -3 ? 0 : x >= 3 ? upstream : upstream * (x / 3 + 0.5)
  }
}
