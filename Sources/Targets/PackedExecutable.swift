import CZlib
import Foundation

/// An executable that holds another one compressed and unpacks it into memory when it starts.
///
/// Layout: ELF header, the unpacker, its payload header (entry, memory to map, a row for each segment), then
/// each segment as raw DEFLATE. The unpacker is `Unpacker/unpack.c`.
struct PackedExecutable {
  let bytes: Data

  /// Where the unpacker stands in its page; its linker script says the same.
  private static let unpackerOffset = 128

  /// Nil where `executable` is not of the kind that the cross-build makes.
  init?(_ executable: Data, unpacker: Data) {
    guard let elf = ELFFile(executable) else { return nil }
    let pageBytes = elf.segments.map(\.alignment).max() ?? 4096
    let start = elf.segments.map(\.address).min().map { $0 / pageBytes * pageBytes } ?? 0
    let end = elf.segments.map { $0.address + UInt64($0.memoryBytes) }.max() ?? 0
    var head: [UInt64] = [elf.entry, start, end - start, UInt64(elf.segments.count)]
    var streams = Data()
    for segment in elf.segments {
      let raw = executable[segment.offset..<segment.offset + segment.fileBytes]
      let isCode = segment.flags & 1 == 1
      let content = isCode ? AbsoluteCalls.made(in: Data(raw), machine: elf.machine) : Data(raw)
      guard let packed = PackedExecutable.deflate(content) else { return nil }
      let pageStart = segment.address / pageBytes * pageBytes
      // ELF counts read 4, write 2, execute 1; mprotect the other way round.
      let protection = UInt64(segment.flags >> 2 & 1 | segment.flags & 2 | (segment.flags & 1) << 2)
      head += [segment.address, UInt64(raw.count), UInt64(packed.count)]
      head += [pageStart, segment.address + UInt64(segment.memoryBytes) - pageStart, protection]
      streams += packed
    }
    // Far enough behind the program's memory that both have pages of their own.
    let address = (end / pageBytes + 2) * pageBytes
    let entryOffset = PackedExecutable.unpackerOffset
    var body = Data(count: entryOffset - elf.headerBytes) + unpacker
    for word in head { withUnsafeBytes(of: word.littleEndian) { body.append(contentsOf: $0) } }
    // The unpacker reads up to four bytes ahead.
    body += streams + Data(count: 4)
    bytes =
      ELFFile.header(
        like: elf, fileBytes: elf.headerBytes + body.count, address: address, entryOffset: entryOffset,
        alignment: pageBytes) + body
  }

  /// Raw DEFLATE at zlib's best level.
  private static func deflate(_ bytes: Data) -> Data? {
    var stream = z_stream()
    let status = deflateInit2_(
      &stream, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else { return nil }
    defer { deflateEnd(&stream) }
    var source = [UInt8](bytes)
    var target = [UInt8](repeating: 0, count: Int(deflateBound(&stream, uLong(bytes.count))))
    let isComplete = source.withUnsafeMutableBufferPointer { source in
      target.withUnsafeMutableBufferPointer { target in
        stream.next_in = source.baseAddress
        stream.avail_in = uInt(source.count)
        stream.next_out = target.baseAddress
        stream.avail_out = uInt(target.count)
        return CZlib.deflate(&stream, Z_FINISH) == Z_STREAM_END
      }
    }
    return isComplete ? Data(target.prefix(Int(stream.total_out))) : nil
  }
}
