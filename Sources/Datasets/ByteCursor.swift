/// A span of a file's bytes that keeps the file alive.
struct ByteRegion: Sendable {
  let file: FileBytes
  let range: Range<Int>

  init(_ file: FileBytes) {
    self.file = file
    range = 0..<file.bytes.count
  }

  init(_ file: FileBytes, range: Range<Int>) {
    self.file = file
    self.range = range
  }

  var count: Int { range.count }

  /// The bytes in place; `body` must not keep the pointer.
  func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    try body(UnsafeRawBufferPointer(rebasing: file.bytes[range]))
  }
}

/// Reads a header and then a payload of declared size, plain or through gzip, without trusting either.
struct ByteCursor: ~Copyable {
  /// The most that a compressed file may inflate to.
  static let inflatedLimitBytes = 4 << 30

  private let region: ByteRegion
  private let path: String
  private var consumedBytes = 0
  private var inflating: InflatingReader?

  init(_ region: ByteRegion, path: String) throws(DatasetError) {
    self.region = region
    self.path = path
    let bytes = UnsafeRawBufferPointer(rebasing: region.file.bytes[region.range])
    if InflatingReader.isGzip(bytes) {
      inflating = try InflatingReader(bytes, wrapping: .gzip, path: path)
    } else {
      inflating = nil
    }
  }

  /// The next `byteCount` bytes, a small number that the format fixes.
  mutating func takeHeader(_ byteCount: Int) throws(DatasetError) -> [UInt8] {
    var header = [UInt8](repeating: 0, count: byteCount)
    let expected = consumedBytes + byteCount
    let written = try header.withUnsafeMutableBufferPointer { (buffer) throws(DatasetError) -> Int in
      let target = UnsafeMutableRawBufferPointer(buffer)
      if inflating != nil { return try inflating!.read(into: target) }
      let available = min(byteCount, region.count - consumedBytes)
      let start = region.range.lowerBound + consumedBytes
      target.copyBytes(from: region.file.bytes[start..<start + available])
      return available
    }
    guard written == byteCount else {
      throw .truncated(path: path, expectedBytes: expected, foundBytes: consumedBytes + written)
    }
    consumedBytes = expected
    return header
  }

  /// The rest of the file, which must be exactly `byteCount` bytes: in place where the file is plain,
  /// inflated once where it is gzip.
  consuming func takePayload(_ byteCount: Int) throws(DatasetError) -> ByteRegion {
    let declared = consumedBytes + byteCount
    guard inflating != nil else {
      guard declared <= region.count else {
        throw .truncated(path: path, expectedBytes: declared, foundBytes: region.count)
      }
      guard declared == region.count else { throw .surplus(path: path, expectedBytes: declared) }
      let start = region.range.lowerBound + consumedBytes
      return ByteRegion(region.file, range: start..<start + byteCount)
    }
    guard declared <= Self.inflatedLimitBytes else { throw .tooLarge(path: path, limitBytes: Self.inflatedLimitBytes) }
    let mostPossible = region.count * InflatingReader.largestExpansion
    guard declared <= mostPossible else {
      throw .truncated(path: path, expectedBytes: declared, foundBytes: mostPossible)
    }
    let file = try FileBytes(byteCount: byteCount) { (target) throws(DatasetError) in
      try inflating!.readExactly(target, declaredBytes: declared)
      try inflating!.expectEnd(declaredBytes: declared)
    }
    return ByteRegion(file)
  }

  /// All bytes of a region whose format declares no size.
  static func wholeContents(of region: ByteRegion, path: String) throws(DatasetError) -> ByteRegion {
    let bytes = UnsafeRawBufferPointer(rebasing: region.file.bytes[region.range])
    guard InflatingReader.isGzip(bytes) else { return region }
    return ByteRegion(try InflatingReader.inflateAll(bytes, path: path, limitBytes: inflatedLimitBytes))
  }
}

extension UnsafeRawBufferPointer {
  /// The unsigned little-endian integer at `offset`, or nil where it does not lie within the bytes.
  func littleEndian(at offset: Int, bytes byteCount: Int) -> Int? {
    guard offset >= 0, offset + byteCount <= count else { return nil }
    return self[offset..<offset + byteCount].reversed().reduce(0) { $0 << 8 | Int($1) }
  }
}
