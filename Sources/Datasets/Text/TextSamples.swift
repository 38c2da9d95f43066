/// Lines of text as the numbers of their tokens, `length` a sample.
struct TextSamples: RawSamples {
  let path: String
  let vocabulary: Vocabulary
  private let preprocessing: TextPreprocessing
  private let text: TokenizedText
  /// The vocabulary's number of each different token of the text.
  private let numbers: [Float]

  /// Builds the vocabulary from the samples at `training` where it is not a file.
  init(
    _ text: TokenizedText, path: String, preprocessing: TextPreprocessing, training: some Sequence<Int>
  ) throws(DatasetError) {
    self.path = path
    self.text = text
    self.preprocessing = preprocessing
    switch preprocessing.vocabulary {
    case .built(let size, let minCount):
      vocabulary = Vocabulary(counts: text.counts(in: training), size: size, minCount: minCount)
    case .file(let file): vocabulary = try Vocabulary(contentsOf: file)
    }
    let vocabulary = vocabulary
    numbers = text.tokens.map { Float(vocabulary.number(of: $0)) }
  }

  /// The same text under a vocabulary built from the samples at `training`; one from a file stays.
  func rebuilt(from training: [Int]) throws(DatasetError) -> TextSamples {
    try TextSamples(text, path: path, preprocessing: preprocessing, training: training)
  }

  var sampleCount: Int { text.lineCount }
  var sampleShape: [Int] { [preprocessing.length] }
  var storedLayout: ChannelLayout? { nil }
  var isInMemory: Bool { true }

  func decode(sample index: Int, into target: UnsafeMutableBufferPointer<Float>) {
    let line = text.line(index).prefix(target.count)
    for (position, token) in line.enumerated() { target[position] = numbers[Int(token)] }
    target[line.count...].update(repeating: Float(Vocabulary.padding))
  }
}

/// Lines of text, each as places in one list of the different tokens.
struct TokenizedText: Sendable {
  /// The different tokens in the order of their first occurrence.
  private(set) var tokens: [[UInt8]] = []
  private var places: [UInt32] = []
  /// Where each line begins in `places`, and the end of the last.
  private var starts = [0]

  var lineCount: Int { starts.count - 1 }

  func line(_ index: Int) -> ArraySlice<UInt32> { places[starts[index]..<starts[index + 1]] }

  func counts(in lines: some Sequence<Int>) -> [[UInt8]: Int] {
    var counts = [Int](repeating: 0, count: tokens.count)
    for index in lines {
      for place in line(index) { counts[Int(place)] += 1 }
    }
    var result: [[UInt8]: Int] = [:]
    for (token, count) in zip(tokens, counts) where count > 0 { result[token] = count }
    return result
  }

  /// Reads one sample a line, skipping blank ones: text alone, or text, a tab and a label.
  ///
  /// A first label that `isLabel` refuses makes the first line a heading. Throws `raggedRow` where a line does not
  /// have exactly one tab, and `malformed`.
  static func read(
    _ lines: TextLines, path: String, tokenizer: Tokenizer, isLabel: ((Substring) -> Bool)?
  ) throws(DatasetError) -> (text: TokenizedText, labels: [String]) {
    var result = TokenizedText()
    var known: [[UInt8]: UInt32] = [:]
    var labels: [String] = []
    try lines.read { (line, number) throws(DatasetError) in
      guard !line[...].isBlank else { return }
      var text = line
      if let isLabel {
        let cells = line.split(separator: "\t", omittingEmptySubsequences: false)
        guard cells.count == 2 else {
          throw .raggedRow(path: path, line: number, expectedCells: 2, foundCells: cells.count)
        }
        let label = cells[1].trimmed
        if number == 1, !isLabel(label) { return }
        labels.append(String(label))
        text = String(cells[0])
      }
      tokenizer.forEachToken(of: text) { token in
        let place = known[token] ?? UInt32(result.tokens.count)
        if place == result.tokens.count {
          known[token] = place
          result.tokens.append(token)
        }
        result.places.append(place)
      }
      result.starts.append(result.places.count)
    }
    return (result, labels)
  }
}
