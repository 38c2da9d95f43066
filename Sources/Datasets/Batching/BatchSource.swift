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

  public init(batchSize: Int, seed: UInt64 = 0, isShuffled: Bool = true, keepsPartialBatch: Bool = true) {
    self.batchSize = batchSize
    self.seed = seed
    self.isShuffled = isShuffled
    self.keepsPartialBatch = keepsPartialBatch
  }
}

/// The batches of a data set, epoch after epoch.
///
/// A batch depends on the data, the seed, the epoch and its number and on nothing else, so training can be
/// resumed at any (epoch, batch), and batches can be made in any order on any thread.
public final class BatchSource: Sendable {
  public let dataset: Dataset
  public let batching: Batching
  private let latestOrder = Mutex<(epoch: Int, order: [Int])?>(nil)

  /// Throws `invalidOption` where no batch of the size asked for can be made.
  public init(_ dataset: Dataset, batching: Batching) throws(DatasetError) {
    let largest = batching.keepsPartialBatch ? Int.max : dataset.count
    guard batching.batchSize >= 1, batching.batchSize <= largest else {
      throw .invalidOption(
        name: "batch size", expected: batching.keepsPartialBatch ? "at least 1" : "1 to \(largest), the samples",
        found: String(batching.batchSize))
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
    let inputs = try dataset.stacked(indices)
    return Batch(
      epoch: epoch, number: number, indices: indices, inputs: inputs, labels: indices.compactMap(dataset.label),
      targets: indices.flatMap { dataset.target($0) ?? [] }, targetWidth: dataset.targetWidth, probabilities: nil)
  }

  /// The batches of `epoch` from number `first` on, made ahead on `workers` threads of their own.
  ///
  /// At most `depth` batches wait. With no workers, or where the system refuses threads, each batch is made
  /// when it is asked for; the batches are the same.
  public func reader(epoch: Int, from first: Int = 0, workers: Int = 1, depth: Int = 4) -> BatchReader {
    BatchReader(self, epoch: epoch, from: first, workers: workers, depth: depth)
  }
}
