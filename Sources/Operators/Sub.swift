import HostTensors
import TensorTypes

/// a - b with broadcasting (ONNX Sub); integers wrap.
public struct Sub: Operator {
  public static let kind = OperatorKind.sub

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(2)
  }

  public var attributes: [String: AttributeValue] { [:] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([pairOutput(inputs, .numeric)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    try evaluatePairs(inputs)
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .forFloats(inputs, .rescaled) }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .elementwise(inputs, outputs)
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flows(
      inputs,
      GradientRule(inputs: [0, 1], reads: .nothing) { call throws(OperatorError) in
        try call.gradients { input throws(OperatorError) in
          let sum = try call.outputGradient.summed(to: call.shape(input))
          return input == 0 ? sum : try map(sum, Negation())
        }
      })
  }
}

extension Sub: PairFunction {
  func value<T: ArithmeticElement>(of a: T, _ b: T) -> T { T.difference(a, b) }
}

private struct Negation: NumberFunction {
  func value<T: ArithmeticElement>(at x: T) -> T { x.negated }
}
