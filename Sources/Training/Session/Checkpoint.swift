import CZlib
import Foundation

/// A training run at one moment: everything that its continuation depends on.
///
/// File layout, little-endian: the 8 bytes `PARECKPT`, version (uint32, 1), bytes of the header (uint32), the
/// header as JSON, the buffers as float32 one after the other, and the CRC-32 of all that stands before it.
public struct Checkpoint: Sendable {
  /// Where a run stands: `batch` is the next one of `epoch`, `step` counts batches from the start.
  public struct Position: Codable, Sendable, Equatable {
    public var epoch = 0
    public var batch = 0
    public var step = 0

    public init() {}
  }

  /// Tells runs apart: of the recipe, the network and the data. A checkpoint continues only its own run.
  public var fingerprint: String
  public var position: Position
  /// Sums of the running epoch, counters of schedule, stopping and optimizer, by name.
  public var numbers: [String: Double]
  public var history: [EpochReport]
  /// Weights, statistics, averages and what optimizers keep, by name.
  public var buffers: [String: [Float]]

  private struct Header: Codable {
    struct Buffer: Codable {
      var name: String
      var count: Int
    }

    var fingerprint: String
    var position: Position
    /// Bit patterns, since JSON has no infinities and rounds.
    var numbers: [String: UInt64]
    var history: [EpochReport]
    var buffers: [Buffer]
  }

  private static let magic = Data("PARECKPT".utf8)
  private static let version: UInt32 = 1

  public init(
    fingerprint: String, position: Position, numbers: [String: Double], history: [EpochReport],
    buffers: [String: [Float]]
  ) {
    self.fingerprint = fingerprint
    self.position = position
    self.numbers = numbers
    self.history = history
    self.buffers = buffers
  }

  /// Writes the file beside its place and renames it, so that an earlier checkpoint stays whole until then.
  ///
  /// Errors: `.unwritable`.
  public func write(to path: String) throws(TrainingError) {
    let names = buffers.keys.sorted()
    let header = Header(
      fingerprint: fingerprint, position: position, numbers: numbers.mapValues(\.bitPattern), history: history,
      buffers: names.map { .init(name: $0, count: buffers[$0]?.count ?? 0) })
    do {
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      let json = try encoder.encode(header)
      var data = Self.magic
      data.append(littleEndian: Self.version)
      data.append(littleEndian: UInt32(json.count))
      data.append(json)
      for name in names { buffers[name]?.withUnsafeBytes { data.append(contentsOf: $0) } }
      data.append(littleEndian: data.crc32)
      try data.write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch { throw .unwritable(path: path, reason: error.localizedDescription) }
  }

  /// Reads a checkpoint that `write(to:)` wrote.
  ///
  /// Errors: `.unreadable`, `.damagedCheckpoint` with what is wrong.
  public init(contentsOf path: String) throws(TrainingError) {
    let data: Data
    do { data = try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
      throw .unreadable(path: path, reason: error.localizedDescription)
    }
    func damaged(_ reason: String) -> TrainingError { .damagedCheckpoint(path: path, reason: reason) }
    guard data.count >= 20, data.prefix(8) == Self.magic else { throw damaged("it does not begin as a checkpoint") }
    let version = data.littleEndianWord(at: 8)
    guard version == Self.version else { throw damaged("version \(version) is not known") }
    guard data.dropLast(4).crc32 == data.littleEndianWord(at: data.count - 4) else {
      throw damaged("its checksum differs")
    }
    let headerEnd = 16 + Int(data.littleEndianWord(at: 12))
    guard headerEnd <= data.count - 4, let header = try? JSONDecoder().decode(Header.self, from: data[16..<headerEnd])
    else { throw damaged("its header cannot be read") }
    var buffers: [String: [Float]] = [:]
    var start = headerEnd
    for buffer in header.buffers {
      let room = (data.count - 4 - start) / 4
      guard buffer.count >= 0, buffer.count <= room else { throw damaged("'\(buffer.name)' is cut short") }
      var floats = [Float](repeating: 0, count: buffer.count)
      let end = start + buffer.count * 4
      _ = floats.withUnsafeMutableBytes { data.copyBytes(to: $0, from: start..<end) }
      buffers[buffer.name] = floats
      start = end
    }
    self.init(
      fingerprint: header.fingerprint, position: header.position,
      numbers: header.numbers.mapValues(Double.init(bitPattern:)), history: header.history, buffers: buffers)
  }
}

extension Data {
  fileprivate mutating func append(littleEndian word: UInt32) {
    Swift.withUnsafeBytes(of: word.littleEndian) { append(contentsOf: $0) }
  }

  fileprivate func littleEndianWord(at offset: Int) -> UInt32 {
    var word: UInt32 = 0
    _ = Swift.withUnsafeMutableBytes(of: &word) {
      copyBytes(to: $0, from: startIndex + offset..<startIndex + offset + 4)
    }
    return UInt32(littleEndian: word)
  }

  fileprivate var crc32: UInt32 {
    withUnsafeBytes { bytes in
      UInt32(truncatingIfNeeded: crc32_z(0, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count))
    }
  }
}
