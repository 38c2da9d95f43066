import HostTensors
import TensorTypes

/// a to the power b with broadcasting (ONNX Pow); the result has the type of the base.
///
/// Two integers give an exact power that wraps; a negative exponent then gives the truncated quotient.
/// Mixed types are computed in Double and converted as by Cast.
public struct Pow: Operator {
  public static let kind = OperatorKind.pow

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(2)
  }

  public var attributes: [String: AttributeValue] { [:] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([output(inputs)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let shape = try output(inputs.infos).shape
    let (base, exponent) = (try inputs.required(0, "X"), try inputs.required(1, "Y"))
    func power<Kernel: PairKernel>(_ kernel: Kernel) -> Tensor {
      let type = Kernel.Operand.dtype
      return mapPairs(base.cast(to: type), exponent.cast(to: type), shape: shape, kernel).cast(to: base.dtype)
    }
    if !base.dtype.isFloat, !exponent.dtype.isFloat { return [power(IntegerPower())] }
    if base.dtype == exponent.dtype, base.dtype != .float64 { return [power(RealPower<Float>())] }
    return [power(RealPower<Double>())]
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    .tableIfUnary(inputs, otherwise: "a power of two computed values has no integer form")
  }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .elementwise(inputs, outputs)
  }

  /// By the base, and by the exponent where that is of the same type.
  ///
  /// As in PyTorch an exponent of 0 gives the base none, and a base of 0 with an exponent of 0 or more gives
  /// the exponent none. A negative base has no gradient by the exponent: NaN.
  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    let isUniform = inputs.optional(0)?.dtype == inputs.optional(1)?.dtype
    return .flows(
      inputs,
      GradientRule(inputs: isUniform ? [0, 1] : [0], reads: .inputs(0, 1)) { call throws(OperatorError) in
        let (upstream, base) = (try call.outputGradient, try call.inputs.required(0, "X"))
        let exponent = try call.inputs.required(1, "Y").cast(to: base.dtype)
        return try call.gradients { input throws(OperatorError) in
          let terms: Tensor
          if input == 1 {
            terms = try mapGradient(upstream, base, exponent, ExponentGradient())
          } else if exponent.count == 1, exponent.floats == [2] {
            terms = try mapGradient(upstream, base, base, SquareGradient())
          } else {
            terms = try mapGradient(upstream, base, exponent, BaseGradient())
          }
          return try terms.summed(to: call.shape(input))
        }
      })
  }

  private func output(_ inputs: [ValueInfo?]) throws(OperatorError) -> ValueInfo {
    let (base, exponent) = (try inputs.required(0, "X"), try inputs.required(1, "Y"))
    try base.requireNumeric(0)
    try exponent.requireNumeric(1)
    return try .checked(base.dtype, broadcastShape([base.shape, exponent.shape]))
  }
}

private struct RealPower<T: RealElement>: PairKernel {
  func result(_ base: T, _ exponent: T) -> T { T.pow(base, exponent) }
}

/// Wrapping in 64 bits and truncating is wrapping in the narrower type.
private struct IntegerPower: PairKernel {
  func result(_ base: Int64, _ exponent: Int64) -> Int64 {
    if exponent < 0 {
      switch base {
      case 1: return 1
      case -1: return exponent & 1 == 0 ? 1 : -1
      default: return 0
      }
    }
    var (power, square, bits): (Int64, Int64, Int64) = (1, base, exponent)
    while bits > 0 {
      if bits & 1 == 1 { power = power &* square }
      square = square &* square
      bits >>= 1
    }
    return power
  }
}

private struct BaseGradient: PairGradient {
  func gradient<T: RealElement>(_ upstream: T, _ base: T, _ exponent: T) -> T {
    exponent == 0 ? 0 : upstream * exponent * T.pow(base, exponent - 1)
  }
}

/// By far the most common exponent, without the library's power.
private struct SquareGradient: PairGradient {
  func gradient<T: RealElement>(_ upstream: T, _ base: T, _: T) -> T { 2 * upstream * base }
}

private struct ExponentGradient: PairGradient {
  func gradient<T: RealElement>(_ upstream: T, _ base: T, _ exponent: T) -> T {
    base == 0 && exponent >= 0 ? 0 : upstream * T.pow(base, exponent) * T.log(base)
  }
}
