extension EvaluationReport {
  /// The figures as lines to read, classes in a table.
  public var table: String {
    var text = "samples   \(samples.grouped)\n"
    if let accuracy { text += "accuracy  \((accuracy * 100).grouped(decimals: 2)) %\n" }
    if let top5, (classes?.count ?? 0) > 5 { text += "top-5     \((top5 * 100).grouped(decimals: 2)) %\n" }
    if let macroF1 { text += "macro F1  \(macroF1.grouped(decimals: 4))\n" }
    if let mse { text += "mse       \(mse)\n" }
    if let auc { text += "AUC       \(auc.grouped(decimals: 4))\n" }
    if let missing = samplesWithoutPrediction, missing > 0 {
      text += "not a number in every score: \(missing) samples\n"
    }
    if let classes { text += "\n" + classTable(classes) }
    if let matrix = confusionMatrix, matrix.count <= 20 { text += "\n" + confusionTable(matrix) }
    return text
  }

  private func classTable(_ classes: [ClassRow]) -> String {
    var table = TextTable([
      .init("class"), .init("samples", .trailing), .init("precision", .trailing), .init("recall", .trailing),
      .init("F1", .trailing),
    ])
    for row in classes where row.support > 0 || classes.count <= 20 {
      table.add([
        row.name, row.support.grouped, row.precision.grouped(decimals: 4), row.recall.grouped(decimals: 4),
        row.f1.grouped(decimals: 4),
      ])
    }
    return table.rendered
  }

  private func confusionTable(_ matrix: [[Int]]) -> String {
    var table = TextTable([.init("true \\ predicted")] + matrix.indices.map { .init(name($0), .trailing) })
    for (label, row) in matrix.enumerated() { table.add([name(label)] + row.prefix(matrix.count).map(\.grouped)) }
    return table.rendered
  }

  private func name(_ label: Int) -> String { classes.map { $0[label].name } ?? String(label) }
}

extension BenchReport {
  /// The figures as lines to read, steps in a table.
  public var table: String {
    var text = """
      instruction set  \(isa), \(threads) thread\(threads == 1 ? "" : "s")
      latency (us)     min \(latency.min.grouped(decimals: 1)), p50 \(latency.p50.grouped(decimals: 1)), \
      p90 \(latency.p90.grouped(decimals: 1)), p99 \(latency.p99.grouped(decimals: 1))
      load (us)        \(loadMicroseconds.grouped(decimals: 0))
      first run (us)   \(firstMicroseconds.grouped(decimals: 1))
      products         \(macs.grouped) MAC, \(speed) GMAC/s
      arena            \(arenaBytes.grouped) bytes
      peak resident    \(peakResidentBytes.grouped) bytes (this process)

      """
    guard let steps else { return text }
    var table = TextTable([
      .init("#", .trailing), .init("step"), .init("us", .trailing), .init("%", .trailing), .init("MAC", .trailing),
      .init("GMAC/s", .trailing), .init("name"),
    ])
    let total = steps.reduce(0) { $0 + $1.us }
    for step in steps {
      table.add([
        String(step.index), step.kind, step.us.grouped(decimals: 1), (step.us / total * 100).grouped(decimals: 1),
        step.macs.grouped, step.macs > 0 ? (Double(step.macs) / step.us / 1000).grouped(decimals: 1) : "", step.name,
      ])
    }
    text += "\n" + table.rendered
    return text
  }

  private var speed: String { (Double(macs) / latency.p50 / 1000).grouped(decimals: 1) }
}
