import CZlib
import Inflate
import ModelFormat
import Packing

/// A .pare file taken apart, so that damage reaches behind the checksum and the compression.
struct PackedFile {
  var head: [UInt8]
  /// Inflated; the stream of the network section as it is coded.
  var sections: [(kind: UInt32, raw: [UInt8])]
  /// What the network section holds.
  var network: NetworkContents

  /// Nil where the bytes are not a whole .pare file: seeds must be.
  init?(_ bytes: [UInt8]) {
    guard bytes.count > Header.byteCount,
      let network = try? bytes.withUnsafeBytes({ try NetworkContents(FileView($0)) })
    else { return nil }
    self.network = network
    head = Array(bytes[0..<Header.byteCount])
    sections = []
    let count = Int(PackedFile.word(bytes, 36))
    var offset = Header.byteCount + count * Header.sectionRecordBytes
    for index in 0..<count {
      let record = Header.byteCount + index * Header.sectionRecordBytes
      let compressed = Int(PackedFile.word(bytes, record + 4))
      var raw = [UInt8](repeating: 0, count: Int(PackedFile.word(bytes, record + 8)))
      let inflated: Void? = bytes[offset..<offset + compressed].withUnsafeBytes { source in
        raw.withUnsafeMutableBytes { target in try? inflate(source, into: target) }
      }
      guard inflated != nil else { return nil }
      sections.append((PackedFile.word(bytes, record), raw))
      offset += compressed
    }
  }

  /// The file with the network section coded again from `network`.
  func recoded() -> PackedFile {
    var file = self
    guard let place = sections.firstIndex(where: { $0.kind == SectionKind.network.rawValue }),
      let stream = try? network.encoded()
    else { return file }
    file.sections[place].raw = stream
    return file
  }

  /// The file put together again, with right sizes and a right checksum.
  func assembled() -> [UInt8] {
    let streams = sections.map { PackedFile.deflated($0.raw) }
    var bytes = head
    PackedFile.store(UInt32(sections.count), &bytes, 36)
    for (section, stream) in zip(sections, streams) {
      for word in [section.kind, UInt32(stream.count), UInt32(section.raw.count)] {
        bytes += (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * UInt32($0))) }
      }
    }
    bytes += streams.joined()
    return PackedFile.sealed(bytes)
  }

  /// The same bytes with the size and the checksum set right.
  static func sealed(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.count > Header.byteCount else { return bytes }
    var bytes = bytes
    store(UInt32(bytes.count), &bytes, 8)
    let checksum = bytes[Header.checksumStart...].withUnsafeBytes(CRC32.of)
    store(checksum, &bytes, 12)
    return bytes
  }

  private static func deflated(_ raw: [UInt8]) -> [UInt8] {
    var size = compressBound(uLong(raw.count))
    var target = [UInt8](repeating: 0, count: Int(size))
    compress2(&target, &size, raw, uLong(raw.count), 1)
    return Array(target[0..<Int(size)])
  }

  private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << (8 * UInt32($1)) }
  }

  private static func store(_ word: UInt32, _ bytes: inout [UInt8], _ offset: Int) {
    for byte in 0..<4 { bytes[offset + byte] = UInt8(truncatingIfNeeded: word >> (8 * UInt32(byte))) }
  }
}
