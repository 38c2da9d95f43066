/// The fixed head of a .pare file: 40 bytes, little-endian; the section table follows.
public struct Header: Equatable, Sendable {
  /// "PARE" read as a little-endian word.
  public static var magic: UInt32 { 0x4552_4150 }
  public static var version: UInt32 { 2 }
  public static var byteCount: Int { 40 }
  /// The checksum covers every byte from here to the end of the file.
  public static var checksumStart: Int { 16 }
  public static var sectionRecordBytes: Int { 12 }

  public var fileBytes: UInt32 = 0
  public var checksum: UInt32 = 0
  /// Activations and scratch of one inference.
  public var arenaBytes: UInt32 = 0
  /// All constant tensors, inflated.
  public var weightBytes: UInt32 = 0
  public var multiplyAccumulates: UInt64 = 0
  /// Parameters of the network before any compression; what the quoted ratio counts.
  public var originalParameters: UInt32 = 0
  public var sectionCount: UInt32 = 0

  public init() {}

  public mutating func code<C: WordCoder & ~Copyable>(_ coder: inout C) throws(FormatError) {
    var magic = Header.magic
    try coder.word(&magic)
    guard magic == Header.magic else { throw .notAModel }
    var version = Header.version
    try coder.word(&version)
    // The upper half holds flags; none is defined in version 2.
    guard version & 0xFFFF == Header.version else { throw .unsupportedVersion(found: version & 0xFFFF) }
    guard version >> 16 == 0 else { throw .unsupportedFlags(found: version >> 16) }
    try coder.word(&fileBytes)
    try coder.word(&checksum)
    try coder.word(&arenaBytes)
    try coder.word(&weightBytes)
    var low = UInt32(truncatingIfNeeded: multiplyAccumulates)
    var high = UInt32(truncatingIfNeeded: multiplyAccumulates >> 32)
    try coder.word(&low)
    try coder.word(&high)
    multiplyAccumulates = UInt64(high) << 32 | UInt64(low)
    try coder.word(&originalParameters)
    try coder.word(&sectionCount)
  }
}

/// What a section holds. Every section is one zlib stream.
public enum SectionKind: UInt32, Sendable {
  /// Program, metadata, golden vectors and coded tensors: one stream of the entropy coder.
  case network = 1
  /// Constant tensors as they are; a file has as many as it needs, in the order of use.
  case weights = 4
}

/// One row of the section table.
public struct SectionRecord: Equatable, Sendable {
  public var kind: UInt32 = 0
  public var compressedBytes: Int = 0
  public var rawBytes: Int = 0

  public init() {}
  public init(kind: SectionKind, compressedBytes: Int, rawBytes: Int) {
    self.kind = kind.rawValue
    self.compressedBytes = compressedBytes
    self.rawBytes = rawBytes
  }

  public mutating func code<C: WordCoder & ~Copyable>(_ coder: inout C) throws(FormatError) {
    try coder.word(&kind)
    try coder.count(&compressedBytes)
    try coder.count(&rawBytes)
  }
}
