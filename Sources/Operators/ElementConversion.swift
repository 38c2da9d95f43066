import HostTensors
import TensorTypes

extension Tensor {
  /// The elements converted by value as ONNX Cast: floats truncate toward zero, integers wrap, truth is 1.
  ///
  /// Elements pass through a block of Int64, UInt64 or Double, whichever holds the source exactly, so that
  /// 13 x 13 pairs of types need 26 short loops.
  package func cast(to target: DType) -> Tensor {
    if target == dtype { return self }
    switch dtype {
    case .bool, .uint8, .int8, .uint16, .int16, .uint32, .int32, .int64: return cast(to: target, through: Int64.self)
    case .uint64: return cast(to: target, through: UInt64.self)
    case .float16, .bfloat16, .float32, .float64: return cast(to: target, through: Double.self)
    }
  }

  /// 16-bit floats widened to Float, in which they are computed; other types as they are.
  var widened: Tensor { dtype == .float16 || dtype == .bfloat16 ? cast(to: .float32) : self }

  /// A tensor of `dtype` and `shape` whose zeroed bytes `fill` overwrites.
  package init(dtype: DType, shape: [Int], fillingBytes fill: (UnsafeMutableRawBufferPointer) -> Void) {
    let storage = TensorStorage(zeroedByteCount: shape.elementCount * dtype.byteCount)
    fill(UnsafeMutableRawBufferPointer(mutating: storage.bytes))
    self.init(dtype: dtype, shape: shape, storage: storage)
  }

  private func cast<W: WideElement>(to target: DType, through wide: W.Type) -> Tensor {
    let blockCount = 1024
    return withBytes { source in
      Tensor(dtype: target, shape: shape) { bytes in
        withUnsafeTemporaryAllocation(of: W.self, capacity: blockCount) { block in
          var start = 0
          while start < count {
            let part = UnsafeMutableBufferPointer(rebasing: block[0..<Swift.min(blockCount, count - start)])
            readBlock(source, dtype, start, part)
            writeBlock(part, target, bytes, start)
            start += blockCount
          }
        }
      }
    }
  }
}

/// A type that the elements of a conversion pass through.
private protocol WideElement {
  init(integer value: some FixedWidthInteger)
  init(float value: Double)
  func integer<T: FixedWidthInteger>(as type: T.Type) -> T
  var double: Double { get }
  /// Rounded once: an integer to Float directly, not by way of Double.
  var single: Float { get }
  var isZero: Bool { get }
}

extension Int64: WideElement {
  fileprivate init(integer value: some FixedWidthInteger) { self.init(truncatingIfNeeded: value) }
  fileprivate init(float value: Double) { self.init(converting: value) }
  fileprivate func integer<T: FixedWidthInteger>(as type: T.Type) -> T { T(truncatingIfNeeded: self) }
  fileprivate var double: Double { Double(self) }
  fileprivate var single: Float { Float(self) }
  fileprivate var isZero: Bool { self == 0 }
}

extension UInt64: WideElement {
  fileprivate init(integer value: some FixedWidthInteger) { self.init(truncatingIfNeeded: value) }
  fileprivate init(float value: Double) { self.init(converting: value) }
  fileprivate func integer<T: FixedWidthInteger>(as type: T.Type) -> T { T(truncatingIfNeeded: self) }
  fileprivate var double: Double { Double(self) }
  fileprivate var single: Float { Float(self) }
  fileprivate var isZero: Bool { self == 0 }
}

extension Double: WideElement {
  fileprivate init(integer value: some FixedWidthInteger) { self.init(value) }
  fileprivate init(float value: Double) { self = value }
  fileprivate func integer<T: FixedWidthInteger>(as type: T.Type) -> T {
    if let wide = Int64(exactly: rounded(.towardZero)) { return T(truncatingIfNeeded: wide) }
    if let wide = UInt64(exactly: rounded(.towardZero)) { return T(truncatingIfNeeded: wide) }
    return 0
  }
  fileprivate var double: Double { self }
  fileprivate var single: Float { Float(self) }
}

private func readBlock<W: WideElement>(
  _ bytes: UnsafeRawBufferPointer, _ dtype: DType, _ start: Int, _ block: UnsafeMutableBufferPointer<W>
) {
  @inline(__always) func read<S>(_: S.Type, _ convert: (S) -> W) {
    let source = bytes.assumingMemoryBound(to: S.self)
    for index in block.indices { block[index] = convert(source[start + index]) }
  }
  switch dtype {
  // A stored truth value may be any byte in a hostile file, so it is read as one.
  case .bool: read(UInt8.self) { W(integer: $0 == 0 ? UInt8(0) : 1) }
  case .uint8: read(UInt8.self) { W(integer: $0) }
  case .int8: read(Int8.self) { W(integer: $0) }
  case .uint16: read(UInt16.self) { W(integer: $0) }
  case .int16: read(Int16.self) { W(integer: $0) }
  case .uint32: read(UInt32.self) { W(integer: $0) }
  case .int32: read(Int32.self) { W(integer: $0) }
  case .uint64: read(UInt64.self) { W(integer: $0) }
  case .int64: read(Int64.self) { W(integer: $0) }
  case .float16: read(Float16.self) { W(float: Double($0)) }
  case .bfloat16: read(BFloat16.self) { W(float: $0.asDouble) }
  case .float32: read(Float.self) { W(float: Double($0)) }
  case .float64: read(Double.self) { W(float: $0) }
  }
}

private func writeBlock<W: WideElement>(
  _ block: UnsafeMutableBufferPointer<W>, _ dtype: DType, _ bytes: UnsafeMutableRawBufferPointer, _ start: Int
) {
  @inline(__always) func write<T>(_: T.Type, _ convert: (W) -> T) {
    let target = bytes.assumingMemoryBound(to: T.self)
    for index in block.indices { target[start + index] = convert(block[index]) }
  }
  switch dtype {
  case .bool: write(UInt8.self) { $0.isZero ? 0 : 1 }
  case .uint8: write(UInt8.self) { $0.integer(as: UInt8.self) }
  case .int8: write(Int8.self) { $0.integer(as: Int8.self) }
  case .uint16: write(UInt16.self) { $0.integer(as: UInt16.self) }
  case .int16: write(Int16.self) { $0.integer(as: Int16.self) }
  case .uint32: write(UInt32.self) { $0.integer(as: UInt32.self) }
  case .int32: write(Int32.self) { $0.integer(as: Int32.self) }
  case .uint64: write(UInt64.self) { $0.integer(as: UInt64.self) }
  case .int64: write(Int64.self) { $0.integer(as: Int64.self) }
  case .float16: write(Float16.self) { Float16($0.double) }
  case .bfloat16: write(BFloat16.self) { BFloat16(converting: $0.double) }
  case .float32: write(Float.self) { $0.single }
  case .float64: write(Double.self) { $0.double }
  }
}
