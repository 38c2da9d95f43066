import HostTensors
import TensorTypes

/// x where x >= 0, else slope * x; the slope broadcasts to the shape of x (ONNX PRelu).
public struct PRelu: Operator {
  public static let kind = OperatorKind.pRelu

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(2)
  }

  public var attributes: [String: AttributeValue] { [:] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([output(inputs)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let output = try output(inputs.infos)
    return [try map(inputs.required(0, "X"), inputs.required(1, "slope"), shape: output.shape, self)]
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    .tableIfUnary(inputs, otherwise: "the slope differs from channel to channel, so one table does not serve")
  }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .elementwise(inputs, outputs)
  }

  /// At 0 the slope counts, as in PyTorch.
  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flows(
      inputs,
      GradientRule(inputs: [0, 1], reads: .inputs(0, 1)) { call throws(OperatorError) in
        let (x, slope) = (try call.inputs.required(0, "X"), try call.inputs.required(1, "slope"))
        let upstream = try call.outputGradient
        return try call.gradients { input throws(OperatorError) in
          if input == 0 { return try mapGradient(upstream, x, slope, InputGradient()) }
          return try mapGradient(upstream, x, SlopeGradient()).summed(to: slope.shape)
        }
      })
  }

  private func output(_ inputs: [ValueInfo?]) throws(OperatorError) -> ValueInfo {
    let (input, slope) = (try inputs.required(0, "X"), try inputs.required(1, "slope"))
    let output = try broadcastOutput([input, slope], .numeric)
    guard output.shape == input.shape else {
      throw .inputShape(1, expected: "a shape that broadcasts to \(input.shape)", found: slope.shape)
    }
    return output
  }
}

extension PRelu: PairFunction {
  func value<T: ArithmeticElement>(of x: T, _ slope: T) -> T { x < 0 ? T.product(slope, x) : x }
}

private struct InputGradient: PairGradient {
  func gradient<T: RealElement>(_ upstream: T, _ x: T, _ slope: T) -> T { x > 0 ? upstream : slope * upstream }
}

private struct SlopeGradient: ElementGradient {
  func gradient<T: RealElement>(_ upstream: T, _ x: T) -> T { x > 0 ? 0 : x * upstream }
}
