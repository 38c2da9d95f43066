import HostTensors
import TensorTypes

/// The error function (ONNX Erf); integers give the truncated value.
public struct Erf: Operator {
  public static let kind = OperatorKind.erf

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1)
  }

  public var attributes: [String: AttributeValue] { [:] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([sameAsInput(inputs, "input", .numeric)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let input = try inputs.required(0, "input")
    if input.dtype.isFloat { return [try map(input, self)] }
    try ValueInfo(input).requireNumeric(0)
    return [try map(input.cast(to: .float64), self).cast(to: input.dtype)]
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .forFloatData(inputs, .table) }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .elementwise(inputs, outputs)
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    elementDifferentiation(inputs, reads: .inputs(0))
  }
}

extension Erf: RealFunction {
  func value<T: RealElement>(at x: T) -> T { T.erf(x) }
}

extension Erf: ElementGradient {
  func gradient<T: RealElement>(_ upstream: T, _ x: T) -> T { upstream * 2 / T.pi.squareRoot() * T.fastExp(-x * x) }
}
