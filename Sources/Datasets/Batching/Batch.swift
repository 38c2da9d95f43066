import HostTensors

/// Some samples of a data set, stacked.
public struct Batch: Sendable {
  public let epoch: Int
  /// The batch's number within the epoch, from 0.
  public let number: Int
  /// The samples' indices in the data set, in the order in which they are stacked.
  public let indices: [Int]
  /// [samples, sample extents...], float32.
  public let inputs: Tensor
  /// The class of each sample; empty where the labels are no classes. Under mixup, the class of the heavier part.
  public let labels: [Int]
  /// The numbers to predict, `targetWidth` for each sample; empty where the labels are no targets.
  public let targets: [Float]
  public let targetWidth: Int
  /// [samples, classes], each row summing to one, where mixup or label smoothing makes labels soft; else nil.
  public let probabilities: Tensor?

  /// Samples in the batch.
  public var count: Int { indices.count }
}
