import HostTensors
import TensorTypes

/// Samples that a DATA file names, prepared one at a time as a model's input wants them.
///
/// Opening checks every header, count and label; after that a sample costs its own elements and no
/// more. Plain files are mapped, so memory does not grow with the number of samples; compressed files
/// are inflated once.
public struct Dataset: Sendable {
  public let specification: DatasetSpecification
  /// The samples in range.
  public let count: Int
  /// Extents of one sample as the file stores it.
  public let rawSampleShape: [Int]
  /// Extents of one sample as `sample(_:)` gives it.
  public let sampleShape: [Int]
  private let samples: RawArray
  private let labels: Labels?
  private let transform: SampleTransform
  private let firstIndex: Int

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
    guard !samples.shape.isEmpty, !samples.shape.contains(0) else {
      throw .malformed(
        path: samples.path, field: "shape", expected: "at least one sample with elements", found: "\(samples.shape)")
    }
    let range = specification.range ?? 0..<samples.sampleCount
    guard range.upperBound <= samples.sampleCount else {
      throw .rangeOutOfBounds(
        path: samples.path, from: range.lowerBound, to: range.upperBound, samples: samples.sampleCount)
    }
    self.specification = specification
    self.samples = samples
    labels = try Labels.open(specification, source: source)
    transform = try SampleTransform(specification.preprocessing, samples: samples)
    count = range.count
    firstIndex = range.lowerBound
    rawSampleShape = samples.sampleShape
    sampleShape = transform.shape
  }

  /// Elements of one sample.
  public var elementCount: Int { sampleShape.elementCount }

  /// Names of the classes where the DATA file gives them.
  public var classes: [String]? { specification.classes }

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
  /// Throws `sampleOutOfRange`.
  public func sample(_ index: Int) throws(DatasetError) -> Tensor {
    guard (0..<count).contains(index) else { throw .sampleOutOfRange(index: index, samples: count) }
    return Tensor(shape: sampleShape, of: Float.self) { target in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: target.count) { raw in
        samples.decode(sample: firstIndex + index, into: raw)
        transform.apply(raw, to: target)
      }
    }
  }

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
    return indices[firstIndex + index]
  }

  /// The numbers a model should give for sample `index`, or nil where the labels are no targets.
  public func target(_ index: Int) -> [Float]? {
    precondition((0..<count).contains(index), "target \(index) of \(count)")
    guard case .targets(let values, let width)? = labels else { return nil }
    let start = (firstIndex + index) * width
    return [Float](values[start..<start + width])
  }
}
