import HostTensors
import TensorTypes

/// x where x >= 0, else alpha * (exp(x) - 1) (ONNX Elu).
public struct Elu: Operator {
  public static let kind = OperatorKind.elu

  public let alpha: Float

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1)
    alpha = try definition.float("alpha", default: 1)
  }

  public var attributes: [String: AttributeValue] { ["alpha": .float(alpha)] }

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

  /// At 0 the slope is alpha, as in PyTorch. Unless alpha is negative, the output has the sign of x.
  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    elementDifferentiation(inputs, reads: alpha >= 0 ? .outputs(0) : .inputs(0))
  }
}

extension Elu: RealFunction {
  func value<T: RealElement>(at x: T) -> T { x < 0 ? T(alpha) * T.expMinusOne(x) : x }
}

extension Elu: ElementGradient {
  /// alpha * exp(x) is y + alpha, where y is what the rule reads.
  func gradient<T: RealElement>(_ upstream: T, _ x: T) -> T {
    x > 0 ? upstream : upstream * (alpha >= 0 ? x + T(alpha) : T(alpha) * T.exp(x))
  }
}
