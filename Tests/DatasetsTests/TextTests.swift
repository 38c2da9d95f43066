import Datasets
import Foundation
import HostTensors
import Testing

struct TextTests {
  private static let reviews = "good , good film\t1\nA bad film!\t0\n\nwhat?\t0\r\n"

  @Test func wordsAndMarksBecomeTheirPlacesByFrequency() throws {
    let scratch = try Scratch()
    try scratch.write(Self.reviews, as: "train.tsv")
    let dataset = try scratch.open("inputs: train.tsv\npreprocess: { text: { length: 5 } }")
    // Twice: film, good; once, in the order of their bytes: ! , ? a bad what.
    #expect(dataset.vocabulary?.tokens == ["<pad>", "<unk>", "film", "good", "!", ",", "?", "a", "bad", "what"])
    #expect(dataset.count == 3)
    #expect(dataset.sampleShape == [5])
    #expect(try dataset.stacked([0, 1, 2]).floats == [3, 5, 3, 2, 0, 7, 8, 2, 4, 0, 9, 6, 0, 0, 0])
    #expect((0..<3).map { dataset.label($0) } == [1, 0, 0])
  }

  @Test func longTextIsCutAndRareOrSurplusTokensAreUnknown() throws {
    let scratch = try Scratch()
    try scratch.write(Self.reviews, as: "train.tsv")
    let cut = try scratch.open("inputs: train.tsv\npreprocess: { text: { length: 3, min_count: 2 } }")
    #expect(cut.vocabulary?.tokens == ["<pad>", "<unk>", "film", "good"])
    #expect(try cut.sample(0).floats == [3, 1, 3])
    let small = try scratch.open("inputs: train.tsv\npreprocess: { text: { length: 3, vocabulary_size: 3 } }")
    #expect(small.vocabulary?.tokens == ["<pad>", "<unk>", "film"])
    let cased = try scratch.open("inputs: train.tsv\npreprocess: { text: { length: 1, lowercase: false } }")
    #expect(cased.vocabulary?.number(of: "A") == 7)
    #expect(cased.vocabulary?.number(of: "a") == Vocabulary.unknown)
  }

  @Test func lettersBeyondASCIIAreFoldedAndTheirMarksStandAlone() throws {
    let scratch = try Scratch()
    try scratch.write("\u{FEFF}ÉTÉ\u{3000}Straße«été»…\u{1F600}\n", as: "a.txt")
    let dataset = try scratch.open("inputs: a.txt\npreprocess: { text: { length: 8 } }")
    #expect(dataset.vocabulary?.tokens == ["<pad>", "<unk>", "été", "straße", "«", "»", "…", "\u{1F600}"])
    #expect(try dataset.sample(0).floats == [2, 3, 4, 2, 5, 6, 7, 0])
    #expect(!dataset.hasLabels)
  }

  @Test func aSavedVocabularyGivesTheSameNumbersElsewhere() throws {
    let scratch = try Scratch()
    try scratch.write(Self.reviews, as: "train.tsv")
    try scratch.write("bad good unseen\tneg\n", as: "test.tsv")
    let training = try scratch.open("inputs: train.tsv\npreprocess: { text: { length: 5 } }")
    let vocabulary = try #require(training.vocabulary)
    try vocabulary.write(to: scratch.path("vocabulary.txt"))
    let written = try String(contentsOfFile: scratch.path("vocabulary.txt"), encoding: .utf8)
    #expect(written == "<pad>\n<unk>\nfilm\ngood\n!\n,\n?\na\nbad\nwhat\n")
    #expect(try Vocabulary(contentsOf: scratch.path("vocabulary.txt")) == vocabulary)
    let test = try scratch.open(
      "inputs: test.tsv\nclasses: [neg, pos]\npreprocess: { text: { length: 4, vocabulary: vocabulary.txt } }")
    #expect(try test.sample(0).floats == [8, 3, 1, 0])
    #expect(test.label(0) == 0)
    #expect(throws: DatasetError.self) { try vocabulary.write(to: scratch.path("nowhere/vocabulary.txt")) }
  }

