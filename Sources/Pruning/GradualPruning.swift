import Graph
import HostTensors
import Training

/// When a run prunes: the cubic schedule of Zhu and Gupta, "To prune, or not to prune", 2017.
///
/// Sparsity goes from s0 to s along s + (s0 - s) (1 - t)^3 while t goes from 0 to 1: fast while there is much to
/// spare, slowly at the end.
public struct PruningSchedule: Sendable, Equatable {
  /// Shares of the run's steps.
  public var begin: Double
  public var end: Double
  /// Steps from one pruning to the next; nil for a hundred prunings in all.
  public var frequency: Int?

  public init(begin: Double = 0, end: Double = 0.6, frequency: Int? = nil) {
    self.begin = begin
    self.end = end
    self.frequency = frequency
  }

  /// The step, counted from 1, after which the last pruning is done.
  package func lastStep(of stepCount: Int) -> Int { max(1, Int((end * Double(stepCount)).rounded())) }

  /// How much of the way is gone after `step` steps; nil where nothing is pruned then.
  package func progress(after step: Int, of stepCount: Int) -> Double? {
    let last = lastStep(of: stepCount)
    let first = min(Int((begin * Double(stepCount)).rounded()), last - 1)
    guard step > first, step <= last else { return nil }
    guard step < last else { return 1 }
    guard (step - first) % (frequency ?? max(1, (last - first) / 100)) == 0 else { return nil }
    let rest = 1 - Double(step - first) / Double(last - first)
    return 1 - rest * rest * rest
  }
}

/// Prunes while a network is trained: every few steps some more weights become zero, for good.
///
/// Magnitudes are those of the moment; movement is summed up from the first step on. What was zero at the start
/// stays zero. Depends on weights, gradients and steps alone, so runs are deterministic and can be resumed.
public final class GradualPruning: WeightRule {
  private let plan: PruningPlan
  private let schedule: PruningSchedule
  private var masks: PruningMasks?
  /// The layers that are pruned, as they stand in the plan.
  private var pruned: [(index: Int, slice: ParameterSlice)] = []
  /// Of movement; empty by magnitude.
  private var scores: [[Float]] = []
  private var stepCount = 0

  public init(_ plan: PruningPlan, schedule: PruningSchedule = PruningSchedule()) {
    self.plan = plan
    self.schedule = schedule
  }

  /// The greatest importance that was pruned in each layer of the plan so far.
  public var thresholds: [Float?] { masks?.thresholds ?? plan.layers.map { _ in nil } }

  /// Errors: `.nothingSelected` where the run does not train a weight that is to be pruned.
  public func prepare(_ store: ParameterStore, stepCount: Int) throws(TrainingError) {
    let trained = Dictionary(store.slices.filter(\.isTrained).map { ($0.name, $0) }) { first, _ in first }
    pruned = []
    for (index, planned) in plan.layers.enumerated() where planned.target != .excluded {
      guard let slice = trained[planned.layer.name] else {
        throw .nothingSelected(patterns: [planned.layer.name], known: trained.keys.sorted())
      }
      pruned.append((index, slice))
    }
    self.stepCount = stepCount
    masks = PruningMasks(plan) { layer in trained[layer.name].map { Array(store.values[$0.range]) } ?? [] }
    if plan.options.importance == .movement {
      scores = plan.layers.map { [Float](repeating: 0, count: $0.target == .excluded ? 0 : $0.layer.count) }
    }
  }

  /// Sums up movements; what is zero gets no gradient, which else would count in clipping and in moments.
  public func prepareGradients(_ store: ParameterStore, step: Int) {
    guard let masks else { return }
    for (index, slice) in pruned {
      let gradients = UnsafeMutableBufferPointer(rebasing: store.gradients[slice.range])
      if !scores.isEmpty {
        let weights = UnsafeMutableBufferPointer(rebasing: store.values[slice.range])
        scores[index].withUnsafeMutableBufferPointer { scores in
          for i in scores.indices { scores[i] -= weights[i] * gradients[i] }
        }
      }
      masks.kept[index].withUnsafeBufferPointer { kept in
        // A product, so that a gradient that is not finite stays one and is found.
        for i in kept.indices { gradients[i] *= Float(kept[i]) }
      }
    }
  }

  public func adjustWeights(_ store: ParameterStore, step: Int) {
    if let progress = schedule.progress(after: step + 1, of: stepCount) {
      let ranges = Dictionary(uniqueKeysWithValues: pruned.map { ($0.index, $0.slice.range) })
      masks?.update(progress: progress) { layer in
        guard scores.isEmpty else { return scores[layer] }
        return ranges[layer].map { store.values[$0].map { abs($0) } } ?? []
      }
    }
    clear(store.values)
  }

  public func adjustAverage(_ average: UnsafeMutableBufferPointer<Float>, _ store: ParameterStore, step: Int) {
    clear(average)
  }

  /// Momentum moves a weight even without a gradient, so zeros are made after every step.
  private func clear(_ values: UnsafeMutableBufferPointer<Float>) {
    for (index, slice) in pruned {
      masks?.apply(to: UnsafeMutableBufferPointer(rebasing: values[slice.range]), layer: index)
    }
  }

  public func isSettled(afterSteps count: Int) -> Bool { count >= schedule.lastStep(of: stepCount) }
}

// Checkpoints.
extension GradualPruning {
  /// Tells apart plans that would prune otherwise.
  private var identity: Double {
    var hash = StableHash()
    hash.add("\(plan.options.importance) \(plan.options.pattern) \(plan.sharedSparsity) \(schedule)")
    for planned in plan.layers { hash.add("\(planned.layer.name) \(planned.target)") }
    // 52 bits of it, which a double holds exactly.
    return Double(hash.value >> 12)
  }

  public func save(to checkpoint: inout Checkpoint) {
    guard let masks else { return }
    checkpoint.numbers["pruning.identity"] = identity
    for (index, kept) in masks.kept.enumerated() {
      checkpoint.buffers["pruning.kept.\(index)"] = kept.map { Float($0) }
      checkpoint.numbers["pruning.threshold.\(index)"] = masks.thresholds[index].map { Double($0) }
    }
    for (index, scores) in scores.enumerated() { checkpoint.buffers["pruning.scores.\(index)"] = scores }
  }

  public func restore(from checkpoint: Checkpoint) -> Bool {
    guard checkpoint.numbers["pruning.identity"] == identity else { return false }
    let kept: [[UInt8]] = plan.layers.indices.map { index in
      checkpoint.buffers["pruning.kept.\(index)"]?.map { $0 == 0 ? 0 : 1 } ?? []
    }
    let thresholds = plan.layers.indices.map { checkpoint.numbers["pruning.threshold.\($0)"].map { Float($0) } }
    guard masks?.restore(kept: kept, thresholds: thresholds) == true else { return false }
    for index in scores.indices {
      guard let saved = checkpoint.buffers["pruning.scores.\(index)"], saved.count == scores[index].count else {
        return false
      }
      scores[index] = saved
    }
    return true
  }
}
