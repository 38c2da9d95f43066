import Yams

/// One value of a recipe's YAML tree, where a value of another type is an error and never a default.
package struct RecipeValue {
  package let node: Node
  package let place: RecipePlace

  /// The value at `key`, a dotted path from the top; `line` is that of the key, where it has one.
  package init(_ node: Node, file: String, key: String, line: Int? = nil) {
    self.node = node
    place = RecipePlace(file: file, key: key, line: line ?? node.mark?.line)
  }

  package var file: String { place.file }
  package var key: String { place.key }

  package func mapping() throws(RecipeError) -> RecipeMapping {
    guard case .mapping(let mapping) = node else { throw wrong("a mapping of keys") }
    var entries: [RecipeMapping.Entry] = []
    for (name, value) in mapping {
      guard case .scalar(let scalar) = name else {
        throw .wrongValue(place, expected: "keys of text", found: RecipeValue(name, file: file, key: key).kind)
      }
      let path = key.isEmpty ? scalar.string : "\(key).\(scalar.string)"
      entries.append(.init(key: scalar.string, value: RecipeValue(value, file: file, key: path, line: name.mark?.line)))
    }
    return RecipeMapping(place: place, entries: entries)
  }

  /// The elements of a list that is not empty.
  package func elements(_ expected: String = "a list") throws(RecipeError) -> [RecipeValue] {
    guard case .sequence(let sequence) = node, !sequence.isEmpty else { throw wrong(expected) }
    return sequence.enumerated().map { RecipeValue($1, file: file, key: "\(key).\($0)") }
  }

  package func text(_ expected: String = "text") throws(RecipeError) -> String {
    guard case .scalar(let scalar) = node, !scalar.string.isEmpty,
      scalar.style != .plain || !["~", "null"].contains(scalar.string)
    else { throw wrong(expected) }
    return scalar.string
  }

  package func integer(in bounds: ClosedRange<Int>) throws(RecipeError) -> Int {
    guard let integer = plain.flatMap({ Int($0) }), bounds.contains(integer) else {
      throw wrong("an integer from \(bounds.lowerBound) to \(bounds.upperBound)")
    }
    return integer
  }

  /// A finite number in `bounds`.
  package func number(in bounds: NumberBounds) throws(RecipeError) -> Double {
    guard let number = plain.flatMap({ Double($0) }), number.isFinite, bounds.contains(number) else {
      throw wrong(bounds.description)
    }
    return number
  }

  package func flag() throws(RecipeError) -> Bool {
    guard let flag = plain.flatMap({ Bool($0) }) else { throw wrong("true or false") }
    return flag
  }

  /// One of the names of an enumeration; `what` is what errors call it.
  package func choice<E: RawRepresentable<String> & CaseIterable>(_ what: String) throws(RecipeError) -> E {
    let name = try text("the name of a \(what)")
    guard let choice = E(rawValue: name) else {
      throw .unknownName(place, what: what, found: name, known: E.allCases.map(\.rawValue))
    }
    return choice
  }

  package func wrong(_ expected: String) -> RecipeError { .wrongValue(place, expected: expected, found: kind) }

  /// The text of a scalar that is written without quotes.
  private var plain: String? {
    guard case .scalar(let scalar) = node, scalar.style == .plain || scalar.style == .any else { return nil }
    return scalar.string
  }

  /// What errors call a value of this type.
  package var kind: String {
    switch node {
    case .scalar(let scalar): scalar.string.isEmpty ? "nothing" : "\"\(scalar.string.prefix(60))\""
    case .mapping(let mapping): mapping.isEmpty ? "an empty mapping" : "a mapping"
    case .sequence(let sequence): sequence.isEmpty ? "an empty list" : "a list"
    case .alias: "an alias"
    }
  }
}

