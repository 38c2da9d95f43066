import Foundation

/// What weight sharing made of a network, tensor by tensor.
public struct SharingReport: Codable, Sendable, CustomStringConvertible {
  public struct Layer: Codable, Sendable {
    public var name: String
    public var shape: [Int]
    /// Bits asked for; 0 where the tensor was left alone.
    public var bits: Int
    public var weights: Int
    public var zeros: Int
    /// Different values, zero included.
    public var distinctBefore: Int
    public var distinctAfter: Int
    /// Root of the mean square of the changes over that of the weights.
    public var relativeError: Double
    /// Order-0 entropy of the values, in bits for each weight.
    public var entropyBits: Double

    enum CodingKeys: String, CodingKey {
      case name, shape, bits, weights, zeros
      case distinctBefore = "distinct_before"
      case distinctAfter = "distinct_after"
      case relativeError = "relative_error"
      case entropyBits = "entropy_bits"
    }

    init(_ codebook: WeightSharing.Codebook, _ after: [Float]) {
      let before = codebook.candidate.weights
      name = codebook.candidate.name
      shape = codebook.candidate.shape
      bits = codebook.bits
      weights = before.count
      zeros = after.count { $0 == 0 }
      distinctBefore = Set(before).count
      let counts = Dictionary(after.map { ($0, 1) }, uniquingKeysWith: +)
      distinctAfter = counts.count
      let power = before.reduce(0) { $0 + Double($1) * Double($1) }
      let change = zip(before, after).reduce(0) { $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1)) }
      relativeError = power > 0 ? (change / power).squareRoot() : 0
      // In a fixed order, so that the sum is the same every time.
      entropyBits = counts.values.sorted().reduce(0) { sum, count in
        let share = Double(count) / Double(before.count)
        return sum - share * log2(share)
      }
    }
  }

  public var layers: [Layer]

  public init(layers: [Layer]) { self.layers = layers }

  /// Bytes that an ideal code of order 0 needs for the values' places.
  public var entropyBytes: Double { layers.reduce(0) { $0 + $1.entropyBits * Double($1.weights) } / 8 }

  public var description: String {
    let header = ["layer", "shape", "bits", "weights", "zeros", "distinct before", "after", "error", "bits/weight"]
    let rows = layers.map { layer in
      [
        layer.name, layer.shape.map(String.init).joined(separator: "x"), layer.bits == 0 ? "-" : "\(layer.bits)",
        "\(layer.weights)", "\(layer.zeros)", "\(layer.distinctBefore)", "\(layer.distinctAfter)",
        String(format: "%.2f %%", 100 * layer.relativeError), String(format: "%.3f", layer.entropyBits),
      ]
    }
    let table = [header] + rows
    let widths = header.indices.map { column in table.map { $0[column].count }.max() ?? 0 }
    let lines = table.map { row in
      row.indices.map { column in
        let space = String(repeating: " ", count: widths[column] - row[column].count)
        return column < 2 ? row[column] + space : space + row[column]
      }.joined(separator: "  ")
    }
    let floor = String(format: "%.0f", entropyBytes.rounded(.up))
    return (lines + ["places in the codebooks: \(floor) bytes at least (order-0 entropy)"]).joined(separator: "\n")
  }
}
