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
}

extension HardSwish: RealFunction {
  func value<T: RealElement>(at x: T) -> T { x * clamped(x / 6 + 0.5, 0, 1) }
}
