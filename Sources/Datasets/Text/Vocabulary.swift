/// The tokens that a network knows; a token's number is its place. 0 is padding, 1 any token that is not here.
public struct Vocabulary: Sendable, Equatable {
  public static let padding = 0
  public static let unknown = 1

  /// Tokens in the order of their numbers, the names of padding and unknown first.
  public let tokens: [String]
  private let numbers: [[UInt8]: Int]

  /// Throws `malformed` for a token that comes twice or is empty, or where padding and unknown are missing.
  private init(_ tokens: [String], path: String) throws(DatasetError) {
    guard (2...TextPreprocessing.mostTokens).contains(tokens.count) else {
      throw .malformed(
        path: path, field: "lines", expected: "2 to \(TextPreprocessing.mostTokens)", found: String(tokens.count))
    }
    var numbers: [[UInt8]: Int] = [:]
    numbers.reserveCapacity(tokens.count)
    for (number, token) in tokens.enumerated() {
      guard !token.isEmpty, numbers.updateValue(number, forKey: [UInt8](token.utf8)) == nil else {
        throw .malformed(
          path: path, field: "line \(number + 1)", expected: "a token that no line before has",
          found: token.isEmpty ? "nothing" : String(token.prefix(40)))
      }
    }
    self.tokens = tokens
    self.numbers = numbers
  }

  /// Reads a file of one token a line: the first stands for padding, the second for unknown.
  ///
  /// Throws `unreadable` and `malformed`.
  public init(contentsOf path: String) throws(DatasetError) {
    var tokens: [String] = []
    try TextLines(ByteRegion(FileBytes(mapping: path)), path: path).read { (line, _) throws(DatasetError) in
      tokens.append(line)
    }
    try self.init(tokens, path: path)
  }

  /// The most frequent of counted tokens, equally frequent ones in the order of their bytes.
  ///
  /// `size` limits the tokens, padding and unknown included.
  init(counts: [[UInt8]: Int], size: Int?, minCount: Int) {
    let ranked = counts.filter { $0.value >= minCount }.sorted {
      $0.value == $1.value ? $0.key.lexicographicallyPrecedes($1.key) : $0.value > $1.value
    }
    let kept = ranked.prefix((size ?? TextPreprocessing.mostTokens) - 2).map(\.key)
    // The tokenizer makes < a token of its own, so text holds neither name.
    let names = ["<pad>", "<unk>"]
    tokens = names + kept.map { String(decoding: $0, as: UTF8.self) }
    let keys = names.map { [UInt8]($0.utf8) } + kept
    numbers = Dictionary(uniqueKeysWithValues: zip(keys, 0...))
  }

  public var count: Int { tokens.count }

  /// The number of `token`, or `unknown`.
  public func number(of token: String) -> Int { number(of: [UInt8](token.utf8)) }

  func number(of token: [UInt8]) -> Int { numbers[token] ?? Self.unknown }

  /// Writes one token a line, as `init(contentsOf:)` reads it. Throws `unwritable`.
  public func write(to path: String) throws(DatasetError) {
    let text = tokens.map { $0 + "\n" }.joined()
    try FileBytes.replace(path, with: [UInt8](text.utf8))
  }

  public static func == (one: Vocabulary, other: Vocabulary) -> Bool { one.numbers == other.numbers }
}
