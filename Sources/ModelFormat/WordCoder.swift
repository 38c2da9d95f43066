/// Reads or writes the 32-bit little-endian words that records are made of.
///
/// A record lists its fields once, in `code(_:)` or as `StepRecord.fields`; reading and writing are the same walk, so
/// the two cannot disagree.
public protocol WordCoder: ~Copyable {
  mutating func word(_ value: inout UInt32) throws(FormatError)
}

extension WordCoder where Self: ~Copyable {
  /// A count, extent or offset: 0 ... 2^31 - 1.
  @inline(never)
  public mutating func count(_ value: inout Int) throws(FormatError) {
    var raw = UInt32(truncatingIfNeeded: value)
    try word(&raw)
    guard raw <= UInt32(Int32.max) else { throw .valueOutOfRange(found: raw) }
    value = Int(raw)
  }

  public mutating func stride(_ value: inout Int) throws(FormatError) {
    var raw = UInt32(truncatingIfNeeded: value)
    try word(&raw)
    value = Int(Int32(bitPattern: raw))
  }

  public mutating func float(_ value: inout Float) throws(FormatError) {
    var raw = value.bitPattern
    try word(&raw)
    value = Float(bitPattern: raw)
  }

  public mutating func tensor(_ value: inout TensorIndex) throws(FormatError) {
    try word(&value.rawValue)
  }

  /// The memory of a step's record, field by field; `fields` as `StepRecord` says.
  @inline(never)
  mutating func record(_ memory: UnsafeMutableRawPointer, _ fields: StaticString) throws(FormatError) {
    var place = memory
    for index in 0..<fields.utf8CodeUnitCount {
      let kind = fields.utf8Start[index]
      if kind == UInt8(ascii: " ") { continue }
      guard kind == UInt8(ascii: "c") || kind == UInt8(ascii: "s") else {
        try word(&place.assumingMemoryBound(to: UInt32.self).pointee)
        place += 4
        continue
      }
      place = place.alignedUp(for: Int.self)
      let number = place.assumingMemoryBound(to: Int.self)
      if kind == UInt8(ascii: "c") { try count(&number.pointee) } else { try stride(&number.pointee) }
      place += MemoryLayout<Int>.size
    }
  }
}

/// Position of a tensor in the program's tensor table; `none` where an operand is left out.
public struct TensorIndex: BitwiseCopyable, Equatable, Sendable {
  public var rawValue: UInt32
  public init(_ index: Int) { rawValue = UInt32(truncatingIfNeeded: index) }
  public static var none: TensorIndex { TensorIndex(-1) }
  public var isNone: Bool { rawValue == UInt32.max }
}

/// Reads words from bytes of a checked extent.
public struct WordReader: WordCoder {
  private let bytes: UnsafeRawBufferPointer
  private var offset: Int
  private let end: Int

  public init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    offset = 0
    end = bytes.count
  }

  public var isAtEnd: Bool { offset == end }
  public var remainingWords: Int { (end - offset) / 4 }

  // Out of line: every field of every record passes here.
  @inline(never)
  public mutating func word(_ value: inout UInt32) throws(FormatError) {
    guard end - offset >= 4 else { throw .truncated }
    value = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    offset += 4
  }

  public mutating func next() throws(FormatError) -> UInt32 {
    var value: UInt32 = 0
    try word(&value)
    return value
  }

  /// All words there are, as a step's record; there must be as many as it has fields.
  @inline(never)
  mutating func whole(_ memory: UnsafeMutableRawPointer, _ fields: StaticString) throws(FormatError) {
    let expected = remainingWords
    try record(memory, fields)
    guard isAtEnd else {
      throw .recordSize(
        expected: UInt32(truncatingIfNeeded: expected - remainingWords), found: UInt32(truncatingIfNeeded: expected))
    }
  }

  /// A reader over the next `words` words, which this reader then passes over.
  public mutating func split(words: Int) throws(FormatError) -> WordReader {
    guard words >= 0, words <= remainingWords else { throw .truncated }
    let part = WordReader(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + words * 4]))
    offset += words * 4
    return part
  }
}

/// Why bytes are not a .pare file that this version reads.
public enum FormatError: Error, Equatable, Sendable {
  case notAModel
  case unsupportedVersion(found: UInt32)
  case unsupportedFlags(found: UInt32)
  case truncated
  case sizeMismatch(expected: UInt32, found: UInt32)
  case checksumMismatch(expected: UInt32, found: UInt32)
  case unknownSection(found: UInt32)
  case duplicateSection(found: UInt32)
  case missingSection(expected: UInt32)
  case unknownStep(found: UInt32)
  case unknownType(found: UInt32)
  case unknownFunction(found: UInt32)
  case valueOutOfRange(found: UInt32)
  /// A record is longer or shorter than its step code says.
  case recordSize(expected: UInt32, found: UInt32)
}
