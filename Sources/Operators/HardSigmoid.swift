import HostTensors
import TensorTypes

/// max(0, min(1, alpha * x + beta)) (ONNX HardSigmoid).
public struct HardSigmoid: Operator {
  public static let kind = OperatorKind.hardSigmoid

  public let alpha: Float
  public let beta: Float

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1)
    alpha = try definition.float("alpha", default: 0.2)
    beta = try definition.float("beta", default: 0.5)
  }

  public var attributes: [String: AttributeValue] { ["alpha": .float(alpha), "beta": .float(beta)] }

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

  /// At the bounds, where y is 0 or 1, there is none, as in PyTorch.
  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    elementDifferentiation(inputs, reads: .outputs(0))
  }
}

extension HardSigmoid: RealFunction {
  func value<T: RealElement>(at x: T) -> T { clamped(T(alpha) * x + T(beta), 0, 1) }
}

extension HardSigmoid: ElementGradient {
  func gradient<T: RealElement>(_ upstream: T, _ y: T) -> T { y > 0 && y < 1 ? T(alpha) * upstream : 0 }
}
