/// What an optimizer's next steps depend on beside parameters and gradients: enough to continue to the bit.
public struct OptimizerState: Sendable, Equatable {
  /// Steps taken.
  public var stepCount: Int
  /// By name, each of one float per parameter.
  public var buffers: [String: [Float]]

  public init(stepCount: Int, buffers: [String: [Float]]) {
    self.stepCount = stepCount
    self.buffers = buffers
  }
}

/// Why a state does not belong to an optimizer.
public enum OptimizerStateError: Error, Sendable, Equatable {
  case negativeStepCount(Int)
  /// The names of the rule's buffers, and those of the state, both sorted.
  case bufferNames(expected: [String], found: [String])
  case bufferCount(name: String, expected: Int, found: Int)
}

extension Optimizer {
  public var state: OptimizerState {
    OptimizerState(
      stepCount: stepCount,
      buffers: Dictionary(uniqueKeysWithValues: zip(rule.bufferNames, buffers)))
  }

  /// Continues from `state`, which an optimizer of the same rule and size gave.
  ///
  /// Errors: the first thing that does not fit; the optimizer is then as it was.
  public mutating func restore(_ state: OptimizerState) throws(OptimizerStateError) {
    guard state.stepCount >= 0 else { throw .negativeStepCount(state.stepCount) }
    let names = rule.bufferNames
    let found = state.buffers.keys.sorted()
    guard found == names.sorted() else { throw .bufferNames(expected: names.sorted(), found: found) }
    var restored: [[Float]] = []
    for name in names {
      let values = state.buffers[name] ?? []
      guard values.count == count else { throw .bufferCount(name: name, expected: count, found: values.count) }
      restored.append(values)
    }
    buffers = restored
    stepCount = state.stepCount
  }
}
