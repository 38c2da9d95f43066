import HostTensors
import TensorTypes

extension Tensor {
  /// Calls `body` with the address of the elements as `T`, converted where they are of another type.
  func withBase<T: RealElement, R>(as type: T.Type, _ body: (UnsafePointer<T>) -> R) -> R {
    cast(to: T.dtype).withElements(as: T.self) { elements in
      guard let base = elements.baseAddress else { preconditionFailure("storage without an address") }
      return body(base)
    }
  }

  /// A tensor of `shape` whose elements `fill` writes, every one of them, from their address on.
  init<T: RealElement>(writing shape: [Int], of type: T.Type, _ fill: (UnsafeMutablePointer<T>) -> Void) {
    self.init(uninitialized: shape, of: T.self) { elements in
      guard let base = elements.baseAddress else { preconditionFailure("storage without an address") }
      fill(base)
    }
  }
}

extension Tensor? {
  /// As `withBase` of a tensor; nil where there is none.
  func withBase<T: RealElement, R>(as type: T.Type, _ body: (UnsafePointer<T>?) -> R) -> R {
    guard let self else { return body(nil) }
    return self.withBase(as: type) { body($0) }
  }
}

/// Calls `body` with memory for `count` elements, not yet written.
func withScratch<T: RealElement>(_ count: Int, of type: T.Type, _ body: (UnsafeMutablePointer<T>) -> Void) {
  _ = Tensor(writing: [count], of: T.self, body)
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
