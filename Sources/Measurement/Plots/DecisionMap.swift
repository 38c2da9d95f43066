/// What a network with two inputs says over a rectangle of them: a filled map, with the line where it is undecided.
public struct DecisionMap: Sendable {
  /// A sample that the network learned from or is judged by.
  public struct Sample: Sendable, Equatable {
    public var x: Double
    public var y: Double
    public var isPositive: Bool

    public init(_ x: Double, _ y: Double, isPositive: Bool) {
      self.x = x
      self.y = y
      self.isPositive = isPositive
    }
  }

  /// The cells that the rectangle is cut into; the network is asked at their centres.
  public struct Grid: Sendable, Equatable {
    public let xRange: ClosedRange<Double>
    public let yRange: ClosedRange<Double>
    public let columns: Int
    public let rows: Int

    /// Both ranges are finite and not empty; there are at least 2 columns and 2 rows.
    public init(x: ClosedRange<Double>, y: ClosedRange<Double>, columns: Int = 96, rows: Int = 96) {
      precondition(columns >= 2 && rows >= 2, "a map of \(columns) x \(rows) cells")
      precondition(
        (x.upperBound - x.lowerBound).isFinite && x.lowerBound < x.upperBound
          && (y.upperBound - y.lowerBound).isFinite && y.lowerBound < y.upperBound, "a map over \(x) and \(y)")
      (xRange, yRange, self.columns, self.rows) = (x, y, columns, rows)
    }

    /// The centre of a cell; row 0 is the lowest.
    public func center(column: Int, row: Int) -> (x: Double, y: Double) {
      (position(Double(column), xRange, columns), position(Double(row), yRange, rows))
    }

    /// The centres in the order of a map's values: row by row from below.
    public var centers: [(x: Double, y: Double)] {
      (0..<rows).flatMap { row in (0..<columns).map { center(column: $0, row: row) } }
    }

    /// Where cell `index`, counted from the first centre, lies; fractions are between centres.
    func position(_ index: Double, _ range: ClosedRange<Double>, _ count: Int) -> Double {
      range.lowerBound + (range.upperBound - range.lowerBound) * (index + 0.5) / Double(count)
    }
  }

  public var title: String
  public var x: PlotAxis
  public var y: PlotAxis
  public let grid: Grid
  /// Scores of 0...1 at `grid.centers`.
  public let values: [Double]
  public var samples: [Sample]

  /// `values` holds one score for each cell; those beyond 0...1 get the colour of the nearest end, those that are not
  /// numbers none.
  public init(
    _ title: String, x: PlotAxis, y: PlotAxis, grid: Grid, values: [Double], samples: [Sample] = []
  ) {
    precondition(values.count == grid.columns * grid.rows, "\(values.count) values for \(grid)")
    (self.title, self.x, self.y, self.grid, self.values, self.samples) = (title, x, y, grid, values, samples)
  }

  /// The picture: 520 x 460 pixels, without script, the same bytes for the same numbers.
  public var svg: String {
    let xTicks = AxisTicks(grid.xRange, count: 5, fit: .within)
    let yTicks = AxisTicks(grid.yRange, count: 5, fit: .within)
    let left = PlotFrame.left(for: yTicks)
    let frame = PlotFrame(
      left: left, top: 44, right: left + 364, bottom: 408, xRange: grid.xRange, yRange: grid.yRange)
    var svg = SVGText(width: left + 364 + 86, height: 460, title: title)
    svg.text(title, x: frame.left, y: 26, "font-size=\"15\" font-weight=\"600\"")
    drawCells(frame, in: &svg)
    drawContour(frame, in: &svg)
    frame.drawAxes(in: &svg, x: xTicks, x, y: yTicks, y, hasGrid: false)
    drawSamples(frame, in: &svg)
    drawScale(x: frame.right + 20, frame, in: &svg)
    return svg.document
  }

  /// Shades of a map, from `low` over white to `high`.
  private static let shades = 32

  private static func shade(_ value: Double) -> Int? {
    value.isNaN ? nil : Int((min(max(value, 0), 1) * Double(shades)).rounded())
  }

