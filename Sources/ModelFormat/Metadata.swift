/// What an entry of the metadata section says. The section is a list of entries, each one byte of
/// tag, three bytes of little-endian length, then that many bytes; strings are UTF-8 without an end mark.
public enum MetadataTag: UInt8, Sendable {
  /// The network's name.
  case networkName = 1
  /// Names of inputs, outputs, steps and classes, in their order.
  case inputName = 2
  case outputName = 3
  case stepName = 4
  case className = 5
  /// Preprocessing as the dataset file writes it: scale, offset, mean count, means, stds as float32
  /// and words; see docs/format.md.
  case preprocessing = 6
}

/// Walks the entries of an inflated metadata section.
public struct MetadataReader {
  private let bytes: UnsafeRawBufferPointer
  private var offset = 0

  public init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  public struct Entry {
    public let tag: MetadataTag
    public let bytes: UnsafeRawBufferPointer
  }

  /// The next entry, or nil at the end. Errors: `.truncated`, `.unknownSection` for a tag not defined.
  public mutating func next() throws(FormatError) -> Entry? {
    if offset == bytes.count { return nil }
    guard bytes.count - offset >= 4 else { throw .truncated }
    let head = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    let length = Int(head >> 8)
    offset += 4
    guard bytes.count - offset >= length else { throw .truncated }
    guard let tag = MetadataTag(rawValue: UInt8(head & 0xFF)) else { throw .unknownSection(found: head & 0xFF) }
    defer { offset += length }
    return Entry(tag: tag, bytes: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length]))
  }
}
