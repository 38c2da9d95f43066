/// Numbers against numbers: learning curves, or trials as a cloud of points.
public struct LineChart: Sendable {
  public struct Point: Sendable, Equatable {
    public var x: Double
    public var y: Double

    public init(_ x: Double, _ y: Double) {
      self.x = x
      self.y = y
    }

    /// Whether there is a place for it: both are numbers, and not so great that their differences are infinite.
    var isDrawn: Bool { abs(x) <= AxisTicks.greatestMagnitude && abs(y) <= AxisTicks.greatestMagnitude }
  }

  public struct Series: Sendable {
    public enum Style: Sendable {
      case line
      /// As of training beside validation.
      case dashedLine
      case points
    }

    public var name: String
    public var points: [Point]
    public var style: Style

    /// In the order in which lines connect them; what is not a finite number is left out, and the line is
    /// broken there.
    public init(_ name: String, _ points: [Point], style: Style = .line) {
      self.name = name
      self.points = points
      self.style = style
    }
  }

  public var title: String
  public var x: PlotAxis
  public var y: PlotAxis
  public var series: [Series]

  public init(_ title: String, x: PlotAxis, y: PlotAxis, series: [Series]) {
    self.title = title
    self.x = x
    self.y = y
    self.series = series
  }

  static let (pixelWidth, pixelHeight) = (720.0, 420.0)

  /// The picture: 720 x 420 pixels, without script, the same bytes for the same numbers.
  public var svg: String {
    let drawn = series.flatMap(\.points).filter(\.isDrawn)
    let hasLines = series.contains { $0.style != .points }
    let margin = hasLines ? 0 : 0.04
    let yTicks = AxisTicks(Self.range(drawn.map(\.y), margin: margin), count: 6, fit: .around)
    let yValues = yTicks.values
    let legendWidth = series.count > 1 ? (series.map { SVGText.width(of: $0.name) }.max() ?? 0) + 44 : 0
    let frame = PlotFrame(
      left: PlotFrame.left(for: yTicks), top: 44, right: Self.pixelWidth - 28 - min(legendWidth, 240),
      bottom: Self.pixelHeight - 52, xRange: Self.range(drawn.map(\.x), margin: margin),
      yRange: (yValues.first ?? 0)...(yValues.last ?? 1))
    var svg = SVGText(width: Self.pixelWidth, height: Self.pixelHeight, title: title)
    svg.text(title, x: frame.left, y: 26, "font-size=\"15\" font-weight=\"600\"")
    frame.drawAxes(in: &svg, x: xTicks(drawn, frame, hasLines: hasLines), x, y: yTicks, y, hasGrid: true)
    for (index, item) in series.enumerated() { draw(item, Self.colour(index), frame, in: &svg) }
    if series.count > 1 { drawLegend(x: frame.right + 16, y: frame.top + 8, in: &svg) }
    return svg.document
  }

  /// As many ticks as their labels leave room for, on whole numbers where lines connect whole numbers.
  private func xTicks(_ drawn: [Point], _ frame: PlotFrame, hasLines: Bool) -> AxisTicks {
    let isWhole = hasLines && drawn.allSatisfy { $0.x == $0.x.rounded() }
    func ticks(_ count: Int) -> AxisTicks { AxisTicks(frame.xRange, count: count, fit: .within, isWhole: isWhole) }
    let many = ticks(8)
    let width = many.labels.reduce(0) { $0 + SVGText.width(of: $1) + 16 }
    return width <= frame.right - frame.left ? many : ticks(4)
  }

  private static func colour(_ index: Int) -> String { Ink.series[index % Ink.series.count] }

  /// From the least to the greatest value and `margin` of that beyond; 0...1 where there are none.
  private static func range(_ values: [Double], margin: Double) -> ClosedRange<Double> {
    guard let low = values.min(), let high = values.max() else { return 0...1 }
    let range = AxisTicks.widened(low...high)
    let room = (range.upperBound - range.lowerBound) * margin
    return range.lowerBound - room...range.upperBound + room
  }

  private func draw(_ series: Series, _ colour: String, _ frame: PlotFrame, in svg: inout SVGText) {
    svg.add("<g class=\"series\">")
    if series.style == .points {
      for point in series.points where point.isDrawn { drawPoint(point, colour, frame, in: &svg) }
    } else {
      for run in series.points.split(whereSeparator: { !$0.isDrawn }) {
        if run.count == 1 {
          drawPoint(run[run.startIndex], colour, frame, in: &svg)
          continue
        }
        let points = run.map { "\(SVGText.number(frame.x($0.x))),\(SVGText.number(frame.y($0.y)))" }
        svg.add(
          "<polyline points=\"\(points.joined(separator: " "))\" fill=\"none\" \(Self.stroke(colour, series.style))/>")
      }
    }
    svg.add("</g>")
  }

  private static func stroke(_ colour: String, _ style: Series.Style) -> String {
    let dashes = style == .dashedLine ? " stroke-dasharray=\"6 4\"" : ""
    return "stroke=\"\(colour)\" stroke-width=\"2\" stroke-linejoin=\"round\"\(dashes)"
  }

  private func drawPoint(_ point: Point, _ colour: String, _ frame: PlotFrame, in svg: inout SVGText) {
    let (x, y) = (SVGText.number(frame.x(point.x)), SVGText.number(frame.y(point.y)))
    svg.add("<circle cx=\"\(x)\" cy=\"\(y)\" r=\"4\" fill=\"\(colour)\" fill-opacity=\"0.75\"/>")
  }

  private func drawLegend(x: Double, y: Double, in svg: inout SVGText) {
    svg.add("<g class=\"legend\">")
    for (index, item) in series.enumerated() {
      let (colour, middle) = (Self.colour(index), y + Double(index) * 20)
      if item.style == .points {
        svg.add(
          "<circle cx=\"\(SVGText.number(x + 11))\" cy=\"\(SVGText.number(middle))\" r=\"4\" fill=\"\(colour)\"/>")
      } else {
        let (from, to, y) = (SVGText.number(x), SVGText.number(x + 22), SVGText.number(middle))
        svg.add("<path d=\"M\(from) \(y)H\(to)\" \(Self.stroke(colour, item.style))/>")
      }
      svg.text(item.name, x: x + 28, y: middle + 4)
    }
    svg.add("</g>")
  }
}
