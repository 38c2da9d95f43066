import HostTensors
import TensorTypes

/// The way back through a function of one real number that an operator applies to every element.
protocol ElementGradient: Sendable {
  /// The gradient by the argument, given the one by the value; `x` is whichever of the two the rule reads.
  func gradient<T: RealElement>(_ upstream: T, _ x: T) -> T
}

/// The way back through a function of two real numbers, to one of them.
protocol PairGradient: Sendable {
  func gradient<T: RealElement>(_ upstream: T, _ a: T, _ b: T) -> T
}

private struct ElementGradientKernel<Function: ElementGradient, Operand: RealElement>: PairKernel {
  let function: Function
  @inline(__always) func result(_ upstream: Operand, _ x: Operand) -> Operand { function.gradient(upstream, x) }
}

/// A function of three elements of one type (see `ElementKernel`).
private protocol TripleKernel {
  associatedtype Operand: TensorElement
  func result(_ upstream: Operand, _ a: Operand, _ b: Operand) -> Operand
}

private struct PairGradientKernel<Function: PairGradient, Operand: RealElement>: TripleKernel {
  let function: Function
  @inline(__always) func result(_ upstream: Operand, _ a: Operand, _ b: Operand) -> Operand {
    function.gradient(upstream, a, b)
  }
}

/// `function` of every element of `upstream` and the element of `x`, of the same shape, beside it.
func mapGradient(
  _ upstream: Tensor, _ x: Tensor, _ function: some ElementGradient
) throws(OperatorError) -> Tensor {
  func real<T: RealElement>(_: T.Type) -> Tensor {
    mapPairs(upstream, x, shape: upstream.shape, ElementGradientKernel<_, T>(function: function))
  }
  return switch upstream.dtype {
  case .float32: real(Float.self)
  case .float64: real(Double.self)
  case .float16, .bfloat16, .uint8, .int8, .uint16, .int16, .int32, .int64, .bool, .uint32, .uint64:
    throw .inputType(0, expected: "float32 or float64", found: upstream.dtype)
  }
}

/// `function` of every element of `upstream` and those of `a` and `b`, which broadcast to its shape.
func mapGradient(
  _ upstream: Tensor, _ a: Tensor, _ b: Tensor, _ function: some PairGradient
) throws(OperatorError) -> Tensor {
  func real<T: RealElement>(_: T.Type) -> Tensor {
    mapTriples(upstream, a, b, PairGradientKernel<_, T>(function: function))
  }
  return switch upstream.dtype {
  case .float32: real(Float.self)
  case .float64: real(Double.self)
  case .float16, .bfloat16, .uint8, .int8, .uint16, .int16, .int32, .int64, .bool, .uint32, .uint64:
    throw .inputType(0, expected: "float32 or float64", found: upstream.dtype)
  }
}

private func mapTriples<Kernel: TripleKernel>(
  _ upstream: Tensor, _ a: Tensor, _ b: Tensor, _ kernel: Kernel
) -> Tensor {
  let shape = upstream.shape
  let walk = StridedWalk(
    shape: shape, strides: [upstream, a, b].map { broadcastStrides($0.shape, to: shape) })
  return upstream.withElements(as: Kernel.Operand.self) { upstream in
    a.withElements(as: Kernel.Operand.self) { a in
      b.withElements(as: Kernel.Operand.self) { b in
        Tensor(uninitialized: shape, of: Kernel.Operand.self) {
          (result: UnsafeMutableBufferPointer<Kernel.Operand>) in
          guard !walk.isEmpty, let upstream = upstream.baseAddress, let a = a.baseAddress, let b = b.baseAddress,
            let result = result.baseAddress
          else { return }
          let (aStride, bStride) = (walk.rowStride(1), walk.rowStride(2))
          walk.forEachPiece { start, offsets, count in
            mapRow(
              count, upstream + start, a + offsets[1], aStride, b + offsets[2], bStride, result + start, kernel)
          }
        }
      }
    }
  }
}

/// One row of `mapTriples`, with a loop of its own for the strides that occur most.
@inline(__always)
private func mapRow<Kernel: TripleKernel>(
  _ count: Int, _ upstream: UnsafePointer<Kernel.Operand>, _ a: UnsafePointer<Kernel.Operand>, _ aStride: Int,
  _ b: UnsafePointer<Kernel.Operand>, _ bStride: Int, _ result: UnsafeMutablePointer<Kernel.Operand>,
  _ kernel: Kernel
) {
  if aStride == 1, bStride == 1 {
    for index in 0..<count { result[index] = kernel.result(upstream[index], a[index], b[index]) }
  } else if aStride == 1, bStride == 0 {
    let y = b[0]
    for index in 0..<count { result[index] = kernel.result(upstream[index], a[index], y) }
  } else if aStride == 0, bStride == 1 {
    let x = a[0]
    for index in 0..<count { result[index] = kernel.result(upstream[index], x, b[index]) }
  } else {
    for index in 0..<count {
      result[index] = kernel.result(upstream[index], a[index * aStride], b[index * bStride])
    }
  }
}

extension Operator where Self: ElementGradient {
  /// The rule of an operator whose gradient is a function of the output's and of what it reads: its input or its output.
  func elementDifferentiation(_ inputs: [ValueInfo?], reads: ForwardReads) -> Differentiation {
    .flowsToData(inputs, reads: reads) { call, gradient throws(OperatorError) in
      let x: Tensor = reads.outputs.isEmpty ? try call.inputs.required(0, "X") : try call.outputs.required(0, "Y")
      return try mapGradient(gradient, x, self)
    }
  }
}
