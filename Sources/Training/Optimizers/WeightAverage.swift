import HostTensors

/// An exponential moving average of the parameters: often better than any single step of them.
///
/// Polyak and Juditsky 1992; the decay grows from 2/11 as min(`decay`, (1 + t) / (10 + t)) at update t from 1, as
/// TensorFlow's `ExponentialMovingAverage` does, so that the first weights are soon forgotten.
public struct WeightAverage: Sendable {
  /// The share of the average that a late update keeps.
  public let decay: Double
  /// Updates seen.
  public private(set) var updateCount: Int
  public private(set) var values: [Float]

  /// Begins at `parameters`. Errors: `decay` outside of 0..<1.
  public init(decay: Double, parameters: UnsafeBufferPointer<Float>) throws(InvalidSetting) {
    try self.init(decay: decay, updateCount: 0, values: Array(parameters))
  }

  /// Continues from what a checkpoint kept. Errors: `decay` outside of 0..<1, or a negative count.
  public init(decay: Double, updateCount: Int, values: [Float]) throws(InvalidSetting) {
    try InvalidSetting.unless(decay >= 0 && decay < 1, "decay", decay, "0 <= decay < 1")
    try InvalidSetting.unless(updateCount >= 0, "updateCount", Double(updateCount), "updateCount >= 0")
    self.decay = decay
    self.updateCount = updateCount
    self.values = values
  }

  /// The decay of update `count`, which is at least 1.
  func decay(atUpdate count: Int) -> Double { min(decay, Double(1 + count) / Double(10 + count)) }

  /// Takes in the parameters after a step: average += (1 - decay) * (parameter - average).
  public mutating func update(_ parameters: UnsafeBufferPointer<Float>) {
    precondition(parameters.count == values.count, "\(parameters.count) parameters, averaged \(values.count)")
    updateCount += 1
    let share = Float(1 - decay(atUpdate: updateCount))
    values.withUnsafeMutableBufferPointer { averages in
      guard let averages = averages.baseAddress, let latest = parameters.baseAddress else { return }
      Parallel.forEachRange(parameters.count, grain: TrainedBlocks.blockCount) { range in
        for i in range { averages[i] += share * (latest[i] - averages[i]) }
      }
    }
  }

  /// Lets `body` change the averages in place.
  mutating func change(_ body: (UnsafeMutableBufferPointer<Float>) -> Void) {
    values.withUnsafeMutableBufferPointer { body($0) }
  }
}
