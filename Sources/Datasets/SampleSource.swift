/// The samples of one file, and the labels where the same file holds them.
struct SampleSource: Sendable {
  var samples: any RawSamples
  /// Labels inside the records (CIFAR-10).
  var recordLabels: RawArray?
  /// Labels in the last column of a table, as text.
  var lastColumn: [String]?

  /// Labels and names of classes where the inputs are a folder of sub-folders.
  var folderLabels: [Int]?
  var folderClasses: [String]?
  /// The places of the samples among all files of a folder, and how many files there are.
  var kept: (places: [Int], of: Int)?
  var skipped: [SkippedSample] = []

  init(samples: any RawSamples, recordLabels: RawArray? = nil, lastColumn: [String]? = nil) {
    self.samples = samples
    self.recordLabels = recordLabels
    self.lastColumn = lastColumn
  }

  /// Opens what `inputs` names.
  static func open(_ specification: DatasetSpecification) throws(DatasetError) -> SampleSource {
    if isFolder(specification.inputs) { return try openFolder(specification) }
    let preprocessing = specification.preprocessing
    for (key, isGiven) in [("channels", preprocessing.imageChannels != nil), ("audio", preprocessing.audio != nil)]
    where isGiven {
      throw .wrongValue(
        path: specification.path, key: "preprocess.\(key)", expected: "a folder as inputs",
        found: specification.inputs)
    }
    if specification.onError == .skip {
      throw .wrongValue(
        path: specification.path, key: "on_error", expected: "stop, unless the inputs are a folder", found: "skip")
    }
    var source = try openFile(specification)
    if let size = preprocessing.size {
      source.samples = try ResizedSamples(
        source.samples, size: BilinearResizing(size: size),
        layout: source.samples.storedLayout ?? preprocessing.stored ?? preprocessing.layout,
        specification: specification.path)
    }
    return source
  }

  private static func openFolder(_ specification: DatasetSpecification) throws(DatasetError) -> SampleSource {
    let preprocessing = specification.preprocessing
    if preprocessing.text != nil {
      throw .wrongValue(
        path: specification.path, key: "preprocess.text", expected: "a file of text as inputs", found: "a folder")
    }
    if specification.labels == .lastColumn {
      throw .wrongValue(path: specification.path, key: "labels", expected: "a file or none", found: "last-column")
    }
    let folder = try SampleFolder(
      specification.inputs, classes: specification.classes, specification: specification.path)
    let imageReader = ImageFileReader(
      size: preprocessing.size.map { BilinearResizing(size: $0) }, channels: preprocessing.imageChannels)
    let reader = preprocessing.audio.map { WaveFileReader($0) as any SampleFileReader } ?? imageReader
    let samples = try FolderSamples(folder, reader: reader, onError: specification.onError)
    var source = SampleSource(samples: samples)
    source.folderLabels = folder.labels.map { labels in samples.places.map { labels[$0] } }
    source.folderClasses = folder.classNames
    source.kept = (samples.places, of: folder.files.count)
    source.skipped = samples.skipped
    return source
  }

  /// Opens the file that `inputs` names; the format follows from its name or its first bytes.
  private static func openFile(_ specification: DatasetSpecification) throws(DatasetError) -> SampleSource {
    let file = try NamedFile(specification.inputs, key: "inputs", specification: specification.path)
    let path = file.path
    if let text = specification.preprocessing.text { return try openText(file, text, specification) }
    let wantsLastColumn = specification.labels == .lastColumn
    let format = file.format
    if wantsLastColumn && format != .csv && format != .tsv {
      throw .unsupportedFormat(
        path: path, found: "labels: last-column with inputs other than a number table",
        readable: DatasetError.readableLabels)
    }
    switch format {
    case .idx: return SampleSource(samples: try Idx.read(file.region, path: path))
    case .npy: return SampleSource(samples: try Npy.read(file.region, path: path))
    case .npz:
      let archive = try Npz(file.region.file, path: path)
      return SampleSource(samples: try archive.array(named: file.member, defaults: ["inputs", "x"]))
    case .cifar10:
      let (samples, labels) = try Cifar10.read(file.region, path: path)
      return SampleSource(samples: samples, recordLabels: labels)
    case .csv, .tsv:
      let table = try NumberTable.read(
        file.region, path: path, separator: format == .csv ? "," : "\t", labelsInLastColumn: wantsLastColumn)
      return SampleSource(samples: table.samples, lastColumn: wantsLastColumn ? table.lastColumn.map(String.init) : nil)
    case .text, .unread:
      throw .unsupportedFormat(path: path, found: file.kindInWords, readable: DatasetError.readableInputs)
    }
  }

