/// Which weights of every layer stay: masks that only ever lose weights.
struct PruningMasks {
  /// For each layer and weight 0 where it is to be zero and 1 elsewhere; empty for layers left as they are.
  private(set) var kept: [[UInt8]]
  /// The greatest importance that was pruned in each layer; nil where nothing was.
  private(set) var thresholds: [Float?]
  private let targets: [PruningPlan.Target]
  private let sharedSparsity: Double
  private let units: [PruningUnits]
  /// Share of units of each layer that were zero at the start.
  private let begun: [Double]

  /// Begins with what is zero already in the weights that `weights` gives for a layer.
  init(_ plan: PruningPlan, weights: (PrunableLayer) -> [Float]) {
    targets = plan.layers.map(\.target)
    sharedSparsity = plan.sharedSparsity
    units = plan.layers.map { PruningUnits($0.layer, plan.options.pattern) }
    kept = plan.layers.map { planned in
      planned.target == .excluded ? [] : weights(planned.layer).map { $0 == 0 ? 0 : 1 }
    }
    begun = zip(units, kept).map { units, kept in
      kept.isEmpty ? 0 : Double(units.emptyCount(kept)) / Double(units.count)
    }
    thresholds = targets.map { _ in nil }
  }

  /// Takes masks and thresholds as they were; false where they are not of these layers.
  mutating func restore(kept: [[UInt8]], thresholds: [Float?]) -> Bool {
    guard kept.map(\.count) == self.kept.map(\.count), thresholds.count == self.thresholds.count else { return false }
    self.kept = kept
    self.thresholds = thresholds
    return true
  }

  /// Prunes until the sparsities stand at `progress` of the way from those at the start to the final ones.
  mutating func update(progress: Double, importance: (Int) -> [Float]) {
    for index in units.indices {
      guard case .own(let sparsity) = targets[index] else { continue }
      // A pattern with its own sparsity counts only the units that it makes zero.
      let final = units[index].pattern.ownSparsity == nil ? sparsity : 1
      let share = begun[index] + max(0, final - begun[index]) * progress
      prune(index, count: Int((share * Double(units[index].count)).rounded()), importance(index))
    }
    updateShared(progress, importance)
  }

  private mutating func prune(_ index: Int, count: Int, _ importance: [Float]) {
    var keys = units[index].keys(importance, kept: kept[index])
    SmallestKeys.select(count, of: &keys)
    clear(keys.prefix(count), in: index)
  }

  private mutating func clear(_ keys: ArraySlice<UInt64>, in index: Int) {
    units[index].clear(keys.lazy.map(SmallestKeys.place), in: &kept[index])
    if let greatest = keys.max().map(SmallestKeys.importance), greatest.isFinite { thresholds[index] = greatest }
  }

  /// One threshold over all layers that share it, but for the units that each of them keeps in any case.
  private mutating func updateShared(_ progress: Double, _ importance: (Int) -> [Float]) {
    let shared = targets.indices.filter { targets[$0] == .shared }
    let total = shared.reduce(0) { $0 + units[$1].count }
    guard total > 0 else { return }
    let before = shared.reduce(0) { $0 + begun[$1] * Double(units[$1].count) } / Double(total)
    let share = before + max(0, sharedSparsity - before) * progress
    var pool: [UInt64] = []
    pool.reserveCapacity(total)
    var candidates: [[UInt64]] = []
    var starts: [UInt64] = []
    // Places count through all layers, so that equal importances are told apart.
    var start: UInt64 = 0
    for index in shared {
      var keys = units[index].keys(importance(index), kept: kept[index])
      let least = (1 - share) * PruningOptions.leastRelativeDensity * Double(keys.count)
      let free = max(0, keys.count - max(1, Int(least.rounded(.up))))
      SmallestKeys.select(free, of: &keys)
      candidates.append(keys.prefix(free).map { $0 + start })
      starts.append(start)
      pool += candidates[candidates.count - 1]
      start += UInt64(units[index].count)
    }
    let count = min(pool.count, Int((share * Double(total)).rounded()))
    SmallestKeys.select(count, of: &pool)
    guard let last = pool.prefix(count).max() else { return }
    for (index, (candidates, start)) in zip(shared, zip(candidates, starts)) {
      clear(candidates.filter { $0 <= last }.map { $0 - start }[...], in: index)
    }
  }

  /// The weights of a layer with zeros where its mask has them.
  func applied(to weights: [Float], layer: Int) -> [Float] {
    var weights = weights
    weights.withUnsafeMutableBufferPointer { apply(to: $0, layer: layer) }
    return weights
  }

  /// Makes zero what the mask of a layer has as zero.
  func apply(to weights: UnsafeMutableBufferPointer<Float>, layer: Int) {
    kept[layer].withUnsafeBufferPointer { kept in
      for i in kept.indices { weights[i] = kept[i] == 0 ? 0 : weights[i] }
    }
  }
}
