import CZlib

/// A forward reader of gzip or raw DEFLATE data that never writes more than it is asked for.
struct InflatingReader: ~Copyable {
  enum Wrapping { case gzip, raw }

  private let stream: UnsafeMutablePointer<z_stream>
  private let source: UnsafeRawBufferPointer
  private let wrapping: Wrapping
  private let path: String
  private var consumedBytes = 0
  private var isAtEnd = false
  /// Bytes handed out so far.
  private(set) var producedBytes = 0

  init(_ source: UnsafeRawBufferPointer, wrapping: Wrapping, path: String) throws(DatasetError) {
    self.source = source
    self.wrapping = wrapping
    self.path = path
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    // 15 is the largest window; adding 16 asks zlib for the gzip wrapper, a negative value for none.
    let windowBits: Int32 = wrapping == .gzip ? 15 + 16 : -15
    let status = inflateInit2_(stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else { throw .corrupt(path: path, reason: "zlib status \(status)") }
  }

  deinit {
    inflateEnd(stream)
    stream.deinitialize(count: 1)
    stream.deallocate()
  }

  /// Fills as much of `target` as the data allows and returns the bytes written; fewer only at the end.
  mutating func read(into target: UnsafeMutableRawBufferPointer) throws(DatasetError) -> Int {
    var written = 0
    while written < target.count && !isAtEnd {
      let step = try inflateOnce(into: UnsafeMutableRawBufferPointer(rebasing: target[written...]))
      written += step
    }
    producedBytes += written
    return written
  }

  /// Fills `target` exactly; `declaredBytes` is what an error says that the header promised.
  mutating func readExactly(
    _ target: UnsafeMutableRawBufferPointer, declaredBytes: Int
  ) throws(DatasetError) {
    let written = try read(into: target)
    guard written == target.count else {
      throw .truncated(path: path, expectedBytes: declaredBytes, foundBytes: producedBytes)
    }
  }

  /// Checks that nothing follows, which also makes zlib check the trailing checksum.
  mutating func expectEnd(declaredBytes: Int) throws(DatasetError) {
    var probe: UInt8 = 0
    let surplus = try withUnsafeMutableBytes(of: &probe) { (target) throws(DatasetError) -> Int in
      try read(into: target)
    }
    guard surplus == 0 else { throw .surplus(path: path, expectedBytes: declaredBytes) }
  }

  private mutating func inflateOnce(into target: UnsafeMutableRawBufferPointer) throws(DatasetError) -> Int {
    // zlib counts in 32 bits, so longer spans go in pieces.
    let piece = 1 << 30
    let inputCount = min(source.count - consumedBytes, piece)
    let outputCount = min(target.count, piece)
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: source.baseAddress.map { ($0 + consumedBytes).assumingMemoryBound(to: UInt8.self) })
    stream.pointee.avail_in = UInt32(inputCount)
    stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = UInt32(outputCount)
    let status = inflate(stream, Z_NO_FLUSH)
    consumedBytes += inputCount - Int(stream.pointee.avail_in)
    let written = outputCount - Int(stream.pointee.avail_out)
    switch status {
    case Z_STREAM_END: try finishMember()
    case Z_OK: break
    case Z_BUF_ERROR: throw .corrupt(path: path, reason: "the data ends within the compressed stream")
    default:
      let message = stream.pointee.msg.map { String(cString: $0) }
      throw .corrupt(path: path, reason: message ?? "zlib status \(status)")
    }
    return written
  }

  /// A gzip file may be several members one after another; a raw stream is just one.
  private mutating func finishMember() throws(DatasetError) {
    guard wrapping == .gzip, consumedBytes < source.count else {
      isAtEnd = true
      return
    }
    let status = inflateReset(stream)
    guard status == Z_OK else { throw .corrupt(path: path, reason: "zlib status \(status)") }
  }
}

extension InflatingReader {
  /// Whether `bytes` begin as gzip (RFC 1952).
  static func isGzip(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.count >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B
  }

  /// DEFLATE cannot expand by more than this factor, so a header that declares more lies.
  static let largestExpansion = 1032

  /// Inflates all of a gzip file whose format declares no size: measured first, then written once.
  static func inflateAll(
    _ source: UnsafeRawBufferPointer, path: String, limitBytes: Int
  ) throws(DatasetError) -> FileBytes {
    var measuring = try InflatingReader(source, wrapping: .gzip, path: path)
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
    defer { scratch.deallocate() }
    while try measuring.read(into: scratch) > 0 {
      guard measuring.producedBytes <= limitBytes else { throw .tooLarge(path: path, limitBytes: limitBytes) }
    }
    let byteCount = measuring.producedBytes
    return try FileBytes(byteCount: byteCount) { (target) throws(DatasetError) in
      var reader = try InflatingReader(source, wrapping: .gzip, path: path)
      try reader.readExactly(target, declaredBytes: byteCount)
    }
  }
}
