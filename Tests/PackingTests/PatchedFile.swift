import EntropyCoding
import ModelFormat
import Packing
import Testing

/// A .pare file whose program can be changed word by word, and put together again with right sizes and checksum.
struct PatchedFile {
  private let head: [UInt8]
  private var network: NetworkContents
  /// The weights sections.
  private let weights: [(rawBytes: Int, stream: [UInt8])]
  /// The words of the program.
  var program: [UInt32]

  init(_ bytes: [UInt8]) throws {
    head = Array(bytes[0..<Header.byteCount])
    (network, weights) = try bytes.withUnsafeBytes { bytes in
      let view = try FileView(bytes)
      let sections = (0...).lazy.map { view.section(.weights, $0) }.prefix { $0 != nil }
      return (try NetworkContents(view), sections.compactMap { $0.map { ($0.rawBytes, Array($0.compressed)) } })
    }
    program = PatchedFile.words(network.program[...])
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
    var network = network
    network.program = program.flatMap(PatchedFile.bytes)
    let stream = try network.encoded()
    let sections =
      [(SectionKind.network, stream.count, try Deflate.compress(stream))]
      + weights.map { (SectionKind.weights, $0.rawBytes, $0.stream) }
    var file = head
    file.replaceSubrange(36..<40, with: PatchedFile.bytes(UInt32(sections.count)))
    for (kind, rawBytes, stream) in sections {
      for word in [kind.rawValue, UInt32(stream.count), UInt32(rawBytes)] { file += PatchedFile.bytes(word) }
    }
    file += sections.map(\.2).joined()
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
