import Foundation
import Measurement

/// What a pipeline traded, stage by stage.
public struct CompressionReport: Report {
  public struct Row: Codable, Sendable {
    /// `2-prune`: what the stage's files are called.
    public var name: String
    public var figures: StageFigures
    /// What the stage took; nil for a network that was there.
    public var seconds: Double?
  }

  /// A gate that the result does not keep to.
  public struct Miss: Codable, Sendable, Equatable {
    public enum Gate: String, Codable, Sendable {
      case accuracy, bytes, latency
    }

    public var gate: Gate
    public var limit: Double
    public var found: Double
  }

  public var stages: [Row]
  /// 4 bytes x parameters of the first network over the bytes of the last .pare file.
  public var ratio: Double
  public var missed: [Miss]
  /// Where the bytes of the last .pare file are, as a table to read.
  public var ledger: String?

  private enum CodingKeys: String, CodingKey {
    case stages, ratio, missed
  }

  init(rows: [Row], ledger: String?, gates: CompressionRecipe.Gates) {
    stages = rows
    self.ledger = ledger
    guard let first = rows.first?.figures, let last = rows.last?.figures else {
      ratio = 1
      missed = []
      return
    }
    ratio = Double(4 * first.parameters) / Double(max(last.packedBytes, 1))
    missed = []
    if let limit = gates.accuracyDrop, let before = first.accuracy, let after = last.accuracy {
      let drop = 100 * (before - after)
      // Figures are multiples of one sample; binary fractions of them are not exact.
      if drop > limit + 1e-9 { missed.append(Miss(gate: .accuracy, limit: limit, found: drop)) }
    }
    if let limit = gates.bytes, last.packedBytes > limit {
      missed.append(Miss(gate: .bytes, limit: Double(limit), found: Double(last.packedBytes)))
    }
    if let limit = gates.latency, last.latency > limit {
      missed.append(Miss(gate: .latency, limit: limit, found: last.latency))
    }
  }

  public var text: String {
    let isClassifier = stages.contains { $0.figures.accuracy != nil }
    var table = TextTable([
      .init("stage"), .init(isClassifier ? "accuracy" : "mse", .trailing), .init("parameters", .trailing),
      .init("MAC", .trailing), .init(".pare bytes", .trailing), .init("ratio", .trailing), .init("p50 ms", .trailing),
      .init("arena", .trailing), .init("took s", .trailing),
    ])
    let original = stages.first?.figures.parameters ?? 0
    for row in stages {
      let figures = row.figures
      let quality =
        figures.accuracy.map { String(format: "%.2f %%", 100 * $0) }
        ?? figures.meanSquaredError.map { String(format: "%.4g", $0) } ?? "-"
      table.add([
        row.name, quality, figures.parameters.grouped, figures.macs.grouped, figures.packedBytes.grouped,
        String(format: "%.1f", Double(4 * original) / Double(max(figures.packedBytes, 1))),
        String(format: "%.4f", figures.latency / 1000), figures.arenaBytes.grouped,
        row.seconds.map { String(format: "%.1f", $0) } ?? "-",
      ])
    }
    return (ledger.map { $0 + "\n\n" } ?? "") + table.rendered
  }
}
