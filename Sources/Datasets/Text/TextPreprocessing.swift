/// How text becomes numbers: tokens, their numbers in a vocabulary, a fixed length.
public struct TextPreprocessing: Sendable, Equatable {
  public enum VocabularySource: Sendable, Equatable {
    /// Counted in the samples of this data set: of at most `size` tokens, padding and unknown included, those that
    /// occur at least `minCount` times.
    case built(size: Int?, minCount: Int)
    case file(String)
  }

  /// Tokens in a sample; longer text is cut, shorter text padded at its end.
  public var length: Int
  public var vocabulary: VocabularySource
  public var lowercases: Bool

  public init(length: Int, vocabulary: VocabularySource = .built(size: nil, minCount: 1), lowercases: Bool = true) {
    self.length = length
    self.vocabulary = vocabulary
    self.lowercases = lowercases
  }
}

extension TextPreprocessing {
  /// Float32 holds every integer up to here, so a token's number is exact.
  static let mostTokens = 1 << 24

  /// Reads `preprocess.text`; `located` makes a path relative to the DATA file.
  init(_ mapping: StrictMapping, located: (String) -> String) throws(DatasetError) {
    try mapping.allowOnly(["length", "vocabulary", "vocabulary_size", "min_count", "lowercase"])
    guard let length = try mapping.integer("length", 1...65_536) else {
      throw .missingKey(path: mapping.path, key: "preprocess.text.length")
    }
    let size = try mapping.integer("vocabulary_size", 3...Self.mostTokens)
    let minCount = try mapping.integer("min_count", 1...1 << 32)
    let lowercases = try mapping.flag("lowercase") ?? true
    let name = try mapping.text("vocabulary") ?? "built"
    guard name != "built" else {
      self.init(length: length, vocabulary: .built(size: size, minCount: minCount ?? 1), lowercases: lowercases)
      return
    }
    if size != nil || minCount != nil {
      throw mapping.wrong("vocabulary", expected: "built, since vocabulary_size or min_count is given", found: name)
    }
    self.init(length: length, vocabulary: .file(located(name)), lowercases: lowercases)
  }
}
