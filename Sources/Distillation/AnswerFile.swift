import Foundation
import Training

/// A teacher's answers to all samples of a data set, in a file that is mapped.
///
/// File layout, little-endian: the 8 bytes `PARETEAC`, version (uint32), floats of an answer (uint32), answers
/// (uint64), the key (uint64), a checksum of the answers (uint64, FNV-1a), zeros up to byte 64; then the answers
/// as float32, one after the other.
struct AnswerFile: Sendable {
  /// Why a file that is there cannot be used.
  struct Damage: Error { var reason: String }

  private static let magic = Data("PARETEAC".utf8)
  private static let version: UInt32 = 1
  private static let headerBytes = 64

  private let data: Data
  private let width: Int

  /// Maps the file at `path`, which must hold `count` answers of `width` floats under `key`; all are checked.
  init(mapping path: String, count: Int, width: Int, key: UInt64) throws(Damage) {
    do { data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped) } catch {
      throw Damage(reason: error.localizedDescription)
    }
    self.width = width
    guard data.count >= Self.headerBytes, data.prefix(8) == Self.magic else {
      throw Damage(reason: "it does not begin as a file of answers")
    }
    guard data.count == Self.headerBytes + count * width * 4 else {
      throw Damage(reason: "it holds \(data.count) bytes, not \(Self.headerBytes + count * width * 4)")
    }
    let checksum = data.withUnsafeBytes { Self.checksum(UnsafeRawBufferPointer(rebasing: $0[Self.headerBytes...])) }
    guard data.prefix(Self.headerBytes) == Self.header(count: count, width: width, key: key, checksum: checksum) else {
      throw Damage(reason: "its header or its checksum differs")
    }
  }

  /// Copies the answer to sample `index`.
  func copyAnswer(_ index: Int, to row: UnsafeMutableBufferPointer<Float>) {
    data.withUnsafeBytes { bytes in
      let start = Self.headerBytes + index * width * 4
      UnsafeMutableRawBufferPointer(row).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[start..<start + width * 4]))
    }
  }

  /// Writes a file beside its place and renames it, so that no half of it is ever found there.
  ///
  /// `answers` writes the answers to the samples of a range. Errors: `.unwritable`, and those of `answers`.
  static func write(
    _ path: String, count: Int, width: Int, key: UInt64,
    answers: (Range<Int>, UnsafeMutableBufferPointer<Float>) throws(DistillationError) -> Void
  ) throws(DistillationError) {
    let partial = "\(path).\(getpid()).partial"
    func unwritable(_ reason: String) -> DistillationError { .unwritable(path: path, reason: reason) }
    guard FileManager.default.createFile(atPath: partial, contents: nil),
      let file = FileHandle(forWritingAtPath: partial)
    else { throw unwritable(String(cString: strerror(errno))) }
    defer { unlink(partial) }
    var checksum = StableHash()
    func append(_ bytes: Data) throws(DistillationError) {
      do { try file.write(contentsOf: bytes) } catch { throw unwritable(error.localizedDescription) }
    }
    try append(Data(count: headerBytes))
    // As many samples at once as fill a few MB, and enough for the threads.
    let step = max(64, min(4096, (1 << 20) / max(width, 1)))
    for start in stride(from: 0, to: count, by: step) {
      let samples = start..<min(start + step, count)
      var rows = [Float](repeating: 0, count: samples.count * width)
      try rows.withUnsafeMutableBufferPointer { (rows) throws(DistillationError) in try answers(samples, rows) }
      rows.withUnsafeBytes { checksum.add($0) }
      try append(rows.withUnsafeBytes { Data($0) })
    }
    do {
      try file.seek(toOffset: 0)
      try file.write(contentsOf: header(count: count, width: width, key: key, checksum: checksum.value))
      try file.close()
    } catch { throw unwritable(error.localizedDescription) }
    guard rename(partial, path) == 0 else { throw unwritable(String(cString: strerror(errno))) }
  }

  private static func header(count: Int, width: Int, key: UInt64, checksum: UInt64) -> Data {
    var header = magic
    withUnsafeBytes(of: version.littleEndian) { header.append(contentsOf: $0) }
    withUnsafeBytes(of: UInt32(truncatingIfNeeded: width).littleEndian) { header.append(contentsOf: $0) }
    for word in [UInt64(count), key, checksum] {
      withUnsafeBytes(of: word.littleEndian) { header.append(contentsOf: $0) }
    }
    return header + Data(count: headerBytes - header.count)
  }

  private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash = StableHash()
    hash.add(bytes)
    return hash.value
  }
}
