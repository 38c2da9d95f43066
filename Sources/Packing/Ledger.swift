import Foundation
import ModelFormat
import TensorTypes

/// Where the bytes of a packed file are: per constant and in all.
public struct Ledger: Sendable, Encodable {
  /// One constant tensor.
  public struct Entry: Sendable, Encodable {
    public var name: String
    public var dtype: String
    public var count: Int
    /// Elements that are zero.
    public var zeros: Int
    /// Different elements; nil above 256.
    public var distinct: Int?
    /// Bytes of the elements as float32.
    public var rawBytes: Int
    /// Bytes of the elements as they are, before compression.
    public var storedBytes: Int
    /// Bytes that an ideal code of order 0 needs.
    public var entropyBytes: Double
    /// How the tensor is stored: `palette`, `small` or `wide` in the network section, `deflate` in a weights section.
    public var coding: String
    /// Bytes of the file: what the coder wrote, or the tensor's share of its section by entropy.
    public var fileBytes: Double

    enum CodingKeys: String, CodingKey {
      case name, dtype, count, zeros, distinct, coding
      case rawBytes = "raw_bytes"
      case storedBytes = "stored_bytes"
      case entropyBytes = "entropy_bytes"
      case fileBytes = "file_bytes"
    }
  }

  /// Bytes of the file that are not weights, by cause.
  public struct Overhead: Sendable, Encodable {
    /// Header and section table.
    public var header: Int
    /// Tensor table, interface and steps.
    public var program: Double
    /// Names, labels, preprocessing.
    public var metadata: Double
    public var golden: Double
    /// What zlib adds to the network section, and what its coder rounds up.
    public var container: Double

    public var total: Double { Double(header) + program + metadata + golden + container }
  }

  public var entries: [Entry]
  /// Parameters of the network before any compression.
  public var originalParameters: Int
  public var fileBytes: Int
  /// 4 bytes x original parameters.
  public var rawBytes: Int
  public var storedBytes: Int
  public var entropyBytes: Int
  /// Weights as the file holds them: coded tensors and weights sections.
  public var compressedBytes: Int
  public var arenaBytes: Int
  public var steps: Int
  public var overhead: Overhead

  /// Bytes of the file that are not compressed weights.
  public var overheadBytes: Int { fileBytes - compressedBytes }
  /// 4 bytes x original parameters over the bytes of the file.
  public var ratio: Double { fileBytes == 0 ? 0 : Double(rawBytes) / Double(fileBytes) }

  enum CodingKeys: String, CodingKey {
    case entries, steps, overhead
    case originalParameters = "original_parameters"
    case fileBytes = "file_bytes"
    case rawBytes = "weights_raw_bytes"
    case storedBytes = "weights_stored_bytes"
    case entropyBytes = "weights_entropy_bytes"
    case compressedBytes = "weights_compressed_bytes"
    case arenaBytes = "arena_bytes"
    case overheadBytes = "overhead_bytes"
    case ratio
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(fileBytes, forKey: .fileBytes)
    try container.encode(originalParameters, forKey: .originalParameters)
    try container.encode(rawBytes, forKey: .rawBytes)
    try container.encode(storedBytes, forKey: .storedBytes)
    try container.encode(entropyBytes, forKey: .entropyBytes)
    try container.encode(compressedBytes, forKey: .compressedBytes)
    try container.encode(overheadBytes, forKey: .overheadBytes)
    try container.encode(overhead, forKey: .overhead)
    try container.encode(ratio, forKey: .ratio)
    try container.encode(arenaBytes, forKey: .arenaBytes)
    try container.encode(steps, forKey: .steps)
    try container.encode(entries, forKey: .entries)
  }
}

extension Ledger {
  init(_ program: Program, _ parts: PackedParts, _ file: PackedParts.File, arenaBytes: Int, originalParameters: Int) {
    entries = Ledger.entries(program, parts, file.network)
    self.originalParameters = originalParameters
    fileBytes = file.bytes.count
    rawBytes = 4 * originalParameters
    storedBytes = entries.reduce(0) { $0 + $1.storedBytes }
    entropyBytes = Int(entries.reduce(0) { $0 + $1.entropyBytes }.rounded(.up))
    let codedBytes = file.network.tensorBits.values.sorted().reduce(0, +) / 8
    compressedBytes = Int(codedBytes.rounded()) + parts.weights.compressedBytes
    self.arenaBytes = arenaBytes
    steps = program.steps.count
    let network = file.network
    let described = (network.programBits + network.metadataBits + network.goldenBits) / 8
    overhead = Overhead(
      header: Header.byteCount + Header.sectionRecordBytes * file.sections.count, program: network.programBits / 8,
      metadata: network.metadataBits / 8, golden: network.goldenBits / 8,
      container: Double(file.sections[0].compressed.count) - described - codedBytes)
  }
}

