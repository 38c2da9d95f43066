import HostTensors
import TensorTypes

/// The absolute value (ONNX Abs); the least integer stays itself.
public struct Abs: Operator {
  public static let kind = OperatorKind.abs

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

  /// At 0 there is none, as in PyTorch.
  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    elementDifferentiation(inputs, reads: .inputs(0))
  }
}

extension Abs: NumberFunction {
  func value<T: ArithmeticElement>(at x: T) -> T { x.absolute }
}

extension Abs: ElementGradient {
  func gradient<T: RealElement>(_ upstream: T, _ x: T) -> T { x > 0 ? upstream : x < 0 ? -upstream : 0 }
}
