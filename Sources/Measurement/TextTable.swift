/// Rows of text in aligned columns, for a terminal.
public struct TextTable: Sendable, Equatable {
  public enum Alignment: Sendable { case leading, trailing }

  public struct Column: Sendable, Equatable {
    public var title: String
    public var alignment: Alignment

    public init(_ title: String, _ alignment: Alignment = .leading) {
      self.title = title
      self.alignment = alignment
    }
  }

  public let columns: [Column]
  public private(set) var rows: [[String]] = []

  public init(_ columns: [Column]) { self.columns = columns }

  /// Adds a row with one cell for each column.
  public mutating func add(_ cells: [String]) {
    precondition(cells.count == columns.count, "\(cells.count) cells for \(columns.count) columns")
    rows.append(cells)
  }

  /// Titles, a rule and the rows, two spaces between columns, no space at line ends, each line ended.
  public var rendered: String {
    let titles = columns.map(\.title)
    let widths = columns.indices.map { column in
      rows.reduce(titles[column].count) { Swift.max($0, $1[column].count) }
    }
    let rule = widths.map { String(repeating: "-", count: $0) }
    return ([titles, rule] + rows).map { line($0, widths: widths) + "\n" }.joined()
  }

  private func line(_ cells: [String], widths: [Int]) -> String {
    var line = ""
    for (column, cell) in cells.enumerated() {
      let padding = String(repeating: " ", count: widths[column] - cell.count)
      line += (column == 0 ? "" : "  ") + (columns[column].alignment == .leading ? cell + padding : padding + cell)
    }
    guard let last = line.lastIndex(where: { $0 != " " }) else { return "" }
    return String(line[...last])
  }
}

extension BinaryInteger {
  /// The number in decimal with a comma between thousands, such as 1,234,567.
  public var grouped: String {
    let digits = Array(String(magnitude))
    var text = self < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0 && (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return text
  }
}

extension Double {
  /// The number with `decimals` digits after the point and a comma between thousands; `nan` and `inf` as such.
  public func grouped(decimals: Int) -> String {
    precondition((0...9).contains(decimals), "\(decimals) decimals")
    guard isFinite, magnitude < 1e9 else { return isFinite ? "\(self)" : isNaN ? "nan" : self < 0 ? "-inf" : "inf" }
    let scale = (0..<decimals).reduce(1) { product, _ in product * 10 }
    let scaled = Int((magnitude * Double(scale)).rounded())
    let fraction = String(scaled % scale)
    let zeros = String(repeating: "0", count: decimals - Swift.min(fraction.count, decimals))
    return (self < 0 && scaled > 0 ? "-" : "") + (scaled / scale).grouped
      + (decimals == 0 ? "" : "." + zeros + fraction)
  }
}
