import Foundation
import Yams

/// A value of a recipe that hyperparameter search draws.
public struct SearchDimension: Sendable, Equatable {
  /// Dotted path of the value.
  public var key: String
  public var range: SearchRange

  public init(key: String, range: SearchRange) {
    self.key = key
    self.range = range
  }
}

/// What a search draws from.
public enum SearchRange: Sendable, Equatable {
  case uniform(Double, Double)
  /// Evenly over the logarithm.
  case logUniform(Double, Double)
  /// Integers, both bounds included.
  case integers(Int, Int)
  /// One of these, written as YAML.
  case choice([String])

  /// The value at `position` in 0..<1, as an override writes it; numbers have four significant digits.
  public func text(at position: Double) -> String {
    switch self {
    case .uniform(let low, let high): return Self.short(low + (high - low) * position, in: low...high)
    case .logUniform(let low, let high):
      return Self.short(exp(log(low) + (log(high) - log(low)) * position), in: low...high)
    case .integers(let low, let high):
      return String(low + min(Int(Double(high - low + 1) * position), high - low))
    case .choice(let texts):
      return texts[min(Int(Double(texts.count) * position), texts.count - 1)]
    }
  }

  private static func short(_ number: Double, in bounds: ClosedRange<Double>) -> String {
    let rounded = Double(String(format: "%.3e", number)) ?? number
    return "\(min(max(rounded, bounds.lowerBound), bounds.upperBound))"
  }
}

extension SearchDimension {
  /// Reads `tune`: ranges by the paths of what they are for.
  static func list(_ value: RecipeValue) throws(RecipeError) -> [SearchDimension] {
    var dimensions: [SearchDimension] = []
    for entry in try value.mapping().entries {
      dimensions.append(SearchDimension(key: entry.key, range: try SearchRange(entry.value)))
    }
    return dimensions
  }
}

extension SearchRange {
  /// The names in recipes.
  enum Name: String, CaseIterable {
    case uniform, integers, choice
    case logUniform = "log_uniform"
  }

  init(_ value: RecipeValue) throws(RecipeError) {
    let named = try NamedArguments(value, what: "range")
    let name = try named.choice(Name.self, what: "range")
    guard let arguments = named.arguments else {
      throw .wrongValue(named.place, expected: "\(named.name): [low, high]", found: "the name alone")
    }
    switch name {
    case .uniform:
      let bounds = try Self.bounds(arguments) { (value) throws(RecipeError) in try value.number(in: .any) }
      self = .uniform(bounds.0, bounds.1)
    case .logUniform:
      let bounds = try Self.bounds(arguments) { (value) throws(RecipeError) in try value.number(in: .positive) }
      self = .logUniform(bounds.0, bounds.1)
    case .integers:
      let limit = 1 << 40
      let bounds = try Self.bounds(arguments) { (value) throws(RecipeError) in
        try value.integer(in: -limit...limit)
      }
      self = .integers(bounds.0, bounds.1)
    case .choice:
      var texts: [String] = []
      for element in try arguments.elements("a list of values") { texts.append(try element.yaml()) }
      self = .choice(texts)
    }
  }

  private static func bounds<T: Comparable>(
    _ value: RecipeValue, _ read: (RecipeValue) throws(RecipeError) -> T
  ) throws(RecipeError) -> (T, T) {
    let elements = try value.elements("[low, high]")
    guard elements.count == 2 else { throw value.wrong("[low, high]") }
    let (low, high) = (try read(elements[0]), try read(elements[1]))
    guard low < high else {
      throw .wrongValue(value.place, expected: "[low, high] with low below high", found: "[\(low), \(high)]")
    }
    return (low, high)
  }
}

extension RecipeValue {
  /// The value as one line of YAML.
  fileprivate func yaml() throws(RecipeError) -> String {
    do {
      let text = try serialize(node: node, width: -1, sequenceStyle: .flow, mappingStyle: .flow)
      return text.trimmingCharacters(in: .whitespacesAndNewlines)
    } catch { throw .malformedYAML(path: file, line: place.line, reason: "\(error)") }
  }
}
