import HostTensors
import TensorTypes

/// A tensor of the given shape with one value everywhere (ONNX ConstantOfShape); Float 0 by default.
public struct ConstantOfShape: Operator {
  public static let kind = OperatorKind.constantOfShape

  /// One element.
  public let value: Tensor

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1)
    value = try definition.tensor("value") ?? Tensor(scalar: Float(0))
    guard value.count == 1 else {
      throw .invalidAttribute("value", expected: "one element", found: "shape \(value.shape)")
    }
  }

  public var attributes: [String: AttributeValue] { ["value": .tensor(value.reshaped([1]))] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([output(inputs)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let shape = try output(inputs.infos).shape
    return [value.reshaped([]).stridedCopy(shape: shape, strides: shape.map { _ in 0 })]
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    value.dtype.isFloat ? .sameScale : .notFloat
  }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .elementwise([], outputs)
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .stops(reason: "yields one value, which depends on no input")
  }

  private func output(_ inputs: [ValueInfo?]) throws(OperatorError) -> ValueInfo {
    try .checked(value.dtype, inputs.constantIntegers(0, "input"))
  }
}
