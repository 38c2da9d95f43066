import HostTensors
import TensorTypes

/// log(exp(x) + 1) (ONNX Softplus), computed so that exp cannot overflow.
public struct Softplus: Operator {
  public static let kind = OperatorKind.softplus

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
    elementDifferentiation(inputs, reads: .inputs(0))
  }
}

extension Softplus: RealFunction {
  func value<T: RealElement>(at x: T) -> T { clamped(x, 0, .infinity) + T.logOnePlus(T.exp(-x.magnitude)) }
}

extension Softplus: ElementGradient {
  /// The sigmoid of x.
  func gradient<T: RealElement>(_ upstream: T, _ x: T) -> T { upstream / (1 + T.fastExp(-x)) }
}
