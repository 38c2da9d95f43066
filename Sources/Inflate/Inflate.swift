/// Decodes one zlib stream (RFC 1950, 1951) that must fill `target` exactly.
///
/// Reads only within `source` and writes only within `target`; whatever the bytes are, the result is
/// the output or an error. Works in about 6 KB of stack and allocates nothing. After an error the
/// content of `target` is unspecified.
public func inflate(
  _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
) throws(InflateError) {
  guard source.count >= 2 else { throw .truncated }
  let header = UInt16(source[0]) << 8 | UInt16(source[1])
  // Method 8, window of at most 32 KB, check bits, no preset dictionary.
  guard header & 0x0f00 == 0x0800, header >> 12 <= 7, header % 31 == 0, header & 0x20 == 0 else {
    throw .badHeader(header)
  }
  var words = InlineArray<2656, UInt16>(repeating: 0)
  var lengths = InlineArray<320, UInt8>(repeating: 0)
  try withUnsafeMutableBytes(of: &words) { (words) throws(InflateError) in
    try withUnsafeMutableBytes(of: &lengths) { (lengths) throws(InflateError) in
      guard let words = words.baseAddress, let lengths = lengths.baseAddress else { return }
      var decoder = BlockDecoder(
        source, target, words.assumingMemoryBound(to: UInt16.self), lengths.assumingMemoryBound(to: UInt8.self))
      while try !decoder.decodeBlock() {}
      try decoder.finish()
    }
  }
}

/// The state of one call of `inflate`.
private struct BlockDecoder: ~Copyable {
  private var reader: BitReader
  private let target: UnsafeMutableRawBufferPointer
  private var produced = 0
  /// Room for 320 code lengths: those of 288 and 32 symbols of a fixed block, or 286 and 30 of another.
  private let lengths: UnsafeMutablePointer<UInt8>
  private let literals: HuffmanCode
  private let distances: HuffmanCode

  init(
    _ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer,
    _ words: UnsafeMutablePointer<UInt16>, _ lengths: UnsafeMutablePointer<UInt8>
  ) {
    reader = BitReader(source, from: 2)
    self.target = target
    self.lengths = lengths
    literals = HuffmanCode(words: words)
    distances = HuffmanCode(words: words + HuffmanCode.wordCount)
  }

  /// Decodes one block and returns whether it is the last.
  mutating func decodeBlock() throws(InflateError) -> Bool {
    reader.refill()
    let isLast = try reader.take(1) == 1
    switch try reader.take(2) {
    case 0:
      try copyStored()
      return isLast
    case 1: try buildFixedCodes()
    case 2: try readCodes()
    default: throw .badBlockType
    }
    try decodeSymbols()
    return isLast
  }

  /// Checks that the output is complete, that its Adler-32 agrees and that nothing follows.
  mutating func finish() throws(InflateError) {
    guard produced == target.count else { throw .outputTooShort(expected: target.count, found: produced) }
    reader.align()
    reader.refill()
    let expected = UInt32(truncatingIfNeeded: try reader.take(32)).byteSwapped
    let found = adler32(UnsafeRawBufferPointer(target))
    guard expected == found else { throw .checksum(expected: expected, found: found) }
    guard reader.remainingBytes == 0 else { throw .trailingBytes(count: reader.remainingBytes) }
  }

  private mutating func copyStored() throws(InflateError) {
    reader.align()
    reader.refill()
    let pair = try reader.take(32)
    let length = pair & 0xffff
    // Shifted down with its sign where Int has 32 bits.
    guard length ^ (pair >> 16 & 0xffff) == 0xffff else { throw .badStoredLength }
    guard length <= target.count - produced else { throw .outputTooLong(expected: target.count) }
    guard length > 0, let base = target.baseAddress else { return }
    try reader.copy(length, to: base + produced)
    produced += length
  }

  private mutating func buildFixedCodes() throws(InflateError) {
    for symbol in 0..<320 {
      lengths[symbol] = symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : symbol < 288 ? 8 : 5
    }
    try literals.build(lengths, count: 288, mayBeIncomplete: false)
    try distances.build(lengths + 288, count: 32, mayBeIncomplete: false)
  }

