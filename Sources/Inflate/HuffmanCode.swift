/// A canonical Huffman code (RFC 1951, 3.2.2), decoded by one look-up for codes of up to ten bits and
/// length by length for the rare longer ones.
struct HuffmanCode: ~Copyable {
  static let longestCode = 15
  private static let tableBits = 10

  /// symbol * 16 + code length by the next ten bits; 0 where the code is longer or there is none.
  private var table = InlineArray<1024, UInt16>(repeating: 0)
  /// How many codes there are of each length.
  private var counts = InlineArray<16, UInt16>(repeating: 0)
  /// The symbols in the order of their codes.
  private var symbols = InlineArray<288, UInt16>(repeating: 0)

  /// Builds the code of symbols `0..<count` from `lengths[start...]`, 0 for a symbol that is not used.
  ///
  /// As in zlib, an incomplete code is refused unless it has one symbol of one bit, or none at all
  /// (`mayBeIncomplete`).
  mutating func build(
    _ lengths: borrowing InlineArray<320, UInt8>, from start: Int, count: Int, mayBeIncomplete: Bool
  ) throws(InflateError) {
    for length in 0...Self.longestCode { counts[length] = 0 }
    for symbol in 0..<count { counts[Int(lengths[start + symbol])] += 1 }
    counts[0] = 0
    var offsets = InlineArray<16, UInt16>(repeating: 0)
    var unused = 1
    var longest = 0
    for length in 1...Self.longestCode {
      unused = unused * 2 - Int(counts[length])
      guard unused >= 0 else { throw .badCodeLengths }
      if counts[length] > 0 { longest = length }
      if length < Self.longestCode { offsets[length + 1] = offsets[length] + counts[length] }
    }
    guard unused == 0 || (mayBeIncomplete && longest <= 1) else { throw .badCodeLengths }
    for symbol in 0..<count {
      let length = Int(lengths[start + symbol])
      guard length > 0 else { continue }
      symbols[Int(offsets[length])] = UInt16(symbol)
      offsets[length] += 1
    }
    fillTable()
  }

  private mutating func fillTable() {
    for index in 0..<(1 << Self.tableBits) { table[index] = 0 }
    var code = 0
    var index = 0
    for length in 1...Self.tableBits {
      for _ in 0..<Int(counts[length]) {
        let entry = symbols[index] << 4 | UInt16(length)
        // The stream holds codes most significant bit first, the table is looked up the other way.
        var reversed = 0
        for bit in 0..<length where code >> bit & 1 == 1 { reversed |= 1 << (length - 1 - bit) }
        while reversed < 1 << Self.tableBits {
          table[reversed] = entry
          reversed += 1 << length
        }
        code += 1
        index += 1
      }
      code <<= 1
    }
  }

  /// Takes the next symbol of bits already filled.
  @inline(__always)
  func decode(_ reader: inout BitReader) throws(InflateError) -> Int {
    let entry = table[Int(truncatingIfNeeded: reader.bits & 1023)]
    guard entry != 0 else { return try decodeLong(&reader) }
    try reader.drop(Int(entry & 15))
    return Int(entry >> 4)
  }

  private func decodeLong(_ reader: inout BitReader) throws(InflateError) -> Int {
    var bits = reader.bits
    var code = 0
    var first = 0
    var index = 0
    for length in 1...Self.longestCode {
      code |= Int(bits & 1)
      bits >>= 1
      let count = Int(counts[length])
      if code - first < count {
        try reader.drop(length)
        return Int(symbols[index + code - first])
      }
      index += count
      first = (first + count) << 1
      code <<= 1
    }
    // With too few bits left the zeros above them were looked at, so the cause is the end of the source.
    throw reader.count < Self.longestCode ? .truncated : .badCode
  }
}
