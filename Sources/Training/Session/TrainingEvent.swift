import Graph

/// What a session tells while it runs.
public enum TrainingEvent: Sendable {
  case step(StepReport)
  case epoch(EpochReport)
  /// The validation metric has not become better for as long as the recipe allows.
  case stoppedEarly(epoch: Int)
}

/// Figures of the running epoch up to a step.
public struct StepReport: Sendable {
  /// Counts from 1.
  public var epoch: Int
  public var epochs: Int
  public var batch: Int
  public var batches: Int
  public var loss: Double
  public var metric: Double
  public var samplesPerSecond: Double
}

/// What training ended with.
public struct TrainingOutcome: Sendable {
  /// The training form with its trained weights.
  public var graph: Graph
  public var history: [EpochReport]
  /// The epoch, from 1, whose weights these are: the best where that is restored, else the last.
  public var epoch: Int
  public var steps: Int
  public var trainedParameters: Int
  /// The most bytes of tensors at once.
  public var peakTensorBytes: Int
}

/// Means over samples, added up batch by batch.
public struct RunningFigures: Sendable, Equatable {
  public private(set) var samples = 0
  private var lossSum = 0.0
  private var metricSum = 0.0

  public var meanLoss: Double { lossSum / Double(max(samples, 1)) }
  public var meanMetric: Double { metricSum / Double(max(samples, 1)) }

  package init() {}

  /// `loss` is the batch's mean, `metric` a sum over its samples.
  package mutating func add(loss: Double, metric: Double, samples count: Int) {
    samples += count
    lossSum += loss * Double(count)
    metricSum += metric
  }

  /// What a checkpoint keeps of it.
  var numbers: [String: Double] { ["samples": Double(samples), "lossSum": lossSum, "metricSum": metricSum] }

  init(_ numbers: [String: Double]) {
    samples = Int(numbers["samples"] ?? 0)
    lossSum = numbers["lossSum"] ?? 0
    metricSum = numbers["metricSum"] ?? 0
  }
}
