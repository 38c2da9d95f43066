/// Replaces the golden section of a .pare file by one that no step agrees with; docs/format.md has the layout.
enum WrongGoldenVectors {
  static func put(into file: [UInt8], steps: Int) -> [UInt8] {
    let sectionCount = Int(word(file, 36))
    var table: [(kind: UInt32, compressed: Int, raw: UInt32)] = []
    for index in 0..<sectionCount {
      let record = 40 + 12 * index
      table.append((word(file, record), Int(word(file, record + 4)), word(file, record + 8)))
    }
    var offset = 40 + 12 * sectionCount
    var records: [UInt8] = []
    var contents: [UInt8] = []
    for section in table {
      var stream = Array(file[offset..<offset + section.compressed])
      var rawBytes = section.raw
      if section.kind == 3 {
        let golden = golden(steps: steps)
        stream = stored(golden)
        rawBytes = UInt32(golden.count)
      }
      records += bytes(section.kind) + bytes(UInt32(stream.count)) + bytes(rawBytes)
      contents += stream
      offset += section.compressed
    }
    let body = Array(file[16..<40]) + records + contents
    return Array(file[0..<8]) + bytes(UInt32(body.count + 16)) + bytes(crc32(body)) + body
  }

  /// One vector for one input: scale 1, offset 0, no modulus, seed 1, and a checksum of 0 for every step.
  private static func golden(steps: Int) -> [UInt8] {
    let words: [UInt32] = [1, 1, UInt32(steps), Float(1).bitPattern, 0, 0, 1]
    return (words + [UInt32](repeating: 0, count: steps)).flatMap(bytes)
  }

  /// A zlib stream of one stored block.
  private static func stored(_ raw: [UInt8]) -> [UInt8] {
    let count = UInt16(raw.count)
    let lengths = [count, ~count].flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
    var a: UInt32 = 1
    var b: UInt32 = 0
    for byte in raw {
      a = (a + UInt32(byte)) % 65_521
      b = (b + a) % 65_521
    }
    return [0x78, 0x01, 0x01] + lengths + raw + bytes(b << 16 | a).reversed()
  }

  private static func crc32(_ bytes: [UInt8]) -> UInt32 {
    var crc: UInt32 = .max
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
    return ~crc
  }

  private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << (8 * UInt32($1)) }
  }

  private static func bytes(_ word: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * UInt32($0))) }
  }
}
