import Datasets
import Testing

struct SpecificationTests {
  @Test func everyKeyIsRead() throws {
    let yaml = """
      inputs: t10k-images-idx3-ubyte.gz   # idx (.gz)
      labels: t10k-labels-idx1-ubyte.gz
      classes: [zero, one, 2]
      range: [5, 1000]
      preprocess: { layout: NHWC, stored: NCHW, scale: 0.5, offset: -1, mean: [0.25, 1e-3, 2], std: [3] }
      """
    let found = try DatasetSpecification(yaml: yaml, path: "some/folder/data.yaml")
    let expected = DatasetSpecification(
      path: "some/folder/data.yaml", inputs: "some/folder/t10k-images-idx3-ubyte.gz",
      labels: .file("some/folder/t10k-labels-idx1-ubyte.gz"), classes: ["zero", "one", "2"], range: 5..<1_000,
      preprocessing: Preprocessing(
        layout: .channelsLast, stored: .channelsFirst, scale: 0.5, offset: -1, mean: [0.25, 0.001, 2], std: [3]))
    #expect(found == expected)
  }

  @Test func keysOfFoldersSoundsAndTextAreRead() throws {
    func preprocessing(_ mapping: String) throws -> Preprocessing {
      try DatasetSpecification(yaml: "inputs: x\npreprocess: { \(mapping) }", path: "some/data.yaml").preprocessing
    }
    #expect(
      try preprocessing("size: [32, 48], channels: 3")
        == Preprocessing(size: ImageSize(height: 32, width: 48), imageChannels: 3))
    #expect(
      try preprocessing("text: { length: 9, vocabulary: v.txt, lowercase: false }").text
        == TextPreprocessing(length: 9, vocabulary: .file("some/v.txt"), lowercases: false))
    #expect(
      try preprocessing("text: { length: 9, vocabulary: built, vocabulary_size: 500, min_count: 2 }").text
        == TextPreprocessing(length: 9, vocabulary: .built(size: 500, minCount: 2)))
    let plain = try #require(try preprocessing("audio: { sample_rate: 16000, seconds: 0.98 }").audio)
    #expect(plain.sampleRate == 16_000 && plain.sampleCount == 15_680 && plain.spectrum == nil)
    let mfcc = try #require(
      try preprocessing("audio: { sample_rate: 16000, seconds: 1, features: mfcc }").audio?.spectrum)
    #expect([mfcc.windowSamples, mfcc.strideSamples, mfcc.fftPoints, mfcc.mels] == [480, 320, 512, 40])
    #expect(mfcc.description == .mfcc(coefficients: 10) && mfcc.lowHz == 20 && mfcc.highHz == 8_000)
    let skipping = try DatasetSpecification(yaml: "inputs: x\non_error: skip", path: "d")
    #expect(skipping.onError == .skip)
  }

  @Test func absentKeysMeanNoChange() throws {
    let found = try DatasetSpecification(yaml: "inputs: /data/x.npy", path: "data.yaml")
    #expect(found == DatasetSpecification(path: "data.yaml", inputs: "/data/x.npy"))
    #expect(found.preprocessing == Preprocessing(scale: 1, offset: 0, mean: [0], std: [1]))
  }

  static let topKeys = ["inputs", "labels", "classes", "range", "on_error", "preprocess", "augment"]
  static let preprocessKeys = [
    "layout", "stored", "scale", "offset", "mean", "std", "size", "channels", "audio", "text",
  ].map {
    "preprocess." + $0
  }

  static let refused: [(String, DatasetError)] = [
    ("inputs: a\nlabel: b", .unknownKey(path: "d", key: "label", known: topKeys)),
    ("labels: b", .missingKey(path: "d", key: "inputs")),
    ("inputs: a\npreprocess: { men: [0] }", .unknownKey(path: "d", key: "preprocess.men", known: preprocessKeys)),
    ("inputs: [a, b]", .wrongValue(path: "d", key: "inputs", expected: "text", found: "a list")),
    ("inputs:", .wrongValue(path: "d", key: "inputs", expected: "text", found: "nothing")),
    ("inputs: ~", .wrongValue(path: "d", key: "inputs", expected: "text", found: "\"~\"")),
    ("inputs: a\nclasses: cat", .wrongValue(path: "d", key: "classes", expected: "a list of text", found: "\"cat\"")),
    (
      "inputs: a\nclasses: []",
      .wrongValue(path: "d", key: "classes", expected: "a list of text", found: "an empty list")
    ),
    (
      "inputs: a\nrange: [0, 1.5]",
      .wrongValue(path: "d", key: "range", expected: "a list of integers", found: "\"1.5\"")
    ),
    (
      "inputs: a\nrange: [7, 7]",
      .wrongValue(path: "d", key: "range", expected: "[from, to) with 0 <= from < to", found: "[7, 7]")
    ),
    (
      "inputs: a\nrange: [-1, 7]",
      .wrongValue(path: "d", key: "range", expected: "[from, to) with 0 <= from < to", found: "[-1, 7]")
    ),
    (
      "inputs: a\nrange: [1, 2, 3]",
      .wrongValue(path: "d", key: "range", expected: "[from, to) with 0 <= from < to", found: "[1, 2, 3]")
    ),
    (
      "inputs: a\npreprocess: { layout: HWC }",
      .wrongValue(path: "d", key: "preprocess.layout", expected: "NHWC or NCHW", found: "HWC")
    ),
    (
      "inputs: a\npreprocess: { scale: '2' }",
      .wrongValue(path: "d", key: "preprocess.scale", expected: "a finite number", found: "\"2\"")
    ),
    (
      "inputs: a\npreprocess: { scale: inf }",
      .wrongValue(path: "d", key: "preprocess.scale", expected: "a finite number", found: "\"inf\"")
    ),
    (
      "inputs: a\npreprocess: { mean: 5 }",
      .wrongValue(path: "d", key: "preprocess.mean", expected: "a list of finite numbers", found: "\"5\"")
    ),
    (
      "inputs: a\npreprocess: { std: [1, 0] }",
      .wrongValue(path: "d", key: "preprocess.std", expected: "entries other than 0", found: "0 as entry 1")
    ),
    (
      "inputs: a\npreprocess: NHWC",
      .wrongValue(path: "d", key: "preprocess", expected: "a mapping of keys", found: "\"NHWC\"")
    ),
    ("- inputs", .wrongValue(path: "d", key: "the document", expected: "a mapping of keys", found: "a list")),
    ("", .malformedYAML(path: "d", line: nil, reason: "the file is empty")),
    ("inputs: a\ninputs: b", .malformedYAML(path: "d", line: 1, reason: "the key inputs comes twice")),
  ]

  @Test(arguments: refused)
  func aDescriptionThatSaysSomethingElseIsRefusedWithTheKey(yaml: String, expected: DatasetError) {
    #expect(throws: expected) { try DatasetSpecification(yaml: yaml, path: "d") }
  }

  @Test func brokenYAMLNamesItsLine() {
    #expect {
      try DatasetSpecification(yaml: "inputs: a\nrange: [0, 1\nlabels: b", path: "d")
    } throws: { error in
      guard case DatasetError.malformedYAML("d", let line?, _) = error else { return false }
      return line >= 2
    }
  }

  @Test(arguments: ["[", "- ", "{a: "])
  func deepNestingIsRefusedNotFollowed(opening: String) {
    let yaml = "inputs: a\nclasses: " + String(repeating: opening, count: 100_000)
    #expect(throws: DatasetError.self) { try DatasetSpecification(yaml: yaml, path: "d") }
  }

  @Test func aMissingFileIsNamedWithItsKey() throws {
    let scratch = try Scratch()
    let yaml = try scratch.write("inputs: nowhere.npy", as: "data.yaml")
    #expect(
      throws: DatasetError.missingFile(
        specification: yaml, key: "inputs", path: scratch.path("nowhere.npy"), reason: "No such file or directory")
    ) { try Dataset(contentsOf: yaml) }
    #expect(throws: DatasetError.unreadable(path: "nowhere.yaml", reason: "No such file or directory")) {
      try Dataset(contentsOf: "nowhere.yaml")
    }
  }
}