  private static func colour(_ shade: Int) -> String {
    let position = Double(shade) / Double(shades) * 2 - 1
    let end: [Double] = position < 0 ? [74, 144, 196] : [232, 132, 58]
    let digits = end.map { channel in
      let value = Int((255 + (channel - 255) * abs(position)).rounded())
      return (value < 16 ? "0" : "") + String(value, radix: 16)
    }
    return "#" + digits.joined()
  }

  /// One path for each shade, in units of cells from the upper left; neighbours of one shade in a row are one piece.
  private func drawCells(_ frame: PlotFrame, in svg: inout SVGText) {
    var paths = [String](repeating: "", count: Self.shades + 1)
    for row in 0..<grid.rows {
      let shades = (0..<grid.columns).map { Self.shade(values[(grid.rows - 1 - row) * grid.columns + $0]) }
      var start = 0
      while start < shades.count {
        var end = start + 1
        while end < shades.count && shades[end] == shades[start] { end += 1 }
        if let shade = shades[start] { paths[shade] += "M\(start) \(row)h\(end - start)v1h\(start - end)z" }
        start = end
      }
    }
    // Not by `SVGText.number`, whose two decimals would add up over a row of cells.
    let scale = "\((frame.right - frame.left) / Double(grid.columns)) \((frame.bottom - frame.top) / Double(grid.rows))"
    let corner = "\(SVGText.number(frame.left)) \(SVGText.number(frame.top))"
    svg.add("<g class=\"cells\" shape-rendering=\"crispEdges\" transform=\"translate(\(corner)) scale(\(scale))\">")
    for (shade, path) in paths.enumerated() where !path.isEmpty {
      svg.add("<path fill=\"\(Self.colour(shade))\" d=\"\(path)\"/>")
    }
    svg.add("</g>")
  }

  private func drawContour(_ frame: PlotFrame, in svg: inout SVGText) {
    let path = contour(at: 0.5).map { segment in
      let ends = [segment.from, segment.to].map { "\(SVGText.number(frame.x($0.x))) \(SVGText.number(frame.y($0.y)))" }
      return "M\(ends[0])L\(ends[1])"
    }
    guard !path.isEmpty else { return }
    svg.add(
      "<path class=\"contour\" d=\"\(path.joined())\" fill=\"none\" stroke=\"\(Ink.text)\" stroke-width=\"1.5\" "
        + "stroke-linecap=\"round\"/>")
  }

  private func drawSamples(_ frame: PlotFrame, in svg: inout SVGText) {
    svg.add("<g class=\"samples\" stroke=\"#ffffff\" stroke-width=\"1.5\">")
    for sample in samples where sample.x.isFinite && sample.y.isFinite {
      guard grid.xRange.contains(sample.x), grid.yRange.contains(sample.y) else { continue }
      let colour = sample.isPositive ? "#a34a08" : "#10538a"
      let (x, y) = (SVGText.number(frame.x(sample.x)), SVGText.number(frame.y(sample.y)))
      svg.add("<circle cx=\"\(x)\" cy=\"\(y)\" r=\"6\" fill=\"\(colour)\"/>")
    }
    svg.add("</g>")
  }

  private func drawScale(x: Double, _ frame: PlotFrame, in svg: inout SVGText) {
    svg.add("<g class=\"legend\" shape-rendering=\"crispEdges\">")
    let height = (frame.bottom - frame.top) / Double(Self.shades + 1)
    for shade in 0...Self.shades {
      svg.add(
        "<rect x=\"\(SVGText.number(x))\" y=\"\(SVGText.number(frame.bottom - Double(shade + 1) * height))\" width=\"14\" "
          + "height=\"\(SVGText.number(height))\" fill=\"\(Self.colour(shade))\"/>")
    }
    for (label, share) in [("0", 0.0), ("0.5", 0.5), ("1", 1)] {
      let y = frame.bottom - height / 2 - share * Double(Self.shades) * height
      svg.line(x + 14, y, x + 19, y, stroke: Ink.axis)
      svg.text(label, x: x + 23, y: y + 4)
    }
    svg.add("</g>")
  }
}
