/// Where something stands in a recipe.
public struct RecipePlace: Sendable, Equatable {
  public var file: String
  /// Keys and indices from the top, joined by dots, as overrides write them; empty for the whole document.
  public var key: String
  /// Counts from 1; nil where the value came from an override.
  public var line: Int?

  public init(file: String, key: String, line: Int? = nil) {
    self.file = file
    self.key = key
    self.line = line
  }
}

/// What is wrong with a recipe; every case carries the facts.
public enum RecipeError: Error, Equatable, Sendable {
  /// The system refused to open or read `path`.
  case unreadable(path: String, reason: String)
  /// Not YAML. `line` counts from 1.
  case malformedYAML(path: String, line: Int?, reason: String)
  case unknownKey(RecipePlace, known: [String])
  case missingKey(RecipePlace)
  /// The value is not what the key takes.
  case wrongValue(RecipePlace, expected: String, found: String)
  /// The value names a `what` (a layer, a loss) that does not exist.
  case unknownName(RecipePlace, what: String, found: String, known: [String])
  /// A path of an override or of a search range that leads nowhere.
  case noSuchPlace(RecipePlace, reason: String)
}

/// One English sentence per case, for the command line.
extension RecipeError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
    case .malformedYAML(let path, let line, let reason):
      "\(path)\(line.map { ":\($0)" } ?? ""): not valid YAML: \(reason)"
    case .unknownKey(let place, let known):
      "\(place): unknown key\(Self.hint(place.lastKey, known)); known here: \(known.joined(separator: ", "))"
    case .missingKey(let place): "\(place): the key is missing"
    case .wrongValue(let place, let expected, let found): "\(place): expected \(expected), found \(found)"
    case .unknownName(let place, let what, let found, let known):
      "\(place): unknown \(what) '\(found)'\(Self.hint(found, known)); known are: \(known.joined(separator: ", "))"
    case .noSuchPlace(let place, let reason): "\(place): \(reason)"
    }
  }

  private static func hint(_ name: String, _ known: [String]) -> String {
    nearestName(to: name, in: known).map { ": did you mean \($0)?" } ?? ""
  }
}

extension RecipePlace: CustomStringConvertible {
  public var description: String {
    "\(file)\(line.map { ":\($0)" } ?? "")\(key.isEmpty ? "" : ": \(key)")"
  }

  fileprivate var lastKey: String { key.split(separator: ".").last.map(String.init) ?? key }
}

/// The name in `known` that `name` is most likely a slip of; nil where none is near.
///
/// Near is at most one letter wrong in three, by the number of letters to insert, remove, replace or swap with
/// their neighbours (optimal string alignment).
func nearestName(to name: String, in known: [String]) -> String? {
  let distances = known.map { (name: $0, distance: alignmentDistance(Array(name), Array($0))) }
  guard let best = distances.min(by: { $0.distance < $1.distance }) else { return nil }
  return best.distance <= max(1, max(name.count, best.name.count) / 3) ? best.name : nil
}

private func alignmentDistance(_ a: [Character], _ b: [Character]) -> Int {
  var beforeLast: [Int] = []
  var last = Array(0...b.count)
  for row in a.indices {
    var current = [row + 1]
    for column in b.indices {
      var distance = min(last[column + 1], current[column]) + 1
      distance = min(distance, last[column] + (a[row] == b[column] ? 0 : 1))
      if row > 0, column > 0, a[row] == b[column - 1], a[row - 1] == b[column] {
        distance = min(distance, beforeLast[column - 1] + 1)
      }
      current.append(distance)
    }
    beforeLast = last
    last = current
  }
  return last[b.count]
}
