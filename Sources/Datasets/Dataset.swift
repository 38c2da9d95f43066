import HostTensors
import TensorTypes

/// Samples that a DATA file names, prepared one at a time as a model's input wants them.
///
/// Opening checks every header, count and label; after that a sample costs its own elements and no
/// more. Plain files are mapped, so memory does not grow with the number of samples; compressed files
/// are inflated once.
public struct Dataset: Sendable {
  public let specification: DatasetSpecification
  /// The samples in range, or of the subset.
  public private(set) var count: Int
  /// Extents of one sample as the file stores it.
  public let rawSampleShape: [Int]
  /// Extents of one sample as `sample(_:)` gives it.
  public let sampleShape: [Int]
  /// Names of the classes where the DATA file gives them, or else those of the folder's sub-folders.
  public let classes: [String]?
  /// Classes where the labels are classes: as many as have names, else up to the largest label.
  public let classCount: Int?
  /// Files of the folder that are left out since they cannot be decoded.
  public let skipped: [SkippedSample]
  private var samples: any RawSamples
  private let labels: Labels?
  private let transform: SampleTransform
  private let firstIndex: Int
  /// Where the samples of a subset stand in the file.
  private var chosen: [Int]?

  /// Opens the data set that the DATA file at `path` describes.
  public init(contentsOf path: String) throws(DatasetError) {
    try self.init(DatasetSpecification(contentsOf: path))
  }

  /// Opens the files that `specification` names.
  ///
  /// Throws `missingFile`, `unsupportedFormat`, and what the format of each file can have wrong with it.
  public init(_ specification: DatasetSpecification) throws(DatasetError) {
    let source = try SampleSource.open(specification)
    let samples = source.samples
    guard samples.sampleCount > 0, !samples.sampleShape.contains(0) else {
      throw .malformed(
        path: samples.path, field: "shape", expected: "at least one sample with elements",
        found: "\([samples.sampleCount] + samples.sampleShape)")
    }
    let range = specification.range ?? 0..<samples.sampleCount
    guard range.upperBound <= samples.sampleCount else {
      throw .rangeOutOfBounds(
        path: samples.path, from: range.lowerBound, to: range.upperBound, samples: samples.sampleCount)
    }
    self.specification = specification
    self.samples = samples
    labels = try Labels.open(specification, source: source)
    classes = specification.classes ?? source.folderClasses
    skipped = source.skipped
    classCount = labels?.classCount(named: classes)
    transform = try SampleTransform(specification.preprocessing, samples: samples)
    count = range.count
    firstIndex = range.lowerBound
    rawSampleShape = samples.sampleShape
    sampleShape = transform.shape
  }

  /// Elements of one sample.
  public var elementCount: Int { sampleShape.elementCount }

  /// Whether samples have class labels, so that `label(_:)` is not nil.
  public var hasLabels: Bool {
    if case .classes? = labels { true } else { false }
  }

  /// Numbers in each sample's target; 0 where the labels are classes or absent.
  public var targetWidth: Int {
    if case .targets(_, let width)? = labels { width } else { 0 }
  }

  /// Sample `index` of the range as float32 of `sampleShape`, preprocessed and laid out.
  ///
  /// Throws what `stacked(_:)` throws.
  public func sample(_ index: Int) throws(DatasetError) -> Tensor {
    try stacked([index]).reshaped(sampleShape)
  }

  /// The samples of `indices` as one tensor [indices, sample extents...], each as `sample(_:)` gives it.
  ///
  /// Throws `sampleOutOfRange`, and for files decoded one by one what is wrong with a file.
  public func stacked(_ indices: [Int]) throws(DatasetError) -> Tensor {
    if let wrong = indices.first(where: { !(0..<count).contains($0) }) {
      throw .sampleOutOfRange(index: wrong, samples: count)
    }
    return try Tensor(shape: [indices.count] + sampleShape, of: Float.self) { (target) throws(DatasetError) in
      try read(indices, into: target)
    }
  }

