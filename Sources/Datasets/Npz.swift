import CZlib

/// The `.npz` format of NumPy: a ZIP archive of `.npy` members, stored or deflated
/// (PKWARE APPNOTE.TXT; ZIP64 and encryption are refused).
struct Npz {
  private struct Member {
    var name: String
    var method: Int
    var checksum: UInt32
    var compressedBytes: Int
    var plainBytes: Int
    var localHeaderOffset: Int
  }

  private let path: String
  private let file: FileBytes
  private let members: [Member]

  /// Reads the central directory; members are inflated only when asked for.
  init(_ file: FileBytes, path: String) throws(DatasetError) {
    self.path = path
    self.file = file
    members = try Self.directory(of: file.bytes, path: path)
  }

  /// The array called `name`, or where that is nil the first of `defaults` that exists, or the only one.
  func array(named name: String?, defaults: [String]) throws(DatasetError) -> RawArray {
    let arrayNames = members.map { $0.name.hasSuffix(".npy") ? String($0.name.dropLast(4)) : $0.name }
    let fallback = defaults.first { arrayNames.contains($0) } ?? (arrayNames.count == 1 ? arrayNames[0] : nil)
    guard let wanted = name ?? fallback, let index = arrayNames.firstIndex(of: wanted) else {
      throw .memberNotFound(
        path: path, name: name ?? defaults.joined(separator: " or "), available: arrayNames)
    }
    return try Npy.read(contents(of: members[index]), path: "\(path)#\(wanted)")
  }

  private func contents(of member: Member) throws(DatasetError) -> ByteRegion {
    let label = "\(path)#\(member.name)"
    let header = member.localHeaderOffset
    guard let signature = file.bytes.littleEndian(at: header, bytes: 4), signature == 0x0403_4B50,
      let nameBytes = file.bytes.littleEndian(at: header + 26, bytes: 2),
      let extraBytes = file.bytes.littleEndian(at: header + 28, bytes: 2)
    else {
      throw .malformed(path: label, field: "local header", expected: "a ZIP local header", found: "other bytes")
    }
    let start = header + 30 + nameBytes + extraBytes
    guard start + member.compressedBytes <= file.bytes.count else {
      throw .truncated(path: label, expectedBytes: start + member.compressedBytes, foundBytes: file.bytes.count)
    }
    let packed = ByteRegion(file, range: start..<start + member.compressedBytes)
    let region: ByteRegion
    switch member.method {
    case 0 where member.plainBytes == member.compressedBytes: region = packed
    case 8: region = try inflated(packed, member: member, label: label)
    default:
      throw .unsupportedVariant(path: label, found: "ZIP compression method \(member.method)")
    }
    try Self.check(region, against: member.checksum, label: label)
    return region
  }

  private func inflated(_ packed: ByteRegion, member: Member, label: String) throws(DatasetError) -> ByteRegion {
    let declared = member.plainBytes
    guard declared <= packed.count * InflatingReader.largestExpansion else {
      throw .truncated(
        path: label, expectedBytes: declared, foundBytes: packed.count * InflatingReader.largestExpansion)
    }
    let source = UnsafeRawBufferPointer(rebasing: file.bytes[packed.range])
    let plain = try FileBytes(byteCount: declared) { (target) throws(DatasetError) in
      var reader = try InflatingReader(source, wrapping: .raw, path: label)
      try reader.readExactly(target, declaredBytes: declared)
      try reader.expectEnd(declaredBytes: declared)
    }
    return ByteRegion(plain)
  }

  private static func check(_ region: ByteRegion, against checksum: UInt32, label: String) throws(DatasetError) {
    let found = region.withBytes { bytes in
      crc32_z(0, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
    }
    guard UInt32(truncatingIfNeeded: found) == checksum else {
      throw .corrupt(path: label, reason: "the CRC-32 differs")
    }
  }

  private static func directory(of bytes: UnsafeRawBufferPointer, path: String) throws(DatasetError) -> [Member] {
    // The end record is 22 bytes plus a comment of at most 65,535.
    let earliest = max(0, bytes.count - 22 - 65_535)
    let candidates = stride(from: bytes.count - 22, through: earliest, by: -1)
    guard bytes.count >= 22,
      let end = candidates.first(where: { bytes.littleEndian(at: $0, bytes: 4) == 0x0605_4B50 }),
      let count = bytes.littleEndian(at: end + 10, bytes: 2),
      let start = bytes.littleEndian(at: end + 16, bytes: 4)
    else {
      throw .malformed(path: path, field: "end record", expected: "a ZIP end record", found: "none")
    }
    if count == 0xFFFF || start == 0xFFFF_FFFF { throw .unsupportedVariant(path: path, found: "ZIP64") }
    var members: [Member] = []
    var position = start
    for _ in 0..<count {
      let (member, next) = try self.member(at: position, of: bytes, path: path)
      members.append(member)
      position = next
    }
    return members
  }

  private static func member(
    at position: Int, of bytes: UnsafeRawBufferPointer, path: String
  ) throws(DatasetError) -> (Member, next: Int) {
    guard position + 46 <= bytes.count, bytes.littleEndian(at: position, bytes: 4) == 0x0201_4B50,
      let flags = bytes.littleEndian(at: position + 8, bytes: 2),
      let method = bytes.littleEndian(at: position + 10, bytes: 2),
      let checksum = bytes.littleEndian(at: position + 16, bytes: 4),
      let compressedBytes = bytes.littleEndian(at: position + 20, bytes: 4),
      let plainBytes = bytes.littleEndian(at: position + 24, bytes: 4),
      let nameBytes = bytes.littleEndian(at: position + 28, bytes: 2),
      let extraBytes = bytes.littleEndian(at: position + 30, bytes: 2),
      let commentBytes = bytes.littleEndian(at: position + 32, bytes: 2),
      let offset = bytes.littleEndian(at: position + 42, bytes: 4),
      position + 46 + nameBytes <= bytes.count
    else {
      throw .malformed(path: path, field: "central directory", expected: "a ZIP directory entry", found: "other bytes")
    }
    if flags & 1 != 0 { throw .unsupportedVariant(path: path, found: "an encrypted ZIP member") }
    if [compressedBytes, plainBytes, offset].contains(0xFFFF_FFFF) {
      throw .unsupportedVariant(path: path, found: "ZIP64")
    }
    let name = String(decoding: bytes[position + 46..<position + 46 + nameBytes], as: UTF8.self)
    let member = Member(
      name: name, method: method, checksum: UInt32(checksum), compressedBytes: compressedBytes,
      plainBytes: plainBytes, localHeaderOffset: offset)
    return (member, position + 46 + nameBytes + extraBytes + commentBytes)
  }
}
