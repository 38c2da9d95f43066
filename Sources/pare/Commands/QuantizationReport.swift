import Foundation
import Measurement
import Quantization

/// What `pare quantize` reports: the keys of the plan, and `equalization`, `repair` and `training` where they were asked
/// for.
struct QuantizationReport: Report {
  var plan: QuantizationPlan
  var equalization: EqualizationReport?
  var repair: RepairReport?
  var training: TrainingReport?

  private enum CodingKeys: String, CodingKey { case equalization, repair, training }

  func encode(to encoder: any Encoder) throws {
    try plan.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encodeIfPresent(equalization, forKey: .equalization)
    try container.encodeIfPresent(repair, forKey: .repair)
    try container.encodeIfPresent(training, forKey: .training)
  }
}

extension EqualizationReport {
  var text: String {
    pairs.map { pair in
      String(
        format: "evened out %@ and %@: factors %.3g to %.3g\n", pair.first, pair.second, pair.leastFactor,
        pair.greatestFactor)
    }.joined()
      + left.map { "left \($0[0]) and \($0[1]) as they are: weights share values, which factors would part\n" }.joined()
  }
}

extension RepairReport {
  var text: String {
    var table = TextTable([
      .init("node"), .init("bits", .trailing), .init("error, nearest", .trailing), .init("error", .trailing),
      .init("changed weights", .trailing), .init("bias shift", .trailing), .init("note"),
    ])
    for layer in layers {
      table.add([
        layer.node, "\(layer.bits.rawValue)", number(layer.nearestError), number(layer.error),
        layer.error == nil ? "" : "\(layer.changedWeights)", number(layer.correctedBias.map(Double.init)),
        layer.keptNearest ?? "",
      ])
    }
    return table.rendered + "\n"
  }

  private func number(_ value: Double?) -> String { value.map { String(format: "%.4g", $0) } ?? "" }
}
