/// What a DATA file says: where samples and labels are and how to prepare them.
public struct DatasetSpecification: Sendable, Equatable {
  public enum LabelSource: Sendable, Equatable {
    case file(String)
    /// The last cell of each row of a number table.
    case lastColumn
  }

  /// What a file of a folder that cannot be decoded does.
  public enum DamagedFiles: String, Sendable {
    /// It is an error.
    case stop
    /// It is left out, and `Dataset.skipped` lists it.
    case skip
  }

  /// The DATA file itself, for errors.
  public var path: String
  /// The file of samples; `file.npz#name` picks one array of an archive.
  public var inputs: String
  public var labels: LabelSource?
  /// Names of the classes in the order of their labels.
  public var classes: [String]?
  /// The samples to use, of those in the file.
  public var range: Range<Int>?
  public var onError: DamagedFiles
  public var preprocessing: Preprocessing
  /// For training alone: evaluation and calibration take samples as they are.
  public var augmentation: Augmentation?

  public init(
    path: String, inputs: String, labels: LabelSource? = nil, classes: [String]? = nil, range: Range<Int>? = nil,
    onError: DamagedFiles = .stop, preprocessing: Preprocessing = Preprocessing(), augmentation: Augmentation? = nil
  ) {
    self.path = path
    self.inputs = inputs
    self.labels = labels
    self.classes = classes
    self.range = range
    self.onError = onError
    self.preprocessing = preprocessing
    self.augmentation = augmentation
  }

  /// Reads the DATA file at `path`; paths in it are relative to its folder.
  ///
  /// Throws `unreadable`, `malformedYAML`, `unknownKey`, `missingKey` and `wrongValue`.
  public init(contentsOf path: String) throws(DatasetError) {
    let file = try FileBytes(mapping: path)
    guard file.bytes.count <= Self.longestFileBytes else {
      throw .tooLarge(path: path, limitBytes: Self.longestFileBytes)
    }
    guard let text = String(validating: file.bytes, as: UTF8.self) else {
      throw .malformed(path: path, field: "text", expected: "UTF-8", found: "other bytes")
    }
    try self.init(yaml: text, path: path)
  }

  /// Reads `yaml` as the contents of a DATA file at `path`.
  public init(yaml: String, path: String) throws(DatasetError) {
    let root = try StrictMapping(yaml: yaml, path: path)
    try root.allowOnly(["inputs", "labels", "classes", "range", "on_error", "preprocess", "augment"])
    func located(_ name: String) -> String {
      guard !name.hasPrefix("/"), let slash = path.lastIndex(of: "/") else { return name }
      return path[...slash] + name
    }
    guard let inputs = try root.text("inputs") else { throw .missingKey(path: path, key: "inputs") }
    let labels = try root.text("labels")
    self.init(
      path: path, inputs: located(inputs),
      labels: labels.map { $0 == "last-column" ? .lastColumn : .file(located($0)) },
      classes: try root.texts("classes"), range: try Self.range(in: root),
      onError: try Self.onError(in: root),
      preprocessing: try Self.preprocessing(in: root, located: located),
      augmentation: try root.mapping("augment").map { (mapping) throws(DatasetError) in try Augmentation(mapping) })
  }

  /// A list of 1,000 class names takes some 30 KB.
  private static let longestFileBytes = 1 << 20

  private static func range(in root: StrictMapping) throws(DatasetError) -> Range<Int>? {
    guard let bounds = try root.integers("range") else { return nil }
    guard bounds.count == 2, bounds[0] >= 0, bounds[0] < bounds[1] else {
      throw .wrongValue(
        path: root.path, key: "range", expected: "[from, to) with 0 <= from < to", found: "\(bounds)")
    }
    return bounds[0]..<bounds[1]
  }

  private static func onError(in root: StrictMapping) throws(DatasetError) -> DamagedFiles {
    guard let text = try root.text("on_error") else { return .stop }
    guard let choice = DamagedFiles(rawValue: text) else {
      throw root.wrong("on_error", expected: "stop or skip", found: text)
    }
    return choice
  }

  private static func preprocessing(
    in root: StrictMapping, located: (String) -> String
  ) throws(DatasetError) -> Preprocessing {
    var result = Preprocessing()
    guard let mapping = try root.mapping("preprocess") else { return result }
    try mapping.allowOnly(["layout", "stored", "scale", "offset", "mean", "std", "size", "channels", "audio", "text"])
    result.layout = try layout("layout", in: mapping)
    result.stored = try layout("stored", in: mapping)
    result.scale = try mapping.number("scale") ?? result.scale
    result.offset = try mapping.number("offset") ?? result.offset
    result.mean = try mapping.numbers("mean") ?? result.mean
    result.std = try mapping.numbers("std") ?? result.std
    result.size = try size(in: mapping)
    result.imageChannels = try mapping.integer("channels", 1...3)
    if result.imageChannels == 2 { throw mapping.wrong("channels", expected: "1 or 3", found: "2") }
    if let audio = try mapping.mapping("audio") {
      for key in ["size", "channels"] where mapping.has(key) {
        throw mapping.wrong(key, expected: "nothing beside preprocess.audio", found: "a value")
      }
      result.audio = try AudioPreprocessing(audio)
    }
    if let text = try mapping.mapping("text") { result.text = try TextPreprocessing(text, located: located) }
    if let zero = result.std.firstIndex(of: 0) {
      throw .wrongValue(
        path: root.path, key: "preprocess.std", expected: "entries other than 0", found: "0 as entry \(zero)")
    }
    return result
  }

  private static func size(in mapping: StrictMapping) throws(DatasetError) -> ImageSize? {
    guard let extents = try mapping.integers("size") else { return nil }
    guard extents.count == 2, extents.allSatisfy((1...8_192).contains) else {
      throw mapping.wrong("size", expected: "[height, width] of 1 to 8192 each", found: "\(extents)")
    }
    return ImageSize(height: extents[0], width: extents[1])
  }

  private static func layout(_ key: String, in mapping: StrictMapping) throws(DatasetError) -> ChannelLayout? {
    guard let text = try mapping.text(key) else { return nil }
    guard let layout = ChannelLayout(rawValue: text) else {
      throw .wrongValue(path: mapping.path, key: "preprocess.\(key)", expected: "NHWC or NCHW", found: text)
    }
    return layout
  }
}
