import HostTensors

/// The way from gradients to weights: rules, clipping, schedule, optimizer, average.
struct Updater {
  private(set) var optimizer: Optimizer
  private(set) var average: WeightAverage?
  private(set) var rate: LearningRate
  private let clipping: GradientClipping?
  private let blocks: TrainedBlocks

  /// Errors: `.setting` for a number of the plan that is out of range.
  init(_ plan: TrainingPlan, store: ParameterStore, stepsPerEpoch: Int) throws(TrainingError) {
    blocks = TrainedBlocks(
      count: store.count,
      trained: store.slices.filter(\.isTrained).map { TrainedRange($0.range, isDecayed: $0.isDecayed) })
    do throws(InvalidSetting) {
      optimizer = try Optimizer(plan.rule, regularization: plan.regularization, count: store.count)
      clipping = try plan.clipNorm.map { (norm) throws(InvalidSetting) in try GradientClipping(maximumNorm: norm) }
      average = try plan.averageDecay.map { (decay) throws(InvalidSetting) in
        try WeightAverage(decay: decay, parameters: UnsafeBufferPointer(store.values))
      }
      rate = try LearningRate(plan, stepsPerEpoch: stepsPerEpoch)
    } catch { throw .setting(error) }
  }

  /// Takes one step with the gradients of `store`, which `rules` act around.
  ///
  /// Returns the learning rate, or nil, having changed no weight, where a gradient is not finite.
  mutating func apply(to store: ParameterStore, step: Int, rules: [any WeightRule] = []) -> Double? {
    for rule in rules { rule.prepareGradients(store, step: step) }
    let gradients = UnsafeBufferPointer(store.gradients)
    let norm = blocks.gradientNorm(gradients)
    guard norm.isFinite else { return nil }
    let learningRate = rate.value(step: step)
    optimizer.step(
      blocks, parameters: store.values, gradients: gradients, learningRate: Float(learningRate),
      gradientScale: clipping?.scale(norm: norm) ?? 1)
    for rule in rules { rule.adjustWeights(store, step: step) }
    average?.update(UnsafeBufferPointer(store.values))
    average?.change { values in
      for rule in rules { rule.adjustAverage(values, store, step: step) }
    }
    return learningRate
  }

  /// The name of the last parameter whose gradient is not finite: gradients come from behind, so it went wrong there.
  func nonFiniteParameter(_ store: ParameterStore) -> String? {
    store.slices.last { slice in
      slice.isTrained && !store.gradients[slice.range].allSatisfy(\.isFinite)
    }?.name
  }

  /// Puts what later steps depend on into a checkpoint, every name behind `prefix`.
  func save(to checkpoint: inout Checkpoint, prefix: String = "") {
    let state = optimizer.state
    checkpoint.numbers[prefix + "optimizer.steps"] = Double(state.stepCount)
    for (name, buffer) in state.buffers { checkpoint.buffers["\(prefix)optimizer.\(name)"] = buffer }
    if let average {
      checkpoint.numbers[prefix + "average.updates"] = Double(average.updateCount)
      checkpoint.buffers[prefix + "average"] = average.values
    }
    rate.save(to: &checkpoint, prefix: prefix)
  }

  /// Whether `checkpoint` has all that this updater keeps; what it has is taken.
  mutating func restore(from checkpoint: Checkpoint, prefix: String = "") -> Bool {
    let names = optimizer.state.buffers.keys
    var buffers: [String: [Float]] = [:]
    for name in names { buffers[name] = checkpoint.buffers["\(prefix)optimizer.\(name)"] }
    guard let steps = checkpoint.numbers[prefix + "optimizer.steps"], buffers.count == names.count,
      (try? optimizer.restore(OptimizerState(stepCount: Int(steps), buffers: buffers))) != nil,
      rate.restore(from: checkpoint, prefix: prefix)
    else { return false }
    guard let average else { return true }
    guard let updates = checkpoint.numbers[prefix + "average.updates"],
      let values = checkpoint.buffers[prefix + "average"],
      values.count == average.values.count,
      let restored = try? WeightAverage(decay: average.decay, updateCount: Int(updates), values: values)
    else { return false }
    self.average = restored
    return true
  }

  /// Tells the schedule the figures of an epoch.
  mutating func finishEpoch(_ report: EpochReport) { rate.finishEpoch(report) }
}
