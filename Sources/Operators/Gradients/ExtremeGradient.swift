import HostTensors
import TensorTypes

/// The way back through greatest and least elements: those that tie share the gradient equally.
extension BackwardCall {
  /// The gradients of Max or Min; `output` gives the extremes again, so that they need not be kept.
  func extremeGradients(
    ofGreatest isGreatest: Bool, output: () throws(OperatorError) -> Tensor
  ) throws(OperatorError) -> [Tensor?] {
    let (upstream, operands) = (try outputGradient, try inputs.allRequired("data"))
    if operands.count == 2 {
      let kernel = GreaterOfTwo(isGreatest: isGreatest)
      return try gradients { input throws(OperatorError) in
        try mapGradient(upstream, operands[input], operands[1 - input], kernel).summed(to: operands[input].shape)
      }
    }
    let extreme = try output()
    var ties = Tensor(scalar: Float(0)).cast(to: upstream.dtype)
      .stridedCopy(shape: upstream.shape, strides: upstream.shape.map { _ in 0 })
    for operand in operands { ties = try mapGradient(ties, operand, extreme, TieCount()) }
    let share = try map(upstream, ties, shape: upstream.shape, Quotient())
    return try gradients { input throws(OperatorError) in
      try mapGradient(share, operands[input], extreme, IfEqual()).summed(to: operands[input].shape)
    }
  }
}

extension Tensor {
  /// This gradient by the extremes of `data`, to the elements of `data` that are equal to them; both
  /// have the shape of `data` but for reduced axes of extent 1.
  func shared(amongElementsOf data: Tensor, equalTo extremes: Tensor) throws(OperatorError) -> Tensor {
    let one = Tensor(scalar: Float(1)).cast(to: dtype)
    let ties = try mapGradient(data, extremes, one, ValueIfEqual()).summed(to: shape)
    let share = try map(self, ties, shape: shape, Quotient())
    return try mapGradient(data, extremes, share, ValueIfEqual())
  }
}

private struct GreaterOfTwo: PairGradient {
  let isGreatest: Bool
  func gradient<T: RealElement>(_ upstream: T, _ own: T, _ other: T) -> T {
    own == other ? upstream / 2 : (isGreatest ? own > other : own < other) ? upstream : 0
  }
}

private struct TieCount: PairGradient {
  func gradient<T: RealElement>(_ count: T, _ element: T, _ extreme: T) -> T {
    element == extreme ? count + 1 : count
  }
}

private struct IfEqual: PairGradient {
  func gradient<T: RealElement>(_ share: T, _ element: T, _ extreme: T) -> T { element == extreme ? share : 0 }
}

private struct ValueIfEqual: PairGradient {
  func gradient<T: RealElement>(_ element: T, _ extreme: T, _ value: T) -> T { element == extreme ? value : 0 }
}

private struct Quotient: PairFunction {
  func value<T: ArithmeticElement>(of a: T, _ b: T) -> T { T.quotient(a, b) }
}
