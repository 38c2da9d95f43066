import TensorTypes

/// An immutable n-dimensional array in row-major order.
///
/// The elements live in a shared storage, so copies and reshapes cost nothing; storage may be memory
/// that a file is mapped into, so a tensor of gigabytes need not be resident.
public struct Tensor: Sendable {
  public let dtype: DType
  /// Extents, outermost first; empty for a scalar.
  public let shape: [Int]
  let storage: TensorStorage

  /// Product of the extents; 1 for a scalar.
  public var count: Int { shape.elementCount }
  public var rank: Int { shape.count }
  public var byteCount: Int { count * dtype.byteCount }

  /// Wraps `elements`, whose count must equal the product of `shape`.
  public init<T: TensorElement>(shape: [Int], elements: [T]) {
    precondition(elements.count == shape.elementCount, "\(elements.count) elements for shape \(shape)")
    self.dtype = T.dtype
    self.shape = shape
    self.storage = elements.withUnsafeBytes { TensorStorage(copying: $0) }
  }

  /// A tensor over existing storage, which must hold at least the bytes of `shape`.
  public init(dtype: DType, shape: [Int], storage: TensorStorage) {
    precondition(storage.bytes.count >= shape.elementCount * dtype.byteCount, "storage too small for \(shape)")
    self.dtype = dtype
    self.shape = shape
    self.storage = storage
  }

  /// A tensor of `shape` whose elements `fill` writes; memory starts as zeros.
  public init<T: TensorElement, E: Error>(
    shape: [Int], of type: T.Type, fill: (UnsafeMutableBufferPointer<T>) throws(E) -> Void
  ) throws(E) {
    let storage = TensorStorage(zeroedByteCount: shape.elementCount * MemoryLayout<T>.stride)
    try fill(UnsafeMutableBufferPointer(mutating: storage.bytes.assumingMemoryBound(to: T.self)))
    self.init(dtype: T.dtype, shape: shape, storage: storage)
  }

  /// A tensor of `shape` whose elements `fill` writes, every one of them; memory starts as anything.
  public init<T: TensorElement, E: Error>(
    uninitialized shape: [Int], of type: T.Type, fill: (UnsafeMutableBufferPointer<T>) throws(E) -> Void
  ) throws(E) {
    let storage = TensorStorage(uninitializedByteCount: shape.elementCount * MemoryLayout<T>.stride)
    try fill(UnsafeMutableBufferPointer(mutating: storage.bytes.assumingMemoryBound(to: T.self)))
    self.init(dtype: T.dtype, shape: shape, storage: storage)
  }

  public init<T: TensorElement>(scalar: T) { self.init(shape: [], elements: [scalar]) }

  /// A tensor of `shape` in which every element is `value`.
  public init<T: TensorElement>(shape: [Int], repeating value: T) {
    self.init(shape: shape, of: T.self) { $0.update(repeating: value) }
  }

  /// The elements in place; `T` must be the tensor's own type.
  public func withElements<T: TensorElement, R, E: Error>(
    as type: T.Type, _ body: (UnsafeBufferPointer<T>) throws(E) -> R
  ) throws(E) -> R {
    precondition(T.dtype == dtype, "\(dtype) tensor read as \(T.dtype)")
    let typed = storage.bytes.assumingMemoryBound(to: T.self)
    return try body(UnsafeBufferPointer(rebasing: typed[0..<count]))
  }

  public func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    try body(UnsafeRawBufferPointer(rebasing: storage.bytes[0..<byteCount]))
  }

  /// A copy of the elements; `T` must be the tensor's own type.
  public func elements<T: TensorElement>(as type: T.Type) -> [T] { withElements(as: type) { Array($0) } }

  /// The elements converted to Float, whatever their type.
  public var floats: [Float] {
    if dtype == .float32 { return elements(as: Float.self) }
    return converted(to: Float.self).elements(as: Float.self)
  }

  /// The elements as integers, truncated toward zero where they are not.
  public var integers: [Int] {
    if dtype == .int64 { return withElements(as: Int64.self) { $0.map { Int($0) } } }
    return converted(to: Int64.self).withElements(as: Int64.self) { $0.map { Int($0) } }
  }

  /// The same elements under another shape of equal count.
  public func reshaped(_ newShape: [Int]) -> Tensor {
    precondition(newShape.elementCount == count, "cannot view \(shape) as \(newShape)")
    return Tensor(dtype: dtype, shape: newShape, storage: storage)
  }

  /// Element-wise conversion by value, as ONNX Cast.
  public func converted<T: TensorElement>(to type: T.Type) -> Tensor {
    if T.dtype == dtype { return self }
    func convert<S: TensorElement>(_: S.Type) -> Tensor {
      withElements(as: S.self) { source in
        Tensor(shape: shape, of: T.self) { target in
          for index in source.indices { target[index] = T(converting: source[index].asDouble) }
        }
      }
    }
    return dtype.withElementType { convert($0) }
  }
}

/// Bytes that tensors share: owned, or borrowed from `owner` (for example a mapped file).
public final class TensorStorage: @unchecked Sendable {
  public let bytes: UnsafeRawBufferPointer
  private let owner: AnyObject?

  /// Owned, 64-byte aligned, zeroed.
  public convenience init(zeroedByteCount byteCount: Int) {
    self.init(uninitializedByteCount: byteCount)
    UnsafeMutableRawBufferPointer(mutating: bytes).initializeMemory(as: UInt8.self, repeating: 0)
  }

  public convenience init(copying source: UnsafeRawBufferPointer) {
    self.init(uninitializedByteCount: source.count)
    UnsafeMutableRawBufferPointer(mutating: bytes).copyMemory(from: source)
  }

  /// Owned, 64-byte aligned, not yet written.
  public init(uninitializedByteCount byteCount: Int) {
    let count = max(byteCount, 1)
    bytes = UnsafeRawBufferPointer(start: StorageRecycler.allocate(count), count: count)
    owner = nil
  }

  /// Borrowed: `owner` keeps `bytes` alive. The base must be aligned for the element type.
  public init(bytes: UnsafeRawBufferPointer, owner: AnyObject) {
    self.bytes = bytes
    self.owner = owner
  }

  deinit {
    guard owner == nil, let start = bytes.baseAddress else { return }
    StorageRecycler.release(UnsafeMutableRawPointer(mutating: start), byteCount: bytes.count)
  }
}

extension [Int] {
  /// Product of the extents; 1 when empty.
  public var elementCount: Int { reduce(1, *) }

  /// Row-major strides in elements.
  public var rowMajorStrides: [Int] {
    var strides = [Int](repeating: 1, count: count)
    for axis in indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * self[axis + 1] }
    return strides
  }
}

extension DType {
  /// Calls `body` with the Swift type that stores this dtype.
  public func withElementType<R, E: Error>(_ body: (any TensorElement.Type) throws(E) -> R) throws(E) -> R {
    switch self {
    case .float32: try body(Float.self)
    case .uint8: try body(UInt8.self)
    case .int8: try body(Int8.self)
    case .uint16: try body(UInt16.self)
    case .int16: try body(Int16.self)
    case .int32: try body(Int32.self)
    case .int64: try body(Int64.self)
    case .bool: try body(Bool.self)
    case .float16: try body(Float16.self)
    case .float64: try body(Double.self)
    case .uint32: try body(UInt32.self)
    case .uint64: try body(UInt64.self)
    case .bfloat16: try body(BFloat16.self)
    }
  }
}
