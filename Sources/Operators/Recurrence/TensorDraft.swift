import HostTensors

/// Memory of a tensor to be, which several loops write.
///
/// `base` is valid as long as the draft: take `tensor` after the last write.
struct TensorDraft<T: TensorElement> {
  let shape: [Int]
  private let storage: TensorStorage
  let base: UnsafeMutablePointer<T>

  /// Starts as zeros.
  init(zeroed shape: [Int]) {
    self.init(shape, TensorStorage(zeroedByteCount: shape.elementCount * MemoryLayout<T>.stride))
  }

  /// Starts as anything.
  init(uninitialized shape: [Int]) {
    self.init(shape, TensorStorage(uninitializedByteCount: shape.elementCount * MemoryLayout<T>.stride))
  }

  private init(_ shape: [Int], _ storage: TensorStorage) {
    self.shape = shape
    self.storage = storage
    base = UnsafeMutableRawPointer(mutating: storage.bytes.baseAddress!).assumingMemoryBound(to: T.self)
  }

  var tensor: Tensor { Tensor(dtype: T.dtype, shape: shape, storage: storage) }
}

/// Calls `body` with the elements of the tensors in place, nil where one is omitted or is not of type `T`.
func withPointers<T: TensorElement, R>(
  _ tensors: [Tensor?], as type: T.Type, _ body: ([UnsafePointer<T>?]) -> R
) -> R {
  func open(_ found: [UnsafePointer<T>?]) -> R {
    guard found.count < tensors.count else { return body(found) }
    guard let tensor = tensors[found.count], tensor.dtype == T.dtype else { return open(found + [nil]) }
    return tensor.withElements(as: T.self) { open(found + [$0.baseAddress]) }
  }
  return open([])
}