/// The numbers that a key takes.
package enum NumberBounds: CustomStringConvertible {
  case any
  case positive
  case notNegative
  case closed(Double, Double)
  /// With the lower bound, without the upper one.
  case halfOpen(Double, Double)
  /// Without both bounds.
  case open(Double, Double)

  package func contains(_ number: Double) -> Bool {
    switch self {
    case .any: true
    case .positive: number > 0
    case .notNegative: number >= 0
    case .closed(let low, let high): (low...high).contains(number)
    case .halfOpen(let low, let high): (low..<high).contains(number)
    case .open(let low, let high): number > low && number < high
    }
  }

  package var description: String {
    switch self {
    case .any: "a finite number"
    case .positive: "a number above 0"
    case .notNegative: "a number of 0 or more"
    case .closed(let low, let high): "a number from \(short(low)) to \(short(high))"
    case .halfOpen(let low, let high): "a number from \(short(low)) to below \(short(high))"
    case .open(let low, let high): "a number between \(short(low)) and \(short(high))"
    }
  }

  private func short(_ number: Double) -> String { Int(exactly: number).map(String.init) ?? "\(number)" }
}

/// A mapping of a recipe that is read key by key.
package struct RecipeMapping {
  package struct Entry {
    package var key: String
    package var value: RecipeValue
  }

  package let place: RecipePlace
  /// In the order of the file.
  package let entries: [Entry]

  package subscript(_ key: String) -> RecipeValue? { entries.first { $0.key == key }?.value }

  package func required(_ key: String) throws(RecipeError) -> RecipeValue {
    guard let value = self[key] else {
      throw .missingKey(RecipePlace(file: place.file, key: path(of: key), line: place.line))
    }
    return value
  }

  /// Throws `unknownKey` for the first key that is not in `known`.
  package func allowOnly(_ known: [String]) throws(RecipeError) {
    for entry in entries where !known.contains(entry.key) { throw .unknownKey(entry.value.place, known: known) }
  }

  /// The dotted path of a key of this mapping.
  package func path(of key: String) -> String { place.key.isEmpty ? key : "\(place.key).\(key)" }

  package func integer(_ key: String, in bounds: ClosedRange<Int>) throws(RecipeError) -> Int? {
    try self[key]?.integer(in: bounds)
  }

  package func number(_ key: String, in bounds: NumberBounds) throws(RecipeError) -> Double? {
    try self[key]?.number(in: bounds)
  }

  package func flag(_ key: String) throws(RecipeError) -> Bool? { try self[key]?.flag() }

  package func text(_ key: String) throws(RecipeError) -> String? { try self[key]?.text() }
}

/// A name with arguments: `adam`, or `{ adam: { learning_rate: 0.001 } }`.
package struct NamedArguments {
  package let name: String
  /// Of the name.
  package let place: RecipePlace
  /// nil where the name stands alone.
  package let arguments: RecipeValue?

  package init(_ value: RecipeValue, what: String) throws(RecipeError) {
    if case .mapping = value.node {
      try self.init(value.mapping(), what: what)
    } else {
      let name = try value.text("the name of a \(what), or one name with its arguments")
      self.init(name: name, place: value.place, arguments: nil)
    }
  }

  /// The only entry of `mapping`.
  package init(_ mapping: RecipeMapping, what: String) throws(RecipeError) {
    guard mapping.entries.count == 1, let entry = mapping.entries.first else {
      let found = mapping.entries.isEmpty ? "nothing" : mapping.entries.map(\.key).joined(separator: ", ")
      throw .wrongValue(mapping.place, expected: "the name of one \(what)", found: found)
    }
    self.init(name: entry.key, place: entry.value.place, arguments: entry.value)
  }

  private init(name: String, place: RecipePlace, arguments: RecipeValue?) {
    self.name = name
    self.place = place
    self.arguments = arguments
  }

  /// The arguments as a mapping; an empty one where the name stands alone.
  package func mapping(allowing known: [String]) throws(RecipeError) -> RecipeMapping {
    guard let mapping = try arguments?.mapping() else { return RecipeMapping(place: place, entries: []) }
    try mapping.allowOnly(known)
    return mapping
  }
}
