import Foundation
import Measurement
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// The elements of a picture, read by an XML parser that knows nothing of how it was written.
final class Picture: NSObject, XMLParserDelegate {
  struct Element {
    var name: String
    var attributes: [String: String]
    var text = ""
    /// Classes of the groups around it.
    var groups: [String]
  }

  private(set) var elements: [Element] = []
  private var open: [Int] = []

  /// nil where the text is not well-formed.
  init?(_ svg: String) {
    super.init()
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = self
    guard parser.parse() else { return nil }
  }

  func parser(
    _: XMLParser, didStartElement name: String, namespaceURI _: String?, qualifiedName _: String?,
    attributes: [String: String]
  ) {
    let groups = open.compactMap { elements[$0].attributes["class"] }
    open.append(elements.count)
    elements.append(Element(name: name, attributes: attributes, groups: groups))
  }

  func parser(_: XMLParser, foundCharacters string: String) {
    if let last = open.last { elements[last].text += string }
  }

  func parser(
    _: XMLParser, didEndElement _: String, namespaceURI _: String?, qualifiedName _: String?
  ) {
    open.removeLast()
  }

  func named(_ name: String, in group: String) -> [Element] {
    elements.filter { $0.name == name && $0.groups.contains(group) }
  }

  /// The labels of an axis without its caption, which comes last.
  func ticks(_ axis: String) -> [String] { named("text", in: axis).dropLast().map(\.text) }
}

@Suite struct AxisTicksTests {
  static let labels: [(ClosedRange<Double>, [String])] = [
    (0...1, ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
    (0.17...2.3, ["0", "0.5", "1.0", "1.5", "2.0", "2.5"]),
    (-3...4, ["\u{2212}3", "\u{2212}2", "\u{2212}1", "0", "1", "2", "3", "4"]),
    (8_000...52_000, ["0", "10,000", "20,000", "30,000", "40,000", "50,000", "60,000"]),
    (0...2e-6, ["0", "5e-7", "1e-6", "1.5e-6", "2e-6"]),
    (0...6e12, ["0", "1e12", "2e12", "3e12", "4e12", "5e12", "6e12"]),
  ]

  @Test(arguments: labels)
  func ticksAreRoundNumbersAroundTheData(_ range: ClosedRange<Double>, _ labels: [String]) {
    #expect(AxisTicks(range, count: 6, fit: .around).labels == labels)
  }

  @Test func ticksWithinStayWithin() {
    let ticks = AxisTicks(1...30, count: 8, fit: .within, isWhole: true)
    #expect(ticks.values == [5, 10, 15, 20, 25, 30])
    #expect(AxisTicks(1...3, count: 8, fit: .within, isWhole: true).labels == ["1", "2", "3"])
  }

  static let extremes: [ClosedRange<Double>] = [
    0...0, 5...5, 1e300...1e300, -1e308...1e308, 0...Double.leastNonzeroMagnitude,
    1...1.0000000000000002, -7e-12 ... -7e-12,
  ]

  @Test(arguments: extremes)
  func everyRangeHasSomeTicksThatAscend(_ range: ClosedRange<Double>) {
    let values = AxisTicks(range, count: 6, fit: .around).values
    #expect((2...14).contains(values.count))
    #expect(zip(values, values.dropFirst()).allSatisfy { $0 < $1 && $1.isFinite })
  }
}

@Suite struct LineChartTests {
  private func chart(_ series: [LineChart.Series], title: String = "Loss") -> LineChart {
    LineChart(title, x: PlotAxis("Epoch"), y: PlotAxis("Loss", unit: "nats"), series: series)
  }

  @Test func chartHasAxesLegendAndOnePolylinePerSeries() throws {
    let points = (1...10).map { LineChart.Point(Double($0), 2 / Double($0)) }
    let picture = try #require(
      Picture(
        chart([.init("training", points), .init("validation", points, style: .dashedLine)]).svg))
    #expect(picture.ticks("x-axis") == ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"])
    #expect(picture.ticks("y-axis") == ["0", "0.5", "1.0", "1.5", "2.0"])
    #expect(picture.named("text", in: "y-axis").last?.text == "Loss (nats)")
    #expect(picture.named("text", in: "legend").map(\.text) == ["training", "validation"])
    let lines = picture.named("polyline", in: "series")
    #expect(lines.map { $0.attributes["points"]?.split(separator: " ").count } == [10, 10])
    #expect(lines.map { $0.attributes["stroke-dasharray"] == nil } == [true, false])
    #expect(!picture.elements.contains { $0.name == "script" })
  }