extension Ledger {
  /// The entries of a program's constants with their entropy floor: of each tensor's values where they are of one
  /// byte or few; of other constants, of each byte plane pooled over all such of the type.
  static func entries(_ program: Program, _ parts: PackedParts, _ network: NetworkStream) -> [Entry] {
    let pooled = pooledEntropyPerElement(program)
    var entries: [Entry] = []
    var sections: [Int?] = []
    for (index, tensor) in program.tensors.enumerated() {
      guard let bytes = tensor.constantBytes else { continue }
      let values = Values(bytes, tensor.dtype)
      entries.append(
        Entry(
          name: tensor.name, dtype: "\(tensor.dtype.name)", count: tensor.count, zeros: values.zeroCount,
          distinct: values.counts?.count, rawBytes: 4 * tensor.count, storedBytes: tensor.byteCount,
          entropyBytes: values.entropyBytes ?? Double(tensor.count) * (pooled[tensor.dtype.rawValue] ?? 0),
          coding: parts.coded.plans[index].map { "\($0.form)" } ?? "deflate",
          fileBytes: (network.tensorBits[index] ?? 0) / 8))
      sections.append(parts.weights.records[index]?.section)
    }
    for (section, contents) in parts.weights.sections.enumerated() {
      let members = entries.indices.filter { sections[$0] == section }
      let sum = members.reduce(0) { $0 + entries[$1].entropyBytes }
      for member in members {
        let share = sum > 0 ? entries[member].entropyBytes / sum : 1 / Double(members.count)
        entries[member].fileBytes = Double(contents.compressed.count) * share
      }
    }
    return entries
  }

  private static func pooledEntropyPerElement(_ program: Program) -> [UInt8: Double] {
    var perElement: [UInt8: Double] = [:]
    for dtype in [DType.int32, .float32, .int64] {
      let constants = program.tensors.filter { $0.dtype == dtype }.compactMap(\.constantBytes)
        .filter { Values($0, dtype).entropyBytes == nil }
      let count = constants.reduce(0) { $0 + $1.count } / dtype.byteCount
      guard count > 0 else { continue }
      var total = 0.0
      for plane in 0..<dtype.byteCount {
        var histogram = [Int](repeating: 0, count: 256)
        for bytes in constants {
          for index in stride(from: plane, to: bytes.count, by: dtype.byteCount) { histogram[Int(bytes[index])] += 1 }
        }
        total += Entropy.bytes(histogram)
      }
      perElement[dtype.rawValue] = total / Double(count)
    }
    return perElement
  }

  /// The ledger as a table to read.
  public var table: String {
    func row(_ cells: [String]) -> String {
      let name =
        cells[0].count > 32 ? "…" + cells[0].suffix(31) : cells[0].padding(toLength: 32, withPad: " ", startingAt: 0)
      return ([name] + cells.dropFirst().map { String(repeating: " ", count: max(0, 9 - $0.count)) + $0 }).joined(
        separator: " ")
    }
    func bytes(_ value: Double) -> String { "\(Int(value.rounded(.up)))" }
    var lines = [row(["tensor", "type", "zeros", "distinct", "raw", "stored", "floor", "file", "coding"])]
    for entry in entries {
      let zeros = entry.count == 0 ? 0 : 100 * Double(entry.zeros) / Double(entry.count)
      lines.append(
        row([
          entry.name, entry.dtype, String(format: "%.1f%%", zeros), entry.distinct.map { "\($0)" } ?? ">256",
          "\(entry.rawBytes)", "\(entry.storedBytes)", bytes(entry.entropyBytes), bytes(entry.fileBytes), entry.coding,
        ]))
    }
    let causes =
      "header \(overhead.header), program \(bytes(overhead.program)), metadata \(bytes(overhead.metadata)), "
      + "golden \(bytes(overhead.golden)), zlib \(bytes(overhead.container))"
    lines += [
      "raw        \(rawBytes) bytes (4 x \(originalParameters) parameters)",
      "stored     \(storedBytes) bytes",
      "floor      \(entropyBytes) bytes (order-0 entropy)",
      "compressed \(compressedBytes) bytes of weights",
      "overhead   \(overheadBytes) bytes (\(causes))",
      "file       \(fileBytes) bytes, \(String(format: "%.2f", ratio)) times smaller than raw",
      "arena      \(arenaBytes) bytes",
    ]
    return lines.joined(separator: "\n")
  }
}
