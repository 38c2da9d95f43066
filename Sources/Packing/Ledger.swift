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
    /// Bytes of the elements as float32.
    public var rawBytes: Int
    /// Bytes of the elements as they are stored, before compression.
    public var storedBytes: Int
    /// Bytes that an ideal code of order 0 needs.
    public var entropyBytes: Double
    /// Ordinal of the weights section.
    public var section: Int

    enum CodingKeys: String, CodingKey {
      case name, dtype, count, section
      case rawBytes = "raw_bytes"
      case storedBytes = "stored_bytes"
      case entropyBytes = "entropy_bytes"
    }
  }

  public var entries: [Entry]
  /// Parameters of the network before any compression.
  public var originalParameters: Int
  public var fileBytes: Int
  /// 4 bytes x original parameters.
  public var rawBytes: Int
  public var storedBytes: Int
  public var entropyBytes: Int
  /// All weights sections, compressed.
  public var compressedBytes: Int
  public var arenaBytes: Int
  public var steps: Int
  /// Compressed bytes of every other part of the file.
  public var programBytes: Int
  public var metadataBytes: Int
  public var goldenBytes: Int

  /// Bytes of the file that are not compressed weights.
  public var overheadBytes: Int { fileBytes - compressedBytes }
  /// 4 bytes x original parameters over the bytes of the file.
  public var ratio: Double { fileBytes == 0 ? 0 : Double(rawBytes) / Double(fileBytes) }

  enum CodingKeys: String, CodingKey {
    case entries, steps
    case originalParameters = "original_parameters"
    case fileBytes = "file_bytes"
    case rawBytes = "weights_raw_bytes"
    case storedBytes = "weights_stored_bytes"
    case entropyBytes = "weights_entropy_bytes"
    case compressedBytes = "weights_compressed_bytes"
    case arenaBytes = "arena_bytes"
    case programBytes = "program_bytes"
    case metadataBytes = "metadata_bytes"
    case goldenBytes = "golden_bytes"
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
    try container.encode(programBytes, forKey: .programBytes)
    try container.encode(metadataBytes, forKey: .metadataBytes)
    try container.encode(goldenBytes, forKey: .goldenBytes)
    try container.encode(ratio, forKey: .ratio)
    try container.encode(arenaBytes, forKey: .arenaBytes)
    try container.encode(steps, forKey: .steps)
    try container.encode(entries, forKey: .entries)
  }
}

extension Ledger {
  /// The entries of a program's constants with their entropy floor: of each one-byte tensor's values;
  /// of wider constants, of each byte plane pooled over all constants of the type.
  static func entries(_ program: Program, _ weights: WeightSections) -> [Entry] {
    let pooled = pooledEntropyPerElement(program)
    return program.tensors.enumerated().compactMap { index, tensor in
      guard let bytes = tensor.constantBytes, let record = weights.records[index] else { return nil }
      let entropy =
        tensor.dtype.byteCount == 1
        ? Entropy.bytes(Entropy.histogram(bytes)) : Double(tensor.count) * (pooled[tensor.dtype.rawValue] ?? 0)
      return Entry(
        name: tensor.name, dtype: "\(tensor.dtype.name)", count: tensor.count, rawBytes: 4 * tensor.count,
        storedBytes: tensor.byteCount, entropyBytes: entropy, section: record.section)
    }
  }

  private static func pooledEntropyPerElement(_ program: Program) -> [UInt8: Double] {
    var perElement: [UInt8: Double] = [:]
    for dtype in [DType.int32, .float32, .int64] {
      let constants = program.tensors.filter { $0.dtype == dtype }.compactMap(\.constantBytes)
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
        cells[0].count > 40 ? "…" + cells[0].suffix(39) : cells[0].padding(toLength: 40, withPad: " ", startingAt: 0)
      return ([name] + cells.dropFirst().map { String(repeating: " ", count: max(0, 11 - $0.count)) + $0 }).joined(
        separator: " ")
    }
    var lines = [row(["tensor", "type", "raw", "stored", "floor"])]
    for entry in entries {
      lines.append(
        row([
          entry.name, entry.dtype, "\(entry.rawBytes)", "\(entry.storedBytes)",
          "\(Int(entry.entropyBytes.rounded(.up)))",
        ]))
    }
    lines += [
      "raw        \(rawBytes) bytes (4 x \(originalParameters) parameters)",
      "stored     \(storedBytes) bytes",
      "floor      \(entropyBytes) bytes (order-0 entropy)",
      "compressed \(compressedBytes) bytes of weights",
      "overhead   \(overheadBytes) bytes (program \(programBytes), metadata \(metadataBytes), golden \(goldenBytes))",
      "file       \(fileBytes) bytes, \(String(format: "%.2f", ratio)) times smaller than raw",
      "arena      \(arenaBytes) bytes",
    ]
    return lines.joined(separator: "\n")
  }
}
