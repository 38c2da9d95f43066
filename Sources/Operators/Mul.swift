import HostTensors
import TensorTypes

/// a * b with broadcasting (ONNX Mul); integers wrap.
public struct Mul: Operator {
  public static let kind = OperatorKind.mul

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
      GradientRule(inputs: [0, 1], reads: .inputs(0, 1)) { call throws(OperatorError) in
        let upstream = try call.outputGradient
        return try call.gradients { input throws(OperatorError) in
          let other = try call.inputs.required(1 - input, "factor")
          return try map(upstream, other, shape: upstream.shape, self).summed(to: call.shape(input))
        }
      })
  }
}

extension Mul: PairFunction {
  func value<T: ArithmeticElement>(of a: T, _ b: T) -> T { T.product(a, b) }
}
