import HostTensors
import TensorTypes

/// A tensor written in the node itself (ONNX Constant).
///
/// Sparse and string values are refused.
public struct Constant: Operator {
  public static let kind = OperatorKind.constant

  public let value: Tensor

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(0)
    if let value = try definition.tensor("value") {
      self.value = value
    } else if let value = try definition.float("value_float") {
      self.value = Tensor(scalar: value)
    } else if let values = try definition.floats("value_floats") {
      self.value = Tensor(shape: [values.count], elements: values)
    } else if let value = try definition.int("value_int") {
      self.value = Tensor(scalar: Int64(value))
    } else if let values = try definition.ints("value_ints") {
      self.value = Tensor(integers: values)
    } else if let (name, value) = definition.attributes.sorted(by: { $0.key < $1.key }).first {
      throw .invalidAttribute(name, expected: "a dense tensor of numbers", found: value.typeName)
    } else {
      throw .missingAttribute("value")
    }
  }

  public var attributes: [String: AttributeValue] { ["value": .tensor(value)] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] { [ValueInfo(value)] }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] { [value] }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    value.dtype.isFloat ? .sameScale : .notFloat
  }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .opaque(reason: "is written into the node")
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .stops(reason: "depends on no input")
  }
}
