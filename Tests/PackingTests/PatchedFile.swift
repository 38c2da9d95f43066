import Inflate
import ModelFormat
import Packing
import Testing

/// A .pare file whose program can be changed word by word, and put together again with right sizes and checksum.
struct PatchedFile {
  private let head: [UInt8]
  private let records: [SectionRecord]
  private let streams: [[UInt8]]
  /// The words of the program section.
  var program: [UInt32]

  init(_ bytes: [UInt8]) throws {
    var reader = PatchedFile.words(bytes[0..<bytes.count / 4 * 4])[...]
    let count = Int(reader[Header.byteCount / 4 - 1])
    reader = reader[(Header.byteCount / 4)...]
    var offset = Header.byteCount + count * Header.sectionRecordBytes
    var records: [SectionRecord] = []
    var streams: [[UInt8]] = []
    var program: [UInt8] = []
    for index in 0..<count {
      let word = reader.startIndex + index * 3
      let kind = try #require(SectionKind(rawValue: reader[word]))
      let (compressed, raw) = (Int(reader[word + 1]), Int(reader[word + 2]))
      records.append(SectionRecord(kind: kind, compressedBytes: compressed, rawBytes: raw))
      streams.append(Array(bytes[offset..<offset + compressed]))
      if kind == .program {
        program = [UInt8](repeating: 0, count: raw)
        try program.withUnsafeMutableBytes { target in
          try bytes[offset..<offset + compressed].withUnsafeBytes { try inflate($0, into: target) }
        }
      }
      offset += compressed
    }
    head = Array(bytes[0..<Header.byteCount])
    self.records = records
    self.streams = streams
    self.program = PatchedFile.words(program[...])
  }

  /// Where the fields of the first step of `code` begin in `program`.
  func fields(of code: StepCode) throws -> Int {
    var position = 4 + Int(program[0]) * 4
    for _ in 0..<Int(program[1]) + Int(program[2]) { position += 2 + Int(program[position + 1]) }
    while position < program.count {
      if program[position] & 0xFF == UInt32(code.rawValue) { return position + 1 }
      position += 1 + Int(program[position] >> 8)
    }
    throw PatchError.noSuchStep
  }

  enum PatchError: Error { case noSuchStep }

  func assembled() throws -> [UInt8] {
    var sections: [(SectionRecord, [UInt8])] = []
    for (record, stream) in zip(records, streams) {
      guard record.kind == SectionKind.program.rawValue else {
        sections.append((record, stream))
        continue
      }
      let packed = try Deflate.compress(program.flatMap(PatchedFile.bytes))
      sections.append(
        (SectionRecord(kind: .program, compressedBytes: packed.count, rawBytes: program.count * 4), packed))
    }
    var file = head
    for (record, _) in sections {
      for word in [record.kind, UInt32(record.compressedBytes), UInt32(record.rawBytes)] {
        file += PatchedFile.bytes(word)
      }
    }
    file += sections.map(\.1).joined()
    file.replaceSubrange(8..<12, with: PatchedFile.bytes(UInt32(file.count)))
    let checksum = file[Header.checksumStart...].withUnsafeBytes { CRC32.of($0) }
    file.replaceSubrange(12..<16, with: PatchedFile.bytes(checksum))
    return file
  }

  private static func bytes(_ word: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * UInt32($0))) }
  }

  private static func words(_ bytes: ArraySlice<UInt8>) -> [UInt32] {
    stride(from: bytes.startIndex, to: bytes.endIndex, by: 4).map { start in
      (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << (8 * UInt32($1)) }
    }
  }
}
