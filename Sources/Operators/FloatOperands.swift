import HostTensors
import TensorTypes

/// Calls `body` with the elements of the tensors as Float, converted where they are of another type.
func withFloats<R>(
  _ first: Tensor, _ second: Tensor, _ third: Tensor?,
  _ body: (UnsafeBufferPointer<Float>, UnsafeBufferPointer<Float>, UnsafeBufferPointer<Float>?) -> R
) -> R {
  first.cast(to: .float32).withElements(as: Float.self) { first in
    second.cast(to: .float32).withElements(as: Float.self) { second in
      guard let third else { return body(first, second, nil) }
      return third.cast(to: .float32).withElements(as: Float.self) { body(first, second, $0) }
    }
  }
}

/// Throws unless an omitted or given bias has one element of `dtype` per output channel.
func checkBias(_ bias: ValueInfo?, index: Int, channels: Int, dtype: DType) throws(OperatorError) {
  guard let bias else { return }
  try bias.requireType(index, dtype)
  guard bias.shape == [channels] else {
    throw .inputShape(index, expected: "[\(channels)], one per output channel", found: bias.shape)
  }
}

/// Throws where an extent of a matrix product is beyond what BLAS counts.
func checkProductExtents(_ extents: [Int]) throws(OperatorError) {
  for extent in extents where extent > MatrixProduct.maximumExtent {
    throw .invalid("a matrix extent of \(extent) is too large")
  }
}

/// The product of non-negative `factors`, at most Int.max: a count shown to the user, never a size.
func saturatingProduct(_ factors: [Int]) -> Int {
  if factors.contains(0) { return 0 }
  var product = 1
  for factor in factors {
    let (next, overflow) = product.multipliedReportingOverflow(by: factor)
    if overflow { return Int.max }
    product = next
  }
  return product
}
