import HostTensors
import TensorTypes

/// The least of any number of inputs with broadcasting (ONNX Min); NaN wins.
public struct Min: Operator {
  public static let kind = OperatorKind.min

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1...)
  }

  public var attributes: [String: AttributeValue] { [:] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([broadcastOutput(inputs.allRequired("data"), .numeric)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    _ = try broadcastOutput(inputs.infos.allRequired("data"), .numeric)
    let operands = try inputs.allRequired("data")
    var result = operands[0]
    for operand in operands.dropFirst() {
      result = try map(result, operand, shape: broadcastShape([result.shape, operand.shape]), self)
    }
    return [result]
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    if inputs.count == 1 { return .forFloats(inputs, .sameScale) }
    return .tableIfUnary(inputs, otherwise: "compares values of different scales")
  }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .elementwise(inputs, outputs)
  }

  /// To the input that has the least element; those that tie share it equally, as in PyTorch.
  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flows(
      inputs,
      GradientRule(inputs: Array(inputs.indices), reads: ForwardReads(inputs: Set(inputs.indices))) {
        call throws(OperatorError) in
        try call.extremeGradients(ofGreatest: false) { () throws(OperatorError) in try evaluate(call.inputs)[0] }
      })
  }
}

extension Min: PairFunction {
  func value<T: ArithmeticElement>(of a: T, _ b: T) -> T { a < b || a != a ? a : b }
}