  /// Reads the codes of a dynamic block (RFC 1951, 3.2.7).
  private mutating func readCodes() throws(InflateError) {
    reader.refill()
    let counts = try reader.take(14)
    let literalCount = counts & 31 + 257
    let distanceCount = counts >> 5 & 31 + 1
    let lengthCount = counts >> 10 + 4
    guard literalCount <= 286, distanceCount <= 30 else { throw .badCodeLengths }
    let order: InlineArray<19, UInt8> = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
    for index in 0..<19 {
      reader.refill()
      lengths[Int(order[index])] = index < lengthCount ? UInt8(try reader.take(3)) : 0
    }
    // The code of the code lengths stands where that of the literals will.
    try literals.build(lengths, count: 19, mayBeIncomplete: false)
    try readCodeLengths(literalCount + distanceCount)
    guard lengths[256] > 0 else { throw .badCodeLengths }
    try literals.build(lengths, count: literalCount, mayBeIncomplete: true)
    try distances.build(lengths + literalCount, count: distanceCount, mayBeIncomplete: true)
  }

  private mutating func readCodeLengths(_ count: Int) throws(InflateError) {
    var index = 0
    while index < count {
      reader.refill()
      let symbol = try literals.decode(&reader)
      guard symbol >= 16 else {
        lengths[index] = UInt8(truncatingIfNeeded: symbol)
        index += 1
        continue
      }
      guard symbol != 16 || index > 0 else { throw .badCodeLengths }
      let value = symbol == 16 ? lengths[index - 1] : 0
      let extra = symbol == 16 ? 2 : symbol == 17 ? 3 : 7
      let times = try reader.take(extra) + (symbol == 18 ? 11 : 3)
      guard times <= count - index else { throw .badCodeLengths }
      for offset in 0..<times { lengths[index + offset] = value }
      index += times
    }
  }

  private mutating func decodeSymbols() throws(InflateError) {
    while true {
      // One filling serves a whole match: 15 + 5 + 15 + 13 = 48 bits.
      reader.refill()
      let symbol = try literals.decode(&reader)
      if symbol < 256 {
        guard produced < target.count else { throw .outputTooLong(expected: target.count) }
        target[produced] = UInt8(truncatingIfNeeded: symbol)
        produced &+= 1
        continue
      }
      if symbol == 256 { return }
      guard symbol < 286 else { throw .badCode }
      let length = try readLength(symbol &- 257)
      let distanceSymbol = try distances.decode(&reader)
      guard distanceSymbol < 30 else { throw .badCode }
      let distance = try readDistance(distanceSymbol)
      guard distance <= produced else { throw .distanceTooFar(distance: distance, available: produced) }
      guard length <= target.count &- produced else { throw .outputTooLong(expected: target.count) }
      copyMatch(length, from: distance)
    }
  }

  /// The length of match symbol 257 + `index` (RFC 1951, 3.2.5): four symbols to a power of two.
  @inline(__always)
  private mutating func readLength(_ index: Int) throws(InflateError) -> Int {
    if index < 8 { return index + 3 }
    if index == 28 { return 258 }
    let extra = index / 4 - 1
    return (4 + index % 4) &<< extra &+ 3 &+ (try reader.take(extra))
  }

  /// The distance of symbol `index`: two symbols to a power of two.
  @inline(__always)
  private mutating func readDistance(_ index: Int) throws(InflateError) -> Int {
    if index < 4 { return index + 1 }
    let extra = index / 2 - 1
    return (2 + index % 2) &<< extra &+ 1 &+ (try reader.take(extra))
  }

  /// Repeats `length` bytes from `distance` back; the caller has checked both against the output.
  @inline(__always)
  private mutating func copyMatch(_ length: Int, from distance: Int) {
    guard let base = target.baseAddress else { return }
    var output = base + produced
    produced &+= length
    if distance >= 8, target.count - produced >= 8 {
      // Whole words may run up to seven bytes past the match, but not past the target.
      var left = length
      while left > 0 {
        let word = (output - distance).loadUnaligned(as: UInt64.self)
        output.storeBytes(of: word, as: UInt64.self)
        output += 8
        left -= 8
      }
    } else {
      for _ in 0..<length {
        output.storeBytes(of: (output - distance).load(as: UInt8.self), as: UInt8.self)
        output += 1
      }
    }
  }
}