  /// y runs from 368 pixels for 0 up to 44 for 2, x from the left end of its axis to the right one.
  @Test func pointsLieWhereTheAxesSay() throws {
    let picture = try #require(
      Picture(chart([.init("a", [.init(0, 0), .init(1, 1), .init(2, 2)])]).svg))
    let points = try #require(picture.named("polyline", in: "series").first?.attributes["points"])
    let places = points.split(separator: " ").map {
      $0.split(separator: ",").compactMap { Double($0) }
    }
    #expect(places.map { $0[1] } == [368, 206, 44])
    #expect(abs((places[0][0] + places[2][0]) / 2 - places[1][0]) <= 0.01)
  }

  @Test func numbersThatAreNotFiniteBreakTheLine() throws {
    let values = [1, 2, .nan, 3, .infinity, 4, 5, 6, -.infinity, 1.7e308]
    let points = values.enumerated().map { LineChart.Point(Double($0), $1) } + [.init(.nan, 1)]
    let picture = try #require(Picture(chart([.init("a", points)]).svg))
    #expect(
      picture.named("polyline", in: "series").map {
        $0.attributes["points"]?.split(separator: " ").count
      } == [2, 3])
    #expect(picture.named("circle", in: "series").count == 1)
    #expect(
      !picture.elements.contains {
        $0.attributes.values.contains { $0.contains("nan") || $0.contains("inf") }
      })
  }

  @Test func scatterHasOneCircleForEachFinitePoint() throws {
    let points = (0..<20).map { LineChart.Point(Double($0) * 1000, $0 == 7 ? .nan : Double($0)) }
    let picture = try #require(Picture(chart([.init("trials", points, style: .points)]).svg))
    #expect(picture.named("circle", in: "series").count == 19)
    #expect(picture.named("text", in: "legend").isEmpty)
  }

  @Test func textIsEscaped() throws {
    let title = "a < b & \"c\" > d\u{1}"
    let picture = try #require(
      Picture(chart([.init("<x>", []), .init("&", [])], title: title).svg))
    #expect(picture.elements.first { $0.name == "title" }?.text == "a < b & \"c\" > d\u{FFFD}")
    #expect(picture.named("text", in: "legend").map(\.text) == ["<x>", "&"])
  }

  @Test(arguments: [
    [], [LineChart.Point(3, 3)], [.init(.nan, .nan)], [.init(0, 1e300), .init(1, -1e300)],
  ])
  func everyNumberOfPointsGivesAPicture(_ points: [LineChart.Point]) {
    #expect(Picture(chart([.init("a", points)]).svg) != nil)
  }

  @Test func sameNumbersGiveTheSameBytes() {
    let points = (0..<50).map { LineChart.Point(Double($0) / 7, Double($0 * 13 % 17) / 3) }
    #expect(chart([.init("a", points)]).svg == chart([.init("a", points)]).svg)
  }
}

@Suite struct DecisionMapTests {
  private func map(_ grid: DecisionMap.Grid, _ score: (Double, Double) -> Double) -> DecisionMap {
    DecisionMap(
      "xor", x: PlotAxis("a"), y: PlotAxis("b"), grid: grid,
      values: grid.centers.map { score($0.x, $0.y) },
      samples: [
        .init(0, 0, isPositive: false), .init(1, 0, isPositive: true),
        .init(9, 9, isPositive: true),
      ])
  }

  /// The ends of the contour's pieces, in pixels.
  private func contour(_ picture: Picture) -> [[Double]] {
    let path = picture.elements.first { $0.attributes["class"] == "contour" }?.attributes["d"] ?? ""
    return path.split(whereSeparator: { "ML".contains($0) }).map {
      $0.split(separator: " ").compactMap { Double($0) }
    }
  }

  @Test func contourOfARampIsAStraightLineAtOneHalf() throws {
    let grid = DecisionMap.Grid(x: 0...1, y: 0...1, columns: 10, rows: 8)
    let picture = try #require(Picture(map(grid) { x, _ in x }.svg))
    let ends = contour(picture)
    #expect(ends.count == 14)
    let axis = picture.elements.last { $0.name == "polyline" }?.attributes["points"]?.split(
      separator: " ")
    let corners = (axis ?? []).map { $0.split(separator: ",").compactMap { Double($0) } }
    let middle = (corners[1][0] + corners[2][0]) / 2
    #expect(ends.allSatisfy { abs($0[0] - middle) <= 0.011 })
  }

  @Test func cellsCoverTheMapOnce() throws {
    let grid = DecisionMap.Grid(x: -0.5...1.5, y: -0.5...1.5, columns: 12, rows: 9)
    let picture = try #require(Picture(map(grid) { x, y in x * y }.svg))
    var cells = 0
    for path in picture.named("path", in: "cells") {
      for piece in (path.attributes["d"] ?? "").split(separator: "M") {
        let run = piece.split(separator: "h")[1].prefix { $0 != "v" }
        cells += Int(run) ?? 0
      }
    }
    #expect(cells == 12 * 9)
    #expect(picture.named("circle", in: "samples").count == 2)
    #expect(picture.ticks("x-axis") == ["\u{2212}0.5", "0", "0.5", "1.0", "1.5"])
    #expect(picture.named("text", in: "legend").map(\.text) == ["0", "0.5", "1"])
  }

  @Test func scoresThatAreNotNumbersAreLeftOpen() throws {
    let grid = DecisionMap.Grid(x: 0...1, y: 0...1, columns: 4, rows: 4)
    let picture = try #require(Picture(map(grid) { _, _ in .nan }.svg))
    #expect(picture.named("path", in: "cells").isEmpty && contour(picture).isEmpty)
    let extreme = try #require(Picture(map(grid) { x, _ in x < 0.5 ? -.infinity : .infinity }.svg))
    #expect(extreme.named("path", in: "cells").count == 2 && contour(extreme).isEmpty)
  }

  /// The saddle of xor: two pieces in the middle square, which do not cross.
  @Test func saddlesGiveTwoPieces() throws {
    let grid = DecisionMap.Grid(x: 0...1, y: 0...1, columns: 2, rows: 2)
    let picture = try #require(Picture(map(grid) { x, y in (x < 0.5) == (y < 0.5) ? 0 : 0.8 }.svg))
    let ends = contour(picture)
    #expect(ends.count == 4)
    // The mean, 0.4, is below one half: the corners above it are cut off, each by a piece of its own.
    #expect((ends[0][0] - ends[1][0]) * (ends[0][1] - ends[1][1]) < 0)
    #expect((ends[2][0] - ends[3][0]) * (ends[2][1] - ends[3][1]) < 0)
  }
}
