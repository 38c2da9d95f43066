import Foundation

extension PruningReport: CustomStringConvertible {
  /// A table to read: one line for each layer, then all of them together.
  public var description: String {
    let header = ["layer", "shape", "weights", "zeros before", "zeros", "sparsity", "threshold"]
    let rows = layers.map { layer in
      [
        layer.name, layer.shape.map(String.init).joined(separator: "x"), "\(layer.weights)", "\(layer.zerosBefore)",
        "\(layer.zerosAfter)", Self.percent(layer.sparsity),
        layer.isExcluded ? "left as it is" : layer.threshold.map { String(format: "%.4g", $0) } ?? "-",
      ]
    }
    let total = ["all", "", "\(weights)", "\(zerosBefore)", "\(zerosAfter)", Self.percent(sparsity), ""]
    let table = [header] + rows + [total]
    let widths = header.indices.map { column in table.map { $0[column].count }.max() ?? 0 }
    let lines = table.map { row in
      zip(row.indices, zip(row, widths)).map { column, cell in
        let space = String(repeating: " ", count: cell.1 - cell.0.count)
        return column < 2 ? cell.0 + space : space + cell.0
      }.joined(separator: "  ").trimmingTrailingSpaces
    }
    return (lines + [summary]).joined(separator: "\n")
  }

  private var summary: String {
    "pruned by \(importance.rawValue), scope \(scope.rawValue), pattern \(pattern): "
      + "\(zerosAfter) of \(weights) weights are zero, \(Self.percent(sparsity)), asked for "
      + Self.percent(requestedSparsity)
      + (dropoutFactor.map { String(format: "\nrates of Dropout multiplied by %.2f", $0) } ?? "")
  }

  private static func percent(_ share: Double) -> String { String(format: "%.2f %%", 100 * share) }
}

extension String {
  fileprivate var trimmingTrailingSpaces: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}
