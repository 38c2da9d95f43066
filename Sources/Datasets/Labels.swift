import HostTensors

/// What is known about each sample: the index of its class, or the numbers that a model should give.
enum Labels: Sendable {
  case classes([Int])
  /// `width` numbers for each sample.
  case targets([Float], width: Int)

  var count: Int {
    switch self {
    case .classes(let indices): indices.count
    case .targets(let values, let width): values.count / max(width, 1)
    }
  }

  /// No network tells more classes apart, and a table of one entry for each stays small.
  private static let mostClasses = 1 << 24

  /// The number of classes; nil for targets.
  func classCount(named names: [String]?) -> Int? {
    guard case .classes(let indices) = self else { return nil }
    return names?.count ?? (indices.max() ?? -1) + 1
  }

  /// The labels that `specification` asks for, of every sample in `source`.
  static func open(_ specification: DatasetSpecification, source: SampleSource) throws(DatasetError) -> Labels? {
    let classes = specification.classes
    let labels: Labels
    let path: String
    switch specification.labels {
    case nil where source.folderLabels != nil: return .classes(source.folderLabels ?? [])
    case nil where source.lastColumn != nil:
      path = source.samples.path
      labels = try parse(source.lastColumn ?? [], classes: classes, path: path)
    case nil:
      guard let inside = source.recordLabels else { return nil }
      path = inside.path
      labels = try of(inside)
    case .lastColumn:
      path = source.samples.path
      labels = try parse(source.lastColumn ?? [], classes: classes, path: path)
    case .file(let name):
      guard source.recordLabels == nil, source.folderLabels == nil else {
        throw .wrongValue(
          path: specification.path, key: "labels", expected: "no file, since the inputs hold the labels", found: name)
      }
      let file = try NamedFile(name, key: "labels", specification: specification.path)
      path = file.path
      let all = try read(file, classes: classes)
      guard let kept = source.kept else {
        labels = all
        break
      }
      guard all.count == kept.of else {
        throw .labelCountDiffers(path: path, labels: all.count, samples: kept.of)
      }
      labels = all.selecting(kept.places)
    }
    guard labels.count == source.samples.sampleCount else {
      throw .labelCountDiffers(path: path, labels: labels.count, samples: source.samples.sampleCount)
    }
    if case .classes(let indices) = labels {
      let limit = classes?.count ?? (source.recordLabels == nil ? mostClasses : Cifar10.classCount)
      if let wrong = indices.firstIndex(where: { $0 < 0 || $0 >= limit }) {
        throw .labelOutOfRange(path: path, index: wrong, label: String(indices[wrong]), classes: limit)
      }
    }
    return labels
  }

  /// The labels at `places` alone.
  private func selecting(_ places: [Int]) -> Labels {
    switch self {
    case .classes(let indices): .classes(places.map { indices[$0] })
    case .targets(let values, let width):
      .targets(places.flatMap { values[$0 * width..<($0 + 1) * width] }, width: width)
    }
  }

  private static func read(_ file: NamedFile, classes: [String]?) throws(DatasetError) -> Labels {
    switch file.format {
    case .idx: return try of(Idx.read(file.region, path: file.path))
    case .npy: return try of(Npy.read(file.region, path: file.path))
    case .npz:
      let archive = try Npz(file.region.file, path: file.path)
      return try of(archive.array(named: file.member, defaults: ["labels", "y"]))
    case .text:
      let lines = try NumberTable.textLines(of: file.region, path: file.path).map { String($0.trimmed) }
      return try parse(lines.last == "" ? lines.dropLast() : lines, classes: classes, path: file.path)
    case .cifar10, .csv, .tsv, .unread:
      throw .unsupportedFormat(path: file.path, found: file.kindInWords, readable: DatasetError.readableLabels)
    }
  }

  /// One integer a sample is a class; anything else is a target.
  private static func of(_ array: RawArray) throws(DatasetError) -> Labels {
    let width = array.sampleShape.elementCount
    guard width > 0 else {
      throw .malformed(path: array.path, field: "shape", expected: "positive extents", found: "\(array.shape)")
    }
    if width == 1 && !array.dtype.isFloat {
      var indices: [Int] = []
      indices.reserveCapacity(array.sampleCount)
      for index in 0..<array.sampleCount {
        guard let label = array.integer(sample: index) else {
          throw .labelOutOfRange(path: array.path, index: index, label: "beyond 2^63", classes: Int.max)
        }
        indices.append(label)
      }
      return .classes(indices)
    }
    var values = [Float](repeating: 0, count: array.sampleCount * width)
    values.withUnsafeMutableBufferPointer { buffer in
      for index in 0..<array.sampleCount {
        array.decode(
          sample: index, into: UnsafeMutableBufferPointer(rebasing: buffer[index * width..<(index + 1) * width]))
      }
    }
    return .targets(values, width: width)
  }

  /// Class indices, class names, or else numbers.
  private static func parse(_ lines: [String], classes: [String]?, path: String) throws(DatasetError) -> Labels {
    let indices = lines.map { Int($0) ?? classes?.firstIndex(of: $0) }
    guard indices.contains(nil) else { return .classes(indices.compactMap { $0 }) }
    let wrong = lines.firstIndex { Float($0) == nil }
    guard let wrong else { return .targets(lines.compactMap { Float($0) }, width: 1) }
    if let classes {
      throw .labelOutOfRange(path: path, index: wrong, label: lines[wrong], classes: classes.count)
    }
    throw .notANumber(path: path, line: wrong + 1, column: 1, found: String(lines[wrong].prefix(40)))
  }
}
