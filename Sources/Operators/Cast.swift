import HostTensors
import TensorTypes

/// The elements as another type (ONNX Cast): floats truncate toward zero, integers wrap.
///
/// String, 8-bit float and 4-bit types are refused.
public struct Cast: Operator {
  public static let kind = OperatorKind.cast

  public let target: DType

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1)
    let code = try definition.requiredInt("to")
    guard let raw = UInt8(exactly: code), let target = DType(rawValue: raw) else {
      throw .invalidAttribute("to", expected: "a supported element type", found: elementTypeName(code))
    }
    self.target = target
  }

  public var attributes: [String: AttributeValue] { ["to": .int(Int(target.rawValue))] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([output(inputs)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    [try inputs.required(0, "input").cast(to: target)]
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    guard inputs.optional(0)?.dtype.isFloat == true else { return .notFloat }
    return target.isFloat ? .sameScale : .floatOnly(reason: "converts to \(target.name)")
  }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .elementwise(inputs, outputs)
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    guard target.isFloat else { return .stops(reason: "converts to \(target.name)") }
    let dtype = inputs.optional(0)?.dtype ?? .float32
    return .flowsToData(inputs) { _, gradient in gradient.cast(to: dtype) }
  }

  private func output(_ inputs: [ValueInfo?]) throws(OperatorError) -> ValueInfo {
    try .checked(target, inputs.required(0, "input").shape)
  }
}

/// The name of an ONNX element type that `DType` leaves out.
private func elementTypeName(_ code: Int) -> String {
  switch code {
  case 8: "string"
  case 14: "complex64"
  case 15: "complex128"
  case 17: "float8e4m3fn"
  case 18: "float8e4m3fnuz"
  case 19: "float8e5m2"
  case 20: "float8e5m2fnuz"
  case 21: "uint4"
  case 22: "int4"
  case 23: "float4e2m1"
  default: "element type \(code)"
  }
}
