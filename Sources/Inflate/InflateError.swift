/// Why a zlib stream was refused.
public enum InflateError: Error, Equatable, Sendable {
  /// The stream ends before its last block or its checksum does.
  case truncated
  /// The first two bytes are not those of a zlib stream without a preset dictionary (RFC 1950, 2.2).
  case badHeader(UInt16)
  /// A block of the reserved type 3.
  case badBlockType
  /// A stored block whose length and its complement disagree.
  case badStoredLength
  /// Code lengths that are over-subscribed, incomplete, too many, or without an end of block.
  case badCodeLengths
  /// Bits that no code of the block stands for.
  case badCode
  /// A match that starts before the first byte of the output.
  case distanceTooFar(distance: Int, available: Int)
  /// The stream holds more than the declared size.
  case outputTooLong(expected: Int)
  /// The stream holds less than the declared size.
  case outputTooShort(expected: Int, found: Int)
  /// Bytes after the checksum.
  case trailingBytes(count: Int)
  /// The Adler-32 in the stream is not that of the output.
  case checksum(expected: UInt32, found: UInt32)
}
