import Foundation
import Yams

/// A recipe as its YAML tree: what overrides change, what a search draws values for, and what is written back.
///
/// Comments are not part of the tree; the order of keys and lists is.
public struct RecipeDocument {
  /// The file, for errors; paths in the recipe are relative to its folder.
  public let path: String
  private(set) var root: Node

  /// A recipe with a network of a thousand layers takes some 50 KB.
  private static let longestFileBytes = 1 << 20

  /// Reads the file at `path`. Errors: `.unreadable`, `.malformedYAML`.
  public init(contentsOf path: String) throws(RecipeError) {
    let data: Data
    do { data = try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
      throw .unreadable(path: path, reason: error.localizedDescription)
    }
    guard data.count <= Self.longestFileBytes else {
      throw .unreadable(path: path, reason: "it is larger than \(Self.longestFileBytes) bytes")
    }
    guard let yaml = String(validating: data, as: UTF8.self) else {
      throw .malformedYAML(path: path, line: nil, reason: "it is not UTF-8")
    }
    try self.init(yaml: yaml, path: path)
  }

  /// Reads `yaml` as the contents of a file at `path`. Errors: `.malformedYAML`.
  public init(yaml: String, path: String) throws(RecipeError) {
    self.path = path
    guard let root = try Self.tree(yaml, path: path) else {
      throw .malformedYAML(path: path, line: nil, reason: "the file is empty")
    }
    self.root = root
  }

  private static func tree(_ yaml: String, path: String) throws(RecipeError) -> Node? {
    do {
      return try compose(yaml: yaml)
    } catch let error as YamlError {
      throw malformed(error, path: path)
    } catch {
      throw .malformedYAML(path: path, line: nil, reason: "\(error)")
    }
  }

  private static func malformed(_ error: YamlError, path: String) -> RecipeError {
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

  /// The whole document, to be read.
  package var value: RecipeValue { RecipeValue(root, file: path, key: "") }

  /// The tree as YAML.
  ///
  /// Errors: `.malformedYAML` where the writer refuses.
  public func yaml() throws(RecipeError) -> String {
    do { return try serialize(node: root, allowUnicode: true) } catch {
      throw .malformedYAML(path: path, line: nil, reason: "\(error)")
    }
  }
}

// Overrides.
extension RecipeDocument {
  /// The value of a key of the document as YAML, for `set(_:to:)` of another one.
  ///
  /// Errors: `.missingKey`, `.malformedYAML` where the writer refuses.
  public func yaml(of key: String) throws(RecipeError) -> String {
    guard case .mapping(let mapping) = root, let value = mapping[key] else {
      throw .missingKey(RecipePlace(file: path, key: key))
    }
    do { return try serialize(node: value, allowUnicode: true) } catch {
      throw .malformedYAML(path: path, line: nil, reason: "\(error)")
    }
  }

  /// Applies an override as the command line writes it: `optimizer.adam.learning_rate=0.003`.
  ///
  /// Errors: those of `set(_:to:)`; `.noSuchPlace` where there is no `=`.
  public mutating func apply(_ override: String) throws(RecipeError) {
    guard let sign = override.firstIndex(of: "=") else {
      throw .noSuchPlace(
        RecipePlace(file: path, key: override), reason: "an override is written key.of.value=new")
    }
    try set(String(override[..<sign]), to: String(override[override.index(after: sign)...]))
  }

  /// Replaces the value at `key`, or adds it, by `text`, which is YAML itself.
  ///
  /// `key` is a path of keys and, within lists, of indices from 0, joined by dots. Below a name that stands alone
  /// (`optimizer: adam`) arguments may be added. What the recipe makes of the value is seen when it is read.
  /// Errors: `.noSuchPlace`.
  public mutating func set(_ key: String, to text: String) throws(RecipeError) {
    let value: Node?
    do throws(RecipeError) { value = try Self.tree(text, path: path) } catch {
      guard case .malformedYAML(_, _, let reason) = error else { throw error }
      throw .noSuchPlace(RecipePlace(file: path, key: key), reason: "not valid YAML: \(reason)")
    }
    guard let value else {
      throw .noSuchPlace(RecipePlace(file: path, key: key), reason: "an override needs a value")
    }
    let keys = key.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard keys.allSatisfy({ !$0.isEmpty }) else {
      throw .noSuchPlace(RecipePlace(file: path, key: key), reason: "a path is keys joined by dots")
    }
    root = try replacing(keys[...], in: root, by: value.withoutMarks, path: key)
  }

  /// Removes a key of the document; nothing where it is not there.
  mutating func remove(_ key: String) {
    guard case .mapping(var mapping) = root else { return }
    mapping[key] = nil
    root = .mapping(mapping)
  }

  private func replacing(
    _ keys: ArraySlice<String>, in node: Node, by value: Node, path key: String
  ) throws(RecipeError) -> Node {
    guard let first = keys.first else { return value }
    let rest = keys.dropFirst()
    switch node {
    case .mapping(var mapping):
      mapping[first] = try replacing(rest, in: mapping[first] ?? Node([(Node, Node)]()), by: value, path: key)
      return .mapping(mapping)
    case .sequence(var sequence):
      guard let index = Int(first), sequence.indices.contains(index) else {
        throw .noSuchPlace(
          RecipePlace(file: path, key: key), reason: "'\(first)' is none of the indices 0 to \(sequence.count - 1)")
      }
      sequence[index] = try replacing(rest, in: sequence[index], by: value, path: key)
      return .sequence(sequence)
    case .scalar(let scalar) where scalar.string == first && !rest.isEmpty:
      return Node([(Node(first), try replacing(rest, in: Node([(Node, Node)]()), by: value, path: key))])
    case .scalar, .alias:
      let found = RecipeValue(node, file: path, key: key).kind
      throw .noSuchPlace(RecipePlace(file: path, key: key), reason: "there is no '\(first)' in \(found)")
    }
  }
}

extension Node {
  /// The same tree without line numbers, which would be those of another text.
  fileprivate var withoutMarks: Node {
    switch self {
    case .scalar(var scalar):
      scalar.mark = nil
      return .scalar(scalar)
    case .mapping(var mapping):
      mapping = Node.Mapping(mapping.map { ($0.key.withoutMarks, $0.value.withoutMarks) }, mapping.tag, mapping.style)
      return .mapping(mapping)
    case .sequence(var sequence):
      sequence = Node.Sequence(sequence.map(\.withoutMarks), sequence.tag, sequence.style)
      return .sequence(sequence)
    case .alias: return self
    }
  }
}
