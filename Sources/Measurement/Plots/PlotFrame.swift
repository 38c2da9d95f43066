/// An axis of a picture.
public struct PlotAxis: Sendable, Equatable {
  public var label: String
  /// Shown in parentheses after the label, for example `ms`.
  public var unit: String?

  public init(_ label: String, unit: String? = nil) {
    self.label = label
    self.unit = unit
  }

  var caption: String { unit.map { "\(label) (\($0))" } ?? label }
}

/// The rectangle that data are drawn in, and where each number lies.
struct PlotFrame {
  /// Pixels, from the left and from above.
  var left, top, right, bottom: Double
  var xRange, yRange: ClosedRange<Double>

  func x(_ value: Double) -> Double {
    left + (value - xRange.lowerBound) / (xRange.upperBound - xRange.lowerBound) * (right - left)
  }

  func y(_ value: Double) -> Double {
    bottom - (value - yRange.lowerBound) / (yRange.upperBound - yRange.lowerBound) * (bottom - top)
  }

  /// Draws axes with ticks and captions, and grid lines where `hasGrid`.
  func drawAxes(
    in svg: inout SVGText, x xTicks: AxisTicks, _ xAxis: PlotAxis, y yTicks: AxisTicks, _ yAxis: PlotAxis,
    hasGrid: Bool
  ) {
    svg.add("<g class=\"x-axis\">")
    for (value, label) in zip(xTicks.values, xTicks.labels) {
      if hasGrid { svg.line(x(value), top, x(value), bottom, stroke: Ink.grid) }
      svg.line(x(value), bottom, x(value), bottom + 5, stroke: Ink.axis)
      svg.text(label, x: x(value), y: bottom + 18, anchor: .middle)
    }
    svg.text(xAxis.caption, x: (left + right) / 2, y: bottom + 38, anchor: .middle, "fill=\"\(Ink.faint)\"")
    svg.add("</g>")
    svg.add("<g class=\"y-axis\">")
    for (value, label) in zip(yTicks.values, yTicks.labels) {
      if hasGrid { svg.line(left, y(value), right, y(value), stroke: Ink.grid) }
      svg.line(left - 5, y(value), left, y(value), stroke: Ink.axis)
      svg.text(label, x: left - 9, y: y(value) + 4, anchor: .end)
    }
    let (captionX, captionY) = (SVGText.number(18), SVGText.number((top + bottom) / 2))
    svg.text(
      yAxis.caption, x: 18, y: (top + bottom) / 2, anchor: .middle,
      "fill=\"\(Ink.faint)\" transform=\"rotate(-90 \(captionX) \(captionY))\"")
    svg.add("</g>")
    let corners = [(left, top), (left, bottom), (right, bottom)]
    let points = corners.map { "\(SVGText.number($0.0)),\(SVGText.number($0.1))" }.joined(separator: " ")
    svg.add("<polyline points=\"\(points)\" fill=\"none\" stroke=\"\(Ink.axis)\"/>")
  }

  /// The left edge that leaves room for the labels of `ticks` and for the caption.
  static func left(for ticks: AxisTicks) -> Double { 34 + (ticks.labels.map(SVGText.width).max() ?? 0) }
}
