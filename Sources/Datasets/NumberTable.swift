import HostTensors
import TensorTypes

/// A table of numbers, one sample a row: `.csv` (comma) or `.tsv` (tab).
///
/// Blank lines are skipped, and so is a first row in which no cell is a number: it is a heading.
enum NumberTable {
  struct Contents {
    /// [rows, columns] of float32; without the last column where that holds the labels.
    var samples: RawArray
    /// The cells of the last column where it was asked for.
    var lastColumn: [Substring]
  }

  static func read(
    _ region: ByteRegion, path: String, separator: Character, labelsInLastColumn: Bool
  ) throws(DatasetError) -> Contents {
    var numbers: [Float] = []
    var lastColumn: [Substring] = []
    var cellsPerRow: Int?
    let lines = try textLines(of: region, path: path)
    for (index, line) in lines.enumerated() where !line.isBlank {
      let cells = line.split(separator: separator, omittingEmptySubsequences: false).map(\.trimmed)
      if cellsPerRow == nil {
        cellsPerRow = cells.count
        if cells.allSatisfy({ Float($0) == nil }) { continue }
      }
      guard cells.count == cellsPerRow else {
        throw .raggedRow(path: path, line: index + 1, expectedCells: cellsPerRow ?? 0, foundCells: cells.count)
      }
      let features = labelsInLastColumn ? cells.dropLast() : cells[...]
      for (column, cell) in features.enumerated() {
        guard let number = Float(cell) else {
          throw .notANumber(path: path, line: index + 1, column: column + 1, found: String(cell.prefix(40)))
        }
        numbers.append(number)
      }
      if labelsInLastColumn, let label = cells.last { lastColumn.append(label) }
    }
    let columns = (cellsPerRow ?? 0) - (labelsInLastColumn ? 1 : 0)
    guard columns > 0, !numbers.isEmpty else {
      throw .malformed(path: path, field: "rows", expected: "at least one row of numbers", found: "none")
    }
    let file = try FileBytes(byteCount: numbers.count * 4) { (target) throws(DatasetError) in
      numbers.withUnsafeBytes { target.copyMemory(from: $0) }
    }
    let samples = RawArray(
      path: path, region: ByteRegion(file), dtype: .float32, shape: [numbers.count / columns, columns])
    return Contents(samples: samples, lastColumn: lastColumn)
  }

  /// The lines of a text file, plain or gzip, in UTF-8.
  static func textLines(of region: ByteRegion, path: String) throws(DatasetError) -> [Substring] {
    let contents = try ByteCursor.wholeContents(of: region, path: path)
    let text = contents.withBytes { String(validating: $0, as: UTF8.self) }
    guard let text else {
      throw .malformed(path: path, field: "text", expected: "UTF-8", found: "other bytes")
    }
    return text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
  }
}

extension Substring {
  /// Without the spaces and tabs at either end.
  var trimmed: Substring {
    let front = drop { $0 == " " || $0 == "\t" }
    guard let last = front.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return front.prefix(0) }
    return front[...last]
  }

  var isBlank: Bool { trimmed.isEmpty }
}
