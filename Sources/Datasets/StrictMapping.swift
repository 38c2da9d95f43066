import Yams

/// A YAML mapping that is read key by key, where a value of another type is an error and never a default.
struct StrictMapping {
  let path: String
  private let prefix: String
  private let entries: [String: Node]

  /// The mapping that a YAML document consists of.
  init(yaml: String, path: String) throws(DatasetError) {
    let root: Node?
    do {
      root = try compose(yaml: yaml)
    } catch let error as YamlError {
      throw Self.malformed(error, path: path)
    } catch {
      throw .malformedYAML(path: path, line: nil, reason: "\(error)")
    }
    guard let root else { throw .malformedYAML(path: path, line: nil, reason: "the file is empty") }
    try self.init(root, path: path, key: nil)
  }

  /// The mapping `node`, which stands under `key` of the document or is the document itself.
  init(_ node: Node, path: String, key: String?) throws(DatasetError) {
    guard case .mapping(let mapping) = node else {
      throw .wrongValue(
        path: path, key: key ?? "the document", expected: "a mapping of keys", found: Self.kind(of: node))
    }
    var entries: [String: Node] = [:]
    for (name, value) in mapping {
      guard case .scalar(let scalar) = name else {
        throw .wrongValue(path: path, key: key ?? "the document", expected: "keys of text", found: Self.kind(of: name))
      }
      entries[scalar.string] = value
    }
    self.path = path
    self.entries = entries
    prefix = key.map { "\($0)." } ?? ""
  }

  /// Throws `unknownKey` for the first key, in alphabetical order, that is not in `known`.
  func allowOnly(_ known: [String]) throws(DatasetError) {
    for key in entries.keys.sorted() where !known.contains(key) {
      throw .unknownKey(path: path, key: prefix + key, known: known.map { prefix + $0 })
    }
  }

  func has(_ key: String) -> Bool { entries[key] != nil }

  func mapping(_ key: String) throws(DatasetError) -> StrictMapping? {
    guard let node = entries[key] else { return nil }
    return try StrictMapping(node, path: path, key: prefix + key)
  }

  func text(_ key: String) throws(DatasetError) -> String? {
    guard let node = entries[key] else { return nil }
    return try text(of: node, key: key, expected: "text")
  }

  func texts(_ key: String) throws(DatasetError) -> [String]? {
    try list(key, expected: "a list of text") { (node) throws(DatasetError) in
      try text(of: node, key: key, expected: "a list of text")
    }
  }

  func integers(_ key: String) throws(DatasetError) -> [Int]? {
    try list(key, expected: "a list of integers") { (node) throws(DatasetError) in
      guard case .scalar(let scalar) = node, scalar.style == .plain, let integer = Int(scalar.string) else {
        throw wrong(key, expected: "a list of integers", node)
      }
      return integer
    }
  }

  func flag(_ key: String) throws(DatasetError) -> Bool? {
    guard let node = entries[key] else { return nil }
    guard case .scalar(let scalar) = node, scalar.style == .plain, let flag = Bool(scalar.string) else {
      throw wrong(key, expected: "true or false", node)
    }
    return flag
  }

  /// The integer under `key`, which must lie in `bounds`.
  func integer(_ key: String, _ bounds: ClosedRange<Int>) throws(DatasetError) -> Int? {
    guard let node = entries[key] else { return nil }
    guard case .scalar(let scalar) = node, scalar.style == .plain, let integer = Int(scalar.string),
      bounds.contains(integer)
    else { throw wrong(key, expected: "an integer from \(bounds.lowerBound) to \(bounds.upperBound)", node) }
    return integer
  }

  func number(_ key: String) throws(DatasetError) -> Float? {
    guard let node = entries[key] else { return nil }
    return try number(of: node, key: key, expected: "a finite number")
  }

  func numbers(_ key: String) throws(DatasetError) -> [Float]? {
    try list(key, expected: "a list of finite numbers") { (node) throws(DatasetError) in
      try number(of: node, key: key, expected: "a list of finite numbers")
    }
  }

  /// The number, or the numbers of the list, under `key`.
  func oneOrMoreNumbers(_ key: String) throws(DatasetError) -> [Float]? {
    guard let node = entries[key] else { return nil }
    if case .scalar = node { return [try number(of: node, key: key, expected: "a finite number")] }
    return try numbers(key)
  }

  private func list<Element>(
    _ key: String, expected: String, _ convert: (Node) throws(DatasetError) -> Element
  ) throws(DatasetError) -> [Element]? {
    guard let node = entries[key] else { return nil }
    guard case .sequence(let sequence) = node, !sequence.isEmpty else { throw wrong(key, expected: expected, node) }
    var elements: [Element] = []
    for node in sequence { elements.append(try convert(node)) }
    return elements
  }

  private func text(of node: Node, key: String, expected: String) throws(DatasetError) -> String {
    guard case .scalar(let scalar) = node, !scalar.string.isEmpty,
      scalar.style != .plain || !["~", "null"].contains(scalar.string)
    else { throw wrong(key, expected: expected, node) }
    return scalar.string
  }

  private func number(of node: Node, key: String, expected: String) throws(DatasetError) -> Float {
    guard case .scalar(let scalar) = node, scalar.style == .plain, let number = Float(scalar.string), number.isFinite
    else { throw wrong(key, expected: expected, node) }
    return number
  }

  /// The error that refuses `found` under `key`.
  func wrong(_ key: String, expected: String, found: String) -> DatasetError {
    .wrongValue(path: path, key: prefix + key, expected: expected, found: found)
  }

  private func wrong(_ key: String, expected: String, _ node: Node) -> DatasetError {
    wrong(key, expected: expected, found: Self.kind(of: node))
  }

  private static func kind(of node: Node) -> String {
    switch node {
    case .scalar(let scalar): scalar.string.isEmpty ? "nothing" : "\"\(scalar.string.prefix(60))\""
    case .mapping: "a mapping"
    case .sequence(let sequence): sequence.isEmpty ? "an empty list" : "a list"
    case .alias: "an alias"
    }
  }

  private static func malformed(_ error: YamlError, path: String) -> DatasetError {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      .malformedYAML(path: path, line: mark.line, reason: problem)
    case .reader(let problem, _, _, _): .malformedYAML(path: path, line: nil, reason: problem)
    case .duplicatedKeysInMapping(let duplicates, let context):
      .malformedYAML(
        path: path, line: context.mark.line,
        reason: "the key \(duplicates.sorted().joined(separator: ", ")) comes twice")
    case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
      .malformedYAML(path: path, line: nil, reason: "\(error)")
    }
  }
}
