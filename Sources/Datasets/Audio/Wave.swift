/// A RIFF WAVE file (Microsoft and IBM, "Multimedia Programming Interface", 1991) of integers of 8, 16, 24 or 32 bits
/// or of float32, with any number of channels.
struct Wave {
  private enum Encoding { case uint8, int16, int24, int32, float32 }

  let sampleRate: Int
  /// Samples of each channel.
  let frameCount: Int
  private let path: String
  private let encoding: Encoding
  private let channels: Int
  private let data: UnsafeRawBufferPointer

  /// Finds the format and the samples, checking every size against the file; `bytes` must outlive the value.
  ///
  /// Throws `malformed`, `truncated`, and `unsupportedVariant` for other encodings.
  init(_ bytes: UnsafeRawBufferPointer, path: String) throws(DatasetError) {
    guard bytes.count >= 12, bytes.starts(with: "RIFF".utf8), bytes[8..<12].elementsEqual("WAVE".utf8) else {
      throw .malformed(path: path, field: "first bytes", expected: "RIFF and WAVE", found: "others")
    }
    var format: UnsafeRawBufferPointer?
    var position = 12
    while position + 8 <= bytes.count {
      let name = bytes[position..<position + 4]
      let size = bytes.littleEndian(at: position + 4, bytes: 4) ?? 0
      let end = position + 8 + size
      guard end <= bytes.count else { throw .truncated(path: path, expectedBytes: end, foundBytes: bytes.count) }
      let chunk = UnsafeRawBufferPointer(rebasing: bytes[position + 8..<end])
      if name.elementsEqual("fmt ".utf8) { format = chunk }
      if name.elementsEqual("data".utf8) {
        guard let format else {
          throw .malformed(path: path, field: "chunks", expected: "fmt before data", found: "data alone")
        }
        try self.init(format: format, data: chunk, path: path)
        return
      }
      // Chunks begin at even places.
      position = end + size % 2
    }
    throw .malformed(path: path, field: "chunks", expected: "fmt and data", found: "no data")
  }

  private init(
    format: UnsafeRawBufferPointer, data: UnsafeRawBufferPointer, path: String
  ) throws(DatasetError) {
    guard var tag = format.littleEndian(at: 0, bytes: 2), let channels = format.littleEndian(at: 2, bytes: 2),
      let rate = format.littleEndian(at: 4, bytes: 4), let blockBytes = format.littleEndian(at: 12, bytes: 2),
      let bits = format.littleEndian(at: 14, bytes: 2)
    else {
      throw .malformed(path: path, field: "fmt chunk", expected: "at least 16 bytes", found: String(format.count))
    }
    // The extensible format tells the encoding in the first bytes of an identifier.
    if tag == 0xFFFE, let inner = format.littleEndian(at: 24, bytes: 2) { tag = inner }
    switch (tag, bits) {
    case (1, 8): encoding = .uint8
    case (1, 16): encoding = .int16
    case (1, 24): encoding = .int24
    case (1, 32): encoding = .int32
    case (3, 32): encoding = .float32
    default: throw .unsupportedVariant(path: path, found: "WAV encoding \(tag) with \(bits) bits")
    }
    guard channels > 0, blockBytes == channels * bits / 8 else {
      throw .malformed(
        path: path, field: "block size", expected: "\(channels) x \(bits / 8) bytes", found: String(blockBytes))
    }
    guard data.count % blockBytes == 0, !data.isEmpty else {
      throw .malformed(
        path: path, field: "data chunk", expected: "a positive multiple of \(blockBytes) bytes",
        found: String(data.count))
    }
    self.path = path
    self.channels = channels
    self.data = data
    sampleRate = rate
    frameCount = data.count / blockBytes
  }

  /// The first `count` samples, the mean of all channels, from -1 up to 1 for integers; zeros after the end.
  ///
  /// Throws `malformed` for a float that is not finite.
  func samples(_ count: Int) throws(DatasetError) -> [Float] {
    var result = [Float](repeating: 0, count: count)
    for frame in 0..<min(count, frameCount) {
      var sum: Float = 0
      for channel in 0..<channels { sum += sample(frame * channels + channel) }
      result[frame] = sum / Float(channels)
      guard result[frame].isFinite else {
        throw .malformed(path: path, field: "sample \(frame)", expected: "a finite number", found: "\(result[frame])")
      }
    }
    return result
  }

  private func sample(_ index: Int) -> Float {
    switch encoding {
    case .uint8: return (Float(data[index]) - 128) / 128
    case .int16:
      return Float(Int16(littleEndian: data.loadUnaligned(fromByteOffset: 2 * index, as: Int16.self))) / 32_768
    case .int24:
      let low = UInt32(data[3 * index]) << 8 | UInt32(data[3 * index + 1]) << 16
      return Float(Int32(bitPattern: low | UInt32(data[3 * index + 2]) << 24)) / 2_147_483_648
    case .int32:
      return Float(Int32(littleEndian: data.loadUnaligned(fromByteOffset: 4 * index, as: Int32.self))) / 2_147_483_648
    case .float32:
      return Float(bitPattern: UInt32(littleEndian: data.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))
    }
  }
}
