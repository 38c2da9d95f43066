import Yams

/// A YAML mapping of which every key must be asked for and have the type asked for.
struct StrictMapping {
  let file: String
  /// Where the mapping stands in the file, with a dot at its end; empty at the top.
  let path: String
  private var unread: [String: Node] = [:]

  init(_ node: Node, file: String, path: String = "") throws(TargetError) {
    self.file = file
    self.path = path
    guard let mapping = node.mapping else {
      throw .wrongType(file: file, key: path.isEmpty ? "(top)" : String(path.dropLast()), expected: "mapping")
    }
    for (key, value) in mapping {
      guard let name = key.string else { throw .wrongType(file: file, key: path + "(key)", expected: "text") }
      unread[name] = value
    }
  }

  mutating func optionalNode(_ key: String) -> Node? { unread.removeValue(forKey: key) }

  mutating func node(_ key: String) throws(TargetError) -> Node {
    guard let node = optionalNode(key) else { throw .missingKey(file: file, key: path + key) }
    return node
  }

  mutating func text(_ key: String) throws(TargetError) -> String {
    let node = try node(key)
    guard let text = node.scalar?.string, !text.isEmpty else { throw wrongType(key, "text") }
    return text
  }

  mutating func optionalText(_ key: String) throws(TargetError) -> String? {
    unread[key] == nil ? nil : try text(key)
  }

  mutating func integer(_ key: String, in range: ClosedRange<Int>) throws(TargetError) -> Int {
    let node = try node(key)
    guard node.scalar != nil, let value = node.int else { throw wrongType(key, "integer") }
    guard range.contains(value) else {
      throw .outOfRange(file: file, key: path + key, found: value, expected: range)
    }
    return value
  }

  mutating func optionalInteger(_ key: String, in range: ClosedRange<Int>) throws(TargetError) -> Int? {
    unread[key] == nil ? nil : try integer(key, in: range)
  }

  mutating func boolean(_ key: String) throws(TargetError) -> Bool {
    let node = try node(key)
    guard node.scalar != nil, let value = node.bool else { throw wrongType(key, "true or false") }
    return value
  }

  mutating func list(_ key: String) throws(TargetError) -> [Node] {
    guard let sequence = try node(key).sequence else { throw wrongType(key, "list") }
    return Array(sequence)
  }

  mutating func optionalList(_ key: String) throws(TargetError) -> [Node]? {
    unread[key] == nil ? nil : try list(key)
  }

  /// One of the values of an enumeration.
  mutating func value<E: RawRepresentable<String> & CaseIterable>(_ key: String) throws(TargetError) -> E {
    let text = try text(key)
    guard let value = E(rawValue: text) else {
      throw .unknownValue(file: file, key: path + key, found: text, allowed: E.allCases.map(\.rawValue))
    }
    return value
  }

  /// Refuses keys that nobody asked for.
  func finish() throws(TargetError) {
    if let key = unread.keys.sorted().first { throw .unknownKey(file: file, key: path + key) }
  }

  private func wrongType(_ key: String, _ expected: String) -> TargetError {
    .wrongType(file: file, key: path + key, expected: expected)
  }
}
