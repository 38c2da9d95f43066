import HostTensors
import TensorTypes

/// a / b with broadcasting (ONNX Div); integers truncate toward zero.
///
/// An integer divisor of zero is an error, since no result is defined.
public struct Div: Operator {
  public static let kind = OperatorKind.div

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(2)
  }

  public var attributes: [String: AttributeValue] { [:] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([pairOutput(inputs, .numeric)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let divisor = try inputs.required(1, "B")
    if !divisor.dtype.isFloat, divisor.hasZero { throw .invalid("integer division by zero") }
    return try evaluatePairs(inputs)
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    .tableIfUnary(inputs, otherwise: "a quotient of two computed values has no integer form")
  }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .elementwise(inputs, outputs)
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flows(
      inputs,
      GradientRule(inputs: [0, 1], reads: .inputs(0, 1)) { call throws(OperatorError) in
        let (dividend, divisor) = (try call.inputs.required(0, "A"), try call.inputs.required(1, "B"))
        let upstream = try call.outputGradient
        return try call.gradients { input throws(OperatorError) in
          let terms =
            input == 0
            ? try map(upstream, divisor, shape: upstream.shape, self)
            : try mapGradient(upstream, dividend, divisor, DivisorGradient())
          return try terms.summed(to: call.shape(input))
        }
      })
  }
}

extension Div: PairFunction {
  func value<T: ArithmeticElement>(of a: T, _ b: T) -> T { T.quotient(a, b) }
}

extension Tensor {
  /// Whether an element has only zero bits, as integer zero has.
  fileprivate var hasZero: Bool {
    withBytes { bytes in
      switch dtype.byteCount {
      case 1: bytes.assumingMemoryBound(to: UInt8.self).contains(0)
      case 2: bytes.assumingMemoryBound(to: UInt16.self).contains(0)
      case 4: bytes.assumingMemoryBound(to: UInt32.self).contains(0)
      default: bytes.assumingMemoryBound(to: UInt64.self).contains(0)
      }
    }
  }
}

private struct DivisorGradient: PairGradient {
  /// Two quotients, since the square of b overflows before the result does.
  func gradient<T: RealElement>(_ upstream: T, _ a: T, _ b: T) -> T { -(upstream / b) * (a / b) }
}