  /// Writes the samples of `indices`, which must be in range, one after another.
  func read(_ indices: [Int], into target: UnsafeMutableBufferPointer<Float>) throws(DatasetError) {
    let width = elementCount
    let raw = UnsafeMutableBufferPointer<Float>.allocate(capacity: rawSampleShape.elementCount)
    defer { raw.deallocate() }
    for (row, index) in indices.enumerated() {
      try samples.decode(sample: stored(index), into: raw)
      transform.apply(raw, to: UnsafeMutableBufferPointer(rebasing: target[row * width..<(row + 1) * width]))
    }
  }

  /// How a prepared sample lies in memory; nil where it is no image.
  package var imageExtents: ImageExtents? { ImageExtents(shape: sampleShape, layout: transform.layout) }

  /// What a stored number becomes in each channel.
  func preprocessed(_ value: Float) -> [Float] { transform.preprocessed(value) }

  /// Sample `index` under `inputShape`, a model's input with its batch axis fixed.
  ///
  /// Throws `sampleOutOfRange`, and `shapeMismatch` where the numbers of elements differ.
  public func sample(_ index: Int, shapedFor inputShape: [Int]) throws(DatasetError) -> Tensor {
    guard checkedByteCount(inputShape, elementBytes: 1) == elementCount else {
      throw .shapeMismatch(path: samples.path, sampleShape: sampleShape, inputShape: inputShape)
    }
    return try sample(index).reshaped(inputShape)
  }

  /// The class of sample `index`, or nil where the labels are no classes. `index` must be in range.
  public func label(_ index: Int) -> Int? {
    precondition((0..<count).contains(index), "label \(index) of \(count)")
    guard case .classes(let indices)? = labels else { return nil }
    return indices[stored(index)]
  }

  /// The numbers a model should give for sample `index`, or nil where the labels are no targets.
  public func target(_ index: Int) -> [Float]? {
    precondition((0..<count).contains(index), "target \(index) of \(count)")
    guard case .targets(let values, let width)? = labels else { return nil }
    let start = stored(index) * width
    return [Float](values[start..<start + width])
  }

  /// The samples of `indices` alone, in that order. Throws `sampleOutOfRange`.
  public func subset(_ indices: [Int]) throws(DatasetError) -> Dataset {
    if let wrong = indices.first(where: { !(0..<count).contains($0) }) {
      throw .sampleOutOfRange(index: wrong, samples: count)
    }
    var result = self
    result.chosen = indices.map(stored)
    result.count = indices.count
    return result
  }

  /// The same samples, kept in memory once decoded as far as `limitBytes` go; what lies in memory anyway is not
  /// kept twice.
  public func keepingDecodedSamples(limitBytes: Int) -> Dataset {
    guard !samples.isInMemory else { return self }
    var result = self
    result.samples = CachedSamples(samples, limitBytes: limitBytes)
    return result
  }

  /// The vocabulary that gives the tokens of text their numbers; nil where samples are no text.
  public var vocabulary: Vocabulary? { (samples as? TextSamples)?.vocabulary }

  /// The same samples of text under a vocabulary built from those of `indices` alone, for example the training part
  /// of a split; a vocabulary from a file stays.
  ///
  /// Throws `sampleOutOfRange`, and `invalidOption` where samples are no text.
  public func buildingVocabulary(from indices: [Int]) throws(DatasetError) -> Dataset {
    guard let text = samples as? TextSamples else {
      throw .invalidOption(name: "vocabulary", expected: "inputs of text", found: specification.inputs)
    }
    var result = self
    result.samples = try text.rebuilt(from: subset(indices).chosen ?? [])
    return result
  }

  /// Where sample `index` stands in the file.
  private func stored(_ index: Int) -> Int { chosen?[index] ?? firstIndex + index }
}
