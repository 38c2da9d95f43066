/// Pictures below each other in one.
public struct PlotStack: Sendable {
  public var charts: [LineChart]

  public init(_ charts: [LineChart]) { self.charts = charts }

  /// Each chart keeps its size; an SVG image may hold others (SVG 2, section 8.2).
  public var svg: String {
    let height = LineChart.pixelHeight
    let inner = charts.enumerated().map { index, chart in
      "<g transform=\"translate(0 \(height * Double(index)))\">\n\(chart.svg)</g>\n"
    }
    let size = "width=\"\(Int(LineChart.pixelWidth))\" height=\"\(Int(height) * charts.count)\""
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" \(size)>\n\(inner.joined())</svg>\n"
  }
}
