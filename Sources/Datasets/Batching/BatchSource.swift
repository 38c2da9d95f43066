import HostTensors
import Synchronization

/// How a data set is drawn in batches.
public struct Batching: Sendable, Equatable {
  public var batchSize: Int
  public var seed: UInt64
  /// False keeps the order of the file.
  public var isShuffled: Bool
  /// Whether the samples that fill no whole batch come as a smaller one.
  public var keepsPartialBatch: Bool
  public var augmentation: Augmentation?

  public init(
    batchSize: Int, seed: UInt64 = 0, isShuffled: Bool = true, keepsPartialBatch: Bool = true,
    augmentation: Augmentation? = nil
  ) {
    self.batchSize = batchSize
    self.seed = seed
    self.isShuffled = isShuffled
    self.keepsPartialBatch = keepsPartialBatch
    self.augmentation = augmentation
  }
}

/// The batches of a data set, epoch after epoch.
///
/// A batch depends on the data, the seed, the epoch and its number and on nothing else, so training can be
/// resumed at any (epoch, batch), and batches can be made in any order on any thread.
public final class BatchSource: Sendable {
  public let dataset: Dataset
  public let batching: Batching
  private let augmenter: SampleAugmenter?
  private let latestOrder = Mutex<(epoch: Int, order: [Int])?>(nil)

  /// Throws `invalidOption` where no batch of the size asked for can be made or text would be mixed, `notImages` and `missingLabels` where
  /// the samples do not have what the augmentation changes.
  public init(_ dataset: Dataset, batching: Batching) throws(DatasetError) {
    let largest = batching.keepsPartialBatch ? Int.max : dataset.count
    guard batching.batchSize >= 1, batching.batchSize <= largest else {
      throw .invalidOption(
        name: "batch size", expected: batching.keepsPartialBatch ? "at least 1" : "1 to \(largest), the samples",
        found: String(batching.batchSize))
    }
    if let augmentation = batching.augmentation {
      augmenter = try SampleAugmenter(augmentation, dataset: dataset, seed: batching.seed)
      if dataset.vocabulary != nil && (augmentation.mixup > 0 || augmentation.noise > 0) {
        throw .invalidOption(
          name: "augment", expected: "neither mixup nor noise, since tokens are no quantities", found: "one of them")
      }
      if augmentation.labelSmoothing > 0 && dataset.classCount == nil {
        throw .missingLabels(path: dataset.specification.inputs)
      }
    } else {
      augmenter = nil
    }
    self.dataset = dataset
    self.batching = batching
  }

  /// Batches in one epoch.
  public var batchesPerEpoch: Int {
    let whole = dataset.count / batching.batchSize
    return batching.keepsPartialBatch && dataset.count % batching.batchSize > 0 ? whole + 1 : whole
  }

  /// Samples that one epoch gives.
  public var samplesPerEpoch: Int {
    batching.keepsPartialBatch ? dataset.count : dataset.count / batching.batchSize * batching.batchSize
  }

  /// The indices of all samples in the order of `epoch`.
  public func order(epoch: Int) -> [Int] {
    guard batching.isShuffled else { return [Int](0..<dataset.count) }
    return latestOrder.withLock { latest in
      if let latest, latest.epoch == epoch { return latest.order }
      var random = SeededRandom(batching.seed, RandomPurpose.order.rawValue, UInt64(bitPattern: Int64(epoch)))
      let order = random.permutation(of: dataset.count)
      latest = (epoch, order)
      return order
    }
  }

  /// Batch `number` of `epoch`.
  ///
  /// Throws `batchOutOfRange`, and what decoding a sample can throw.
  public func batch(_ number: Int, epoch: Int) throws(DatasetError) -> Batch {
    guard (0..<batchesPerEpoch).contains(number) else {
      throw .batchOutOfRange(number: number, batches: batchesPerEpoch)
    }
    let start = number * batching.batchSize
    let end = min(start + batching.batchSize, dataset.count)
    let indices = [Int](order(epoch: epoch)[start..<end])
    let mixup = Mixup(batching.augmentation?.mixup ?? 0, seed: batching.seed, epoch: epoch, indices: indices)
    let inputs = try inputs(indices, epoch: epoch, mixup)
    let labels = indices.compactMap(dataset.label)
    var targets = indices.flatMap { dataset.target($0) ?? [] }
    targets.withUnsafeMutableBufferPointer { mixup.mix($0, width: dataset.targetWidth) }
    return Batch(
      epoch: epoch, number: number, indices: indices, inputs: inputs, labels: labels, targets: targets,
      targetWidth: dataset.targetWidth, probabilities: probabilities(of: labels, mixup))
  }

  private func inputs(_ indices: [Int], epoch: Int, _ mixup: Mixup) throws(DatasetError) -> Tensor {
    let width = dataset.elementCount
    return try Tensor(shape: [indices.count] + dataset.sampleShape, of: Float.self) { (target) throws(DatasetError) in
      try dataset.read(indices, into: target)
      guard let augmenter else { return }
      let scratch = UnsafeMutableBufferPointer<Float>.allocate(capacity: width)
      defer { scratch.deallocate() }
      for (row, index) in indices.enumerated() {
        let sample = UnsafeMutableBufferPointer(rebasing: target[row * width..<(row + 1) * width])
        augmenter.apply(to: sample, index: index, epoch: epoch, scratch: scratch)
      }
      mixup.mix(target, width: width)
    }
  }

  private func probabilities(of labels: [Int], _ mixup: Mixup) -> Tensor? {
    guard let augmentation = batching.augmentation, let classes = dataset.classCount,
      augmentation.mixup > 0 || augmentation.labelSmoothing > 0
    else { return nil }
    return mixup.probabilities(of: labels, classes: classes, smoothing: augmentation.labelSmoothing)
  }

  /// The batches of `epoch` from number `first` on, made ahead on `workers` threads of their own.
  ///
  /// At most `depth` batches wait. With no workers, or where the system refuses threads, each batch is made
  /// when it is asked for; the batches are the same.
  public func reader(epoch: Int, from first: Int = 0, workers: Int = 1, depth: Int = 4) -> BatchReader {
    BatchReader(self, epoch: epoch, from: first, workers: workers, depth: depth)
  }
}
