/// Reads a byte buffer bit by bit, least significant bit first.
///
/// Bits above `count` are either zero or those that the next `refill` puts there again, so looking
/// at them is harmless; taking them is refused.
struct BitReader {
  private let source: UnsafeRawBufferPointer
  private var position: Int
  private(set) var bits: UInt64 = 0
  private(set) var count: Int = 0

  init(_ source: UnsafeRawBufferPointer, from position: Int) {
    self.source = source
    self.position = position
  }

  /// Bytes not yet taken.
  var remainingBytes: Int { source.count - position + count / 8 }

  /// Fills up to at least 56 bits, or to the end of the source.
  @inline(__always)
  mutating func refill() {
    if source.count - position >= 8 {
      let word = UInt64(littleEndian: source.loadUnaligned(fromByteOffset: position, as: UInt64.self))
      bits |= word &<< UInt64(truncatingIfNeeded: count)
      position += (63 - count) / 8
      count |= 56
    } else {
      refillAtEnd()
    }
  }

  /// The last bytes one by one; out of line, as every caller of `refill` would have a copy.
  @inline(never)
  private mutating func refillAtEnd() {
    while count <= 56, position < source.count {
      bits |= UInt64(source[position]) &<< UInt64(truncatingIfNeeded: count)
      position += 1
      count += 8
    }
  }

  /// Drops `length` bits, at most 56.
  @inline(__always)
  mutating func drop(_ length: Int) throws(InflateError) {
    guard length <= count else { throw .truncated }
    bits &>>= UInt64(truncatingIfNeeded: length)
    count -= length
  }

  /// Takes `length` bits, at most 32, of those already filled.
  @inline(__always)
  mutating func take(_ length: Int) throws(InflateError) -> Int {
    let value = bits & ((1 &<< UInt64(truncatingIfNeeded: length)) &- 1)
    try drop(length)
    return Int(truncatingIfNeeded: value)
  }

  /// Drops the bits up to the next byte boundary.
  mutating func align() {
    bits &>>= UInt64(count % 8)
    count -= count % 8
  }

  /// Copies whole bytes; the reader must be aligned.
  mutating func copy(_ length: Int, to target: UnsafeMutableRawPointer) throws(InflateError) {
    guard length <= remainingBytes else { throw .truncated }
    position -= count / 8
    bits = 0
    count = 0
    if length > 0, let base = source.baseAddress {
      target.copyMemory(from: base + position, byteCount: length)
    }
    position += length
  }
}
