import Foundation

/// What packing needs to know of a static executable (System V ABI, ELF, chapters 4 and 5).
struct ELFFile {
  struct Segment {
    var flags: UInt32
    var offset: Int
    var address: UInt64
    var fileBytes: Int
    var memoryBytes: Int
    var alignment: UInt64
  }

  /// Whether addresses are of 64 bits.
  let isWide: Bool
  let machine: UInt16
  /// Processor flags of the file header.
  let flags: UInt32
  let entry: UInt64
  /// The segments to load, in the order of their addresses.
  let segments: [Segment]

  /// Nil where the bytes are not a little-endian executable.
  init?(_ file: Data) {
    let bytes = [UInt8](file.prefix(4096))
    guard bytes.count >= 64, bytes[0...3].elementsEqual([0x7f, 0x45, 0x4c, 0x46]), bytes[5] == 1 else { return nil }
    isWide = bytes[4] == 2
    let isWide = isWide
    func number(_ offset: Int, _ width: Int) -> UInt64 {
      (0..<width).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
    }
    machine = UInt16(number(18, 2))
    let word = isWide ? 8 : 4
    entry = number(24, word)
    let tableOffset = Int(number(24 + word, word))
    flags = UInt32(number(24 + 3 * word, 4))
    let entryBytes = Int(number(24 + 3 * word + 6, 2))
    let count = Int(number(24 + 3 * word + 8, 2))
    guard entryBytes == (isWide ? 56 : 32), count * entryBytes + tableOffset <= bytes.count else { return nil }
    var segments: [Segment] = []
    for index in 0..<count {
      let row = tableOffset + index * entryBytes
      guard number(row, 4) == 1 else { continue }
      let flags = UInt32(number(row + (isWide ? 4 : 24), 4))
      let fields = row + (isWide ? 8 : 4)
      segments.append(
        Segment(
          flags: flags, offset: Int(number(fields, word)), address: number(fields + word, word),
          fileBytes: Int(number(fields + 3 * word, word)), memoryBytes: Int(number(fields + 4 * word, word)),
          alignment: number(isWide ? row + 48 : row + 28, word)))
      guard let last = segments.last, last.offset + last.fileBytes <= file.count else { return nil }
    }
    guard !segments.isEmpty else { return nil }
    self.segments = segments
  }

  /// The head of an executable of one readable and executable segment, which is the whole file.
  static func header(like file: ELFFile, fileBytes: Int, address: UInt64, entryOffset: Int, alignment: UInt64) -> Data {
    var data = Data([0x7f, 0x45, 0x4c, 0x46, file.isWide ? 2 : 1, 1, 1, 0]) + Data(count: 8)
    let word = file.isWide ? 8 : 4
    func append(_ value: UInt64, _ width: Int) {
      for byte in 0..<width { data.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * byte))) }
    }
    let headerBytes = file.isWide ? 64 : 52
    append(2, 2)
    append(UInt64(file.machine), 2)
    append(1, 4)
    append(address + UInt64(entryOffset), word)
    append(UInt64(headerBytes), word)
    append(0, word)
    append(UInt64(file.flags), 4)
    for field in [headerBytes, file.isWide ? 56 : 32, 1, 0, 0, 0] { append(UInt64(field), 2) }
    let readAndExecute: UInt64 = 5
    append(1, 4)
    if file.isWide { append(readAndExecute, 4) }
    for field in [0, address, address, UInt64(fileBytes), UInt64(fileBytes)] { append(field, word) }
    if !file.isWide { append(readAndExecute, 4) }
    append(alignment, word)
    return data
  }

  /// Bytes of what `header` gives.
  var headerBytes: Int { isWide ? 64 + 56 : 52 + 32 }
}
