/// Why a target could not be read.
public enum TargetError: Error, Equatable, Sendable {
  case unknownTarget(id: String, known: [String])
  case unreadable(file: String, reason: String)
  case notYAML(file: String, reason: String)
  case unknownKey(file: String, key: String)
  case missingKey(file: String, key: String)
  case wrongType(file: String, key: String, expected: String)
  case unknownValue(file: String, key: String, found: String, allowed: [String])
  case outOfRange(file: String, key: String, found: Int, expected: ClosedRange<Int>)
  /// The file's name and its `id` differ.
  case idMismatch(file: String, found: String)
  /// An instruction set of another architecture.
  case wrongArchitecture(file: String, key: String, found: String)
}
