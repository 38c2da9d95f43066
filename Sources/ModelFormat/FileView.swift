/// A .pare file whose header, section table and checksum have been checked.
///
/// Borrows the bytes. Sections are found by kind; weights sections keep their order.
public struct FileView {
  public let header: Header
  private let bytes: UnsafeRawBufferPointer

  /// Errors: anything in `FormatError` up to `missingSection`.
  public init(_ bytes: UnsafeRawBufferPointer) throws(FormatError) {
    var reader = WordReader(bytes)
    var header = Header()
    try header.code(&reader)
    guard UInt64(header.fileBytes) == UInt64(bytes.count) else {
      throw .sizeMismatch(expected: header.fileBytes, found: UInt32(truncatingIfNeeded: bytes.count))
    }
    let covered = UnsafeRawBufferPointer(rebasing: bytes[Header.checksumStart...])
    let checksum = CRC32.of(covered)
    guard checksum == header.checksum else {
      throw .checksumMismatch(expected: header.checksum, found: checksum)
    }
    self.header = header
    self.bytes = bytes
    try checkSections()
  }

  private func checkSections() throws(FormatError) {
    let tableLimit = (bytes.count - Header.byteCount) / Header.sectionRecordBytes
    guard UInt64(header.sectionCount) <= UInt64(tableLimit) else { throw .truncated }
    var offset = Header.byteCount + Int(header.sectionCount) * Header.sectionRecordBytes
    var networks = 0
    for index in 0..<Int(header.sectionCount) {
      let record = try sectionRecord(index)
      guard let kind = SectionKind(rawValue: record.kind) else { throw .unknownSection(found: record.kind) }
      switch kind {
      case .network: networks += 1
      case .weights: break
      }
      guard record.compressedBytes <= bytes.count - offset else { throw .truncated }
      // Deflate cannot expand by more than 1032 : 1, so a larger claim is a lie told to make us allocate.
      guard record.rawBytes / 1032 <= record.compressedBytes else {
        throw .valueOutOfRange(found: UInt32(truncatingIfNeeded: record.rawBytes))
      }
      offset += record.compressedBytes
    }
    guard offset == bytes.count else {
      throw .sizeMismatch(expected: UInt32(truncatingIfNeeded: offset), found: header.fileBytes)
    }
    if networks > 1 { throw .duplicateSection(found: SectionKind.network.rawValue) }
    if networks == 0 { throw .missingSection(expected: SectionKind.network.rawValue) }
  }

  private func sectionRecord(_ index: Int) throws(FormatError) -> SectionRecord {
    let start = Header.byteCount + index * Header.sectionRecordBytes
    var reader = WordReader(UnsafeRawBufferPointer(rebasing: bytes[start..<start + Header.sectionRecordBytes]))
    var record = SectionRecord()
    try record.code(&reader)
    return record
  }

  /// A section's compressed bytes and inflated size.
  public struct Section {
    public let compressed: UnsafeRawBufferPointer
    public let rawBytes: Int
  }

  /// The `ordinal`-th section of a kind, or nil.
  public func section(_ kind: SectionKind, _ ordinal: Int = 0) -> Section? {
    var offset = Header.byteCount + Int(header.sectionCount) * Header.sectionRecordBytes
    var remaining = ordinal
    for index in 0..<Int(header.sectionCount) {
      guard let record = try? sectionRecord(index) else { return nil }
      if record.kind == kind.rawValue {
        if remaining == 0 {
          let compressed = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + record.compressedBytes])
          return Section(compressed: compressed, rawBytes: record.rawBytes)
        }
        remaining -= 1
      }
      offset += record.compressedBytes
    }
    return nil
  }
}