  /// Opens lines of text; those of a `.tsv` file end with their labels, unless `labels` names a file.
  private static func openText(
    _ file: NamedFile, _ preprocessing: TextPreprocessing, _ specification: DatasetSpecification
  ) throws(DatasetError) -> SampleSource {
    guard file.format == .tsv || file.format == .text else {
      throw .unsupportedFormat(
        path: file.path, found: "preprocess.text with \(file.kindInWords)",
        readable: [".tsv of text and labels", ".txt with one text a line", "each of these also as .gz"])
    }
    let hasLabels = specification.labels == .lastColumn || (specification.labels == nil && file.format == .tsv)
    let classes = specification.classes ?? []
    let isLabel: ((Substring) -> Bool)? =
      hasLabels ? { label in Float(label) != nil || classes.contains { $0 == label } } : nil
    let (text, labels) = try TokenizedText.read(
      TextLines(file.region, path: file.path), path: file.path,
      tokenizer: Tokenizer(lowercases: preprocessing.lowercases), isLabel: isLabel)
    let training = (specification.range ?? 0..<text.lineCount).clamped(to: 0..<text.lineCount)
    let samples = try TextSamples(text, path: file.path, preprocessing: preprocessing, training: training)
    return SampleSource(samples: samples, lastColumn: hasLabels ? labels : nil)
  }
}

/// A file of a data set, opened, with its format told.
struct NamedFile {
  enum Format { case idx, npy, npz, cifar10, csv, tsv, text, unread }

  let path: String
  /// What follows `#` in the name of an `.npz` file.
  let member: String?
  let region: ByteRegion
  let format: Format

  /// Throws `missingFile` where `name` cannot be opened and `unsupportedFormat` where it is a folder.
  init(_ name: String, key: String, specification: String) throws(DatasetError) {
    let parts = name.split(separator: "#", maxSplits: 1).map(String.init)
    let isMember = parts.count == 2 && parts[0].hasSuffix(".npz")
    path = isMember ? parts[0] : name
    member = isMember ? parts[1] : nil
    if isFolder(path) {
      let readable = key == "inputs" ? DatasetError.readableInputs : DatasetError.readableLabels
      throw .unsupportedFormat(path: path, found: "a folder", readable: readable)
    }
    do {
      region = ByteRegion(try FileBytes(mapping: path))
    } catch .unreadable(_, let reason) {
      throw .missingFile(specification: specification, key: key, path: path, reason: reason)
    }
    format = try Self.format(of: path, region)
  }

  private static let suffixes: [(suffix: String, format: Format)] = [
    (".npy", .npy), (".npz", .npz), (".bin", .cifar10), (".csv", .csv), (".tsv", .tsv), (".txt", .text),
  ]

  private static func format(of path: String, _ region: ByteRegion) throws(DatasetError) -> Format {
    let plainName = path.hasSuffix(".gz") ? String(path.dropLast(3)) : path
    if let known = suffixes.first(where: { plainName.hasSuffix($0.suffix) }) { return known.format }
    let fileName = plainName.split(separator: "/").last ?? ""
    if fileName.contains("idx") { return .idx }
    guard region.count >= 8 else { return .unread }
    var cursor = try ByteCursor(region, path: path)
    let head = try cursor.takeHeader(8)
    if Idx.isHeader(head) { return .idx }
    return head.starts(with: NpyHeader.magic) ? .npy : .unread
  }

  /// What the file seems to be, for the error that refuses it.
  var kindInWords: String { Self.kindInWords(of: path) }

  static func kindInWords(of path: String) -> String {
    let name = path.lowercased()
    for (suffixes, words) in refusedKinds where suffixes.contains(where: name.hasSuffix) { return words }
    return "a file of unknown format"
  }

  private static let refusedKinds: [(suffixes: [String], words: String)] = [
    ([".png", ".jpg", ".jpeg", ".bmp", ".ppm"], "an image file"), ([".wav", ".flac"], "a sound file"),
    ([".txt", ".txt.gz"], "text"),
  ]
}
