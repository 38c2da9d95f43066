/// A picture as SVG 1.1, built element by element; the same calls give the same bytes.
struct SVGText {
  private(set) var lines: [String] = []

  /// Begins a picture of `width` x `height` pixels on white; `title` is what a screen reader says.
  init(width: Double, height: Double, title: String) {
    let (width, height) = (Self.number(width), Self.number(height))
    lines.append(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(width) \(height)\" width=\"\(width)\" "
        + "height=\"\(height)\" role=\"img\" font-family=\"system-ui, 'Helvetica Neue', Arial, sans-serif\" "
        + "font-size=\"12\" fill=\"\(Ink.text)\">")
    lines.append("<title>\(Self.escaped(title))</title>")
    lines.append("<rect width=\"\(width)\" height=\"\(height)\" fill=\"#ffffff\"/>")
  }

  /// The finished document.
  var document: String { (lines + ["</svg>", ""]).joined(separator: "\n") }

  mutating func add(_ element: String) { lines.append(element) }

  enum Anchor: String {
    case start, middle, end
  }

  /// A line of text; `extra` holds further attributes.
  mutating func text(_ string: String, x: Double, y: Double, anchor: Anchor = .start, _ extra: String = "") {
    guard !string.isEmpty else { return }
    let anchor = anchor == .start ? "" : " text-anchor=\"\(anchor.rawValue)\""
    let extra = extra.isEmpty ? "" : " " + extra
    add("<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\"\(anchor)\(extra)>\(Self.escaped(string))</text>")
  }

  mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, stroke: String) {
    let ends = zip(["x1", "y1", "x2", "y2"], [x1, y1, x2, y2]).map { "\($0)=\"\(Self.number($1))\"" }
    add("<line \(ends.joined(separator: " ")) stroke=\"\(stroke)\"/>")
  }

  /// At most two decimals: a hundredth of a pixel.
  static func number(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    let sign = hundredths < 0 ? "-" : ""
    let (whole, rest) = abs(hundredths).quotientAndRemainder(dividingBy: 100)
    if rest == 0 { return "\(sign)\(whole)" }
    return rest % 10 == 0 ? "\(sign)\(whole).\(rest / 10)" : "\(sign)\(whole).\(rest < 10 ? "0" : "")\(rest)"
  }

  /// Markup characters as entities; control characters, which XML 1.0 forbids, as the replacement character.
  static func escaped(_ string: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in string.unicodeScalars {
      switch scalar {
      case "&": result.append(contentsOf: "&amp;".unicodeScalars)
      case "<": result.append(contentsOf: "&lt;".unicodeScalars)
      case ">": result.append(contentsOf: "&gt;".unicodeScalars)
      case "\"": result.append(contentsOf: "&quot;".unicodeScalars)
      case "\t", "\n", "\r": result.append(" ")
      default:
        let isForbidden = scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF
        result.append(isForbidden ? "\u{FFFD}" : scalar)
      }
    }
    return String(result)
  }

  /// Pixels that `string` takes at 12 pixels, on the safe side.
  static func width(of string: String) -> Double { Double(string.count) * 7 }
}

/// The colours of all pictures.
enum Ink {
  static let text = "#24292f"
  static let faint = "#57606a"
  static let axis = "#8c959f"
  static let grid = "#e6e9ec"

  /// Apart from one another for the colour-blind too (Okabe and Ito 2008, yellow left out).
  static let series = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5c4d9a", "#6e6e6e"]
}
