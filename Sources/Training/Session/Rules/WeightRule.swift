/// What acts on the weights around each step of the optimizer.
///
/// A session calls `prepare` once, then for every step `prepareGradients`, clipping and the optimizer,
/// `adjustWeights`, and where an average of the weights is kept `adjustAverage`. Several rules act in their order.
/// A rule that keeps state puts it into checkpoints, so that a resumed run reaches the same bits.
public protocol WeightRule: AnyObject {
  /// Makes ready for a run of `stepCount` steps; `store` holds the weights that it begins with.
  ///
  /// Errors: what makes the rule impossible for these weights.
  func prepare(_ store: ParameterStore, stepCount: Int) throws(TrainingError)
  /// Changes the gradients of `store` before they are clipped and applied in step `step`, counted from 0.
  func prepareGradients(_ store: ParameterStore, step: Int)
  /// Changes the weights after step `step`.
  func adjustWeights(_ store: ParameterStore, step: Int)
  /// Changes the average of the weights, laid out as they are in `store`, after step `step` has been added to it.
  func adjustAverage(_ average: UnsafeMutableBufferPointer<Float>, _ store: ParameterStore, step: Int)
  /// Whether after `stepCount` steps the weights have the structure that the run is to end with.
  ///
  /// Until then no epoch counts as the best one, and early stopping waits.
  func isSettled(afterSteps stepCount: Int) -> Bool
  /// State beyond the weights themselves, for checkpoints.
  func save(to checkpoint: inout Checkpoint)
  /// Whether `checkpoint` has all that this rule keeps; what it has is taken.
  func restore(from checkpoint: Checkpoint) -> Bool
}

// What most rules have no need of.
extension WeightRule {
  public func prepare(_ store: ParameterStore, stepCount: Int) throws(TrainingError) {}
  public func prepareGradients(_ store: ParameterStore, step: Int) {}
  public func adjustWeights(_ store: ParameterStore, step: Int) {}
  public func adjustAverage(_ average: UnsafeMutableBufferPointer<Float>, _ store: ParameterStore, step: Int) {}
  public func isSettled(afterSteps stepCount: Int) -> Bool { true }
  public func save(to checkpoint: inout Checkpoint) {}
  public func restore(from checkpoint: Checkpoint) -> Bool { true }
}