  @Test func theVocabularyIsThatOfTheRangeOrOfTheTrainingSamples() throws {
    let scratch = try Scratch()
    try scratch.write(Self.reviews, as: "train.tsv")
    let ranged = try scratch.open("inputs: train.tsv\nrange: [1, 3]\npreprocess: { text: { length: 5 } }")
    #expect(ranged.vocabulary?.tokens == ["<pad>", "<unk>", "!", "?", "a", "bad", "film", "what"])
    let narrower = try ranged.buildingVocabulary(from: [1])
    #expect(narrower.vocabulary?.tokens == ["<pad>", "<unk>", "?", "what"])
    #expect(try narrower.stacked([0, 1]).floats == [1, 1, 1, 1, 0, 3, 2, 0, 0, 0])
    #expect(throws: DatasetError.sampleOutOfRange(index: 2, samples: 2)) { try ranged.buildingVocabulary(from: [2]) }
    try scratch.write("1,2\n", as: "a.csv")
    let numbers = try scratch.open("inputs: a.csv")
    #expect(
      throws: DatasetError.invalidOption(name: "vocabulary", expected: "inputs of text", found: scratch.path("a.csv"))
    ) {
      try numbers.buildingVocabulary(from: [0])
    }
  }

  @Test func aFirstLineWithoutALabelIsAHeading() throws {
    let scratch = try Scratch()
    try scratch.write("sentence\tlabel\ngood\tpos\n", as: "a.tsv")
    let dataset = try scratch.open("inputs: a.tsv\nclasses: [neg, pos]\npreprocess: { text: { length: 1 } }")
    #expect(dataset.count == 1)
    #expect(dataset.vocabulary?.tokens.last == "good")
  }

  @Test func tokensAreNotMixed() throws {
    let scratch = try Scratch()
    try scratch.write(Self.reviews, as: "train.tsv")
    for (key, isRefused) in [("mixup", true), ("noise", true), ("label_smoothing", false)] {
      let dataset = try scratch.open(
        "inputs: train.tsv\npreprocess: { text: { length: 5 } }\naugment: { \(key): 0.1 }")
      let batching = Batching(batchSize: 2, augmentation: dataset.specification.augmentation)
      if isRefused {
        #expect(throws: DatasetError.self) { try BatchSource(dataset, batching: batching) }
      } else {
        #expect(try BatchSource(dataset, batching: batching).batch(0, epoch: 0).probabilities?.shape == [2, 2])
      }
    }
  }

  static let hostile: [(name: String, bytes: [UInt8], error: @Sendable (String) -> DatasetError)] = [
    (
      "a.tsv", [UInt8]("fine\t1\nno tab\n".utf8),
      { .raggedRow(path: $0, line: 2, expectedCells: 2, foundCells: 1) }
    ),
    ("a.tsv", [UInt8]("two\ttabs\t1\n".utf8), { .raggedRow(path: $0, line: 1, expectedCells: 2, foundCells: 3) }),
    (
      "a.tsv", [UInt8]("fine\t1\n\n".utf8) + [0xC3, 0x28, 0x09, 0x31],
      { .malformed(path: $0, field: "line 3", expected: "UTF-8", found: "other bytes") }
    ),
    (
      "a.txt", [UInt8]("fine\n".utf8) + [UInt8](repeating: 0x61, count: 1_048_577),
      { .malformed(path: $0, field: "line 2", expected: "at most 1048576 bytes", found: "1048577") }
    ),
    (
      "a.tsv", [UInt8]("fine\t1\nother\tpositive\n".utf8),
      { .notANumber(path: $0, line: 2, column: 1, found: "positive") }
    ),
    (
      "a.tsv", [UInt8]("heading\tlabel\n".utf8),
      { .malformed(path: $0, field: "shape", expected: "at least one sample with elements", found: "[0, 3]") }
    ),
  ]

  @Test(arguments: hostile.indices)
  func brokenLinesAreNamed(index: Int) throws {
    let scratch = try Scratch()
    let (name, bytes, error) = Self.hostile[index]
    let path = try scratch.write(bytes, as: name)
    #expect(throws: error(path)) { try scratch.open("inputs: \(name)\npreprocess: { text: { length: 3 } }") }
  }

  @Test func aVocabularyFileWithTheSameTokenTwiceIsRefused() throws {
    let scratch = try Scratch()
    try scratch.write("a\t1\n", as: "a.tsv")
    for (contents, field, found) in [
      ("<pad>\n<unk>\na\na\n", "line 4", "a"), ("<pad>\n<unk>\n\na\n", "line 3", "nothing"), ("<pad>\n", "lines", "1"),
      ("", "lines", "0"),
    ] {
      let path = try scratch.write(contents, as: "v.txt")
      #expect {
        try scratch.open("inputs: a.tsv\npreprocess: { text: { length: 3, vocabulary: v.txt } }")
      } throws: { error in
        guard case DatasetError.malformed(path, field, _, found) = error else { return false }
        return true
      }
    }
  }

  @Test(arguments: [
    "{ }", "{ length: 0 }", "{ length: 3, vocabulary_size: 2 }", "{ length: 3, min_count: 0 }",
    "{ length: 3, lowercase: 1 }", "{ length: 3, vocabulary: v.txt, min_count: 2 }", "{ length: 3, size: 2 }",
  ])
  func whatCannotBeAskedOfTextIsRefused(mapping: String) {
    #expect(throws: DatasetError.self) {
      try DatasetSpecification(yaml: "inputs: a.tsv\npreprocess: { text: \(mapping) }", path: "d")
    }
  }

  /// The counts, numbers and sums that a second tokenizer, in Python, finds in the same files.
  @Test func reviewsThatShipHaveKnownTokens() throws {
    let scratch = try Scratch()
    let folder = modelFile("data/sst2")
    let training = try scratch.open("inputs: \(folder)/train.tsv\npreprocess: { text: { length: 40 } }")
    #expect(training.count == 6_920)
    let vocabulary = try #require(training.vocabulary)
    #expect(vocabulary.count == 13_825)
    #expect(vocabulary.tokens[2..<14] == ["the", ",", "a", "and", "of", "'", "to", "is", "s", "it", "that", "in"])
    let first: [Float] = [4, 1435, 3, 70, 5, 574, 7000, 122, 10132, 6, 657, 5, 2, 1856, 5, 7216, 363, 121]
    #expect(try training.sample(0).floats == first + [Float](repeating: 0, count: 22))
    let sum = try (0..<6_920).reduce(0.0) { try $0 + training.sample($1).floats.reduce(0.0) { $0 + Double($1) } }
    #expect(sum == 162_786_977)
    #expect((0..<6_920).reduce(0) { $0 + (training.label($1) ?? 0) } == 3_610)

    let limited = try scratch.open(
      "inputs: \(folder)/train.tsv\npreprocess: { text: { length: 40, vocabulary_size: 5000 } }")
    try limited.vocabulary?.write(to: scratch.path("vocabulary.txt"))
    let held = try scratch.open(
      "inputs: \(folder)/dev.tsv\npreprocess: { text: { length: 40, vocabulary: vocabulary.txt } }")
    #expect(held.count == 872)
    let heldSum = try (0..<872).reduce(0.0) { try $0 + held.sample($1).floats.reduce(0.0) { $0 + Double($1) } }
    #expect(heldSum == 7_510_170)
  }

  /// Seed 11; 400 changed copies of a table of text.
  @Test func changedBytesGiveATypedErrorOrReadableSamples() throws {
    let scratch = try Scratch()
    let original = [UInt8](String(repeating: Self.reviews, count: 4).utf8)
    var random = SplitMix64(state: 11)
    var refused = 0
    for _ in 0..<400 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      try scratch.write(bytes, as: "a.tsv")
      do {
        let dataset = try scratch.open("inputs: a.tsv\npreprocess: { text: { length: 4 } }")
        #expect(try dataset.sample(dataset.count - 1).count == 4)
      } catch is DatasetError {
        refused += 1
      }
    }
    #expect(refused > 100)
  }
}
