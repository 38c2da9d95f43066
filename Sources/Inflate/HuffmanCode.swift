/// A canonical Huffman code (RFC 1951, 3.2.2), decoded by one look-up for codes of up to ten bits and
/// length by length for the rare longer ones.
///
/// Works in `wordCount` words that the caller lends: a pointer costs nothing to pass, the tables
/// themselves would be copied. Every index is masked or bounded by counts that `build` has checked.
struct HuffmanCode {
  /// Look-up table, counts by length, symbols.
  static let wordCount = tableCount + 16 + 288

  private static let longestCode = 15
  private static let tableBits = 10
  private static let tableCount = 1 << tableBits

  private let words: UnsafeMutablePointer<UInt16>

  init(words: UnsafeMutablePointer<UInt16>) { self.words = words }

  /// symbol * 16 + code length by the next ten bits; 0 where the code is longer or there is none.
  private var table: UnsafeMutablePointer<UInt16> { words }
  /// How many codes there are of each length.
  private var counts: UnsafeMutablePointer<UInt16> { words + Self.tableCount }
  /// The symbols in the order of their codes.
  private var symbols: UnsafeMutablePointer<UInt16> { words + Self.tableCount + 16 }

  /// Builds the code of symbols `0..<count`, at most 288, of lengths up to 15; 0 is a symbol not used.
  ///
  /// As in zlib, an incomplete code is refused unless it has one symbol of one bit, or none at all
  /// (`mayBeIncomplete`).
  func build(
    _ lengths: UnsafeMutablePointer<UInt8>, count: Int, mayBeIncomplete: Bool
  ) throws(InflateError) {
    counts.update(repeating: 0, count: 16)
    for symbol in 0..<count { counts[Int(lengths[symbol] & 15)] &+= 1 }
    counts[0] = 0
    var offsets = InlineArray<16, Int>(repeating: 0)
    var unused = 1
    var longest = 0
    var offset = 0
    for length in 1...Self.longestCode {
      let used = Int(counts[length])
      unused = unused &* 2 &- used
      guard unused >= 0 else { throw .badCodeLengths }
      if used > 0 { longest = length }
      offsets[length] = offset
      offset &+= used
    }
    guard unused == 0 || (mayBeIncomplete && longest <= 1) else { throw .badCodeLengths }
    for symbol in 0..<count where lengths[symbol] > 0 {
      let length = Int(lengths[symbol] & 15)
      symbols[offsets[length]] = UInt16(truncatingIfNeeded: symbol)
      offsets[length] &+= 1
    }
    fillTable()
  }

  private func fillTable() {
    table.update(repeating: 0, count: Self.tableCount)
    var code = 0
    var index = 0
    for length in 1...Self.tableBits {
      for _ in 0..<Int(counts[length]) {
        let entry = symbols[index] << 4 | UInt16(truncatingIfNeeded: length)
        // The stream holds codes most significant bit first, the table is looked up the other way.
        var reversed = 0
        for bit in 0..<length { reversed |= (code &>> bit & 1) &<< (length &- 1 &- bit) }
        while reversed < Self.tableCount {
          table[reversed] = entry
          reversed &+= 1 &<< length
        }
        code &+= 1
        index &+= 1
      }
      code &<<= 1
    }
  }

  /// Takes the next symbol of bits already filled.
  @inline(__always)
  func decode(_ reader: inout BitReader) throws(InflateError) -> Int {
    let entry = table[Int(truncatingIfNeeded: reader.bits) & (Self.tableCount - 1)]
    guard entry != 0 else { return try decodeLong(&reader) }
    try reader.drop(Int(entry & 15))
    return Int(entry >> 4)
  }

  @inline(never)
  private func decodeLong(_ reader: inout BitReader) throws(InflateError) -> Int {
    var bits = reader.bits
    var code = 0
    var first = 0
    var index = 0
    for length in 1...Self.longestCode {
      code |= Int(truncatingIfNeeded: bits & 1)
      bits &>>= 1
      let count = Int(counts[length])
      if code &- first < count {
        try reader.drop(length)
        return Int(symbols[index &+ code &- first])
      }
      index &+= count
      first = (first &+ count) &<< 1
      code &<<= 1
    }
    // With too few bits left the zeros above them were looked at, so the cause is the end of the source.
    throw reader.count < Self.longestCode ? .truncated : .badCode
  }
}
