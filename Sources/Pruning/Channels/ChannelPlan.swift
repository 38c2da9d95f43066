import Graph

/// Which channels go.
public struct ChannelPlan: Sendable {
  public struct Cut: Sendable {
    public var group: ChannelGroup
    /// Channels of the group that go, ascending.
    public var removed: [Int]
    /// What their going saved, after what went before.
    public var saved: NetworkCost

    public var kept: Int { group.count - removed.count }
  }

  public var criterion: ChannelCriterion
  public var target: ChannelTarget?
  /// By group, those that lose nothing included.
  public var cuts: [Cut]
  public var whole: [WholeGroup]
  public var before: NetworkCost
  public var after: NetworkCost

  /// For every axis that is cut, the indices that go, ascending.
  public func removedIndices() -> [ValueAxis: [Int]] {
    var removed: [ValueAxis: [Int]] = [:]
    for cut in cuts where !cut.removed.isEmpty {
      for member in cut.group.members {
        removed[member.axis, default: []] += cut.removed.flatMap { member.indices[$0] }
      }
    }
    return removed.mapValues { $0.sorted() }
  }
}

extension ChannelPruning {
  /// Chooses channels until the target is met: always those whose group loses the least per unit saved. Without a target,
  /// those that nothing reads.
  ///
  /// What a group loses is a share of the importance that it still has, once for each weight that reads its channels. So
  /// each further channel of a group costs more than the one before, and the channels of a residual stage, which many
  /// layers read, are not cut merely because they save much; by plain importance one layer would pay for all.
  ///
  /// Errors: `.invalidOption`; `.targetUnreachable`; `.planMismatch` where `graph` is not the one surveyed.
  public func plan(_ survey: ChannelSurvey, for graph: Graph) throws(ChannelPruningError) -> ChannelPlan {
    try options.check()
    for member in survey.groups.flatMap(\.members) {
      let (value, axis) = (member.axis.value, member.axis.axis)
      guard value.index < graph.values.count, let shape = graph[value].info?.shape, axis < shape.count,
        (member.indices.last?.last ?? 0) < shape[axis]
      else { throw .planMismatch(value: value.index < graph.values.count ? graph[value].name : "\(value.index)") }
    }
    guard let target = options.target else { return try unusedPlan(survey, graph) }
    var selection = try ChannelSelection(survey, graph, options, target.measure)
    let measure = target.measure
    let before = selection.cost.total
    let wanted = Double(before[measure]) * target.share
    while Double(selection.cost.total[measure]) > wanted {
      guard selection.removeNext() else {
        let lowest = Double(selection.cost.total[measure]) / Double(max(before[measure], 1))
        throw .targetUnreachable(target, lowest: lowest)
      }
    }
    let cuts = survey.groups.indices.map { index in
      ChannelPlan.Cut(
        group: survey.groups[index], removed: selection.removed(index), saved: selection.queues[index].saved)
    }
    return ChannelPlan(
      criterion: survey.criterion, target: target, cuts: cuts, whole: survey.whole, before: before,
      after: selection.cost.total)
  }

  private func unusedPlan(_ survey: ChannelSurvey, _ graph: Graph) throws(ChannelPruningError) -> ChannelPlan {
    var cost = try CostModel(graph)
    let before = cost.total
    var unused = UnusedChannels(survey.groups, in: graph)
    let cuts = zip(survey.groups, unused.removed(floor: options.floor)).map { group, removed in
      let start = cost.total
      return ChannelPlan.Cut(
        group: group, removed: removed, saved: start - cost.remove(group.shortening(by: removed.count)))
    }
    return ChannelPlan(
      criterion: survey.criterion, target: nil, cuts: cuts, whole: survey.whole, before: before, after: cost.total)
  }
}

extension ChannelPruningOptions {
  fileprivate func check() throws(ChannelPruningError) {
    if let target, !(target.share > 0 && target.share <= 1) {
      throw .invalidOption(
        name: target.measure.rawValue, expected: "a share above 0 and at most 1", found: "\(target.share)")
    }
    guard multiple >= 1 else { throw .invalidOption(name: "multiple", expected: "1 or more", found: "\(multiple)") }
    guard floor >= 1 else { throw .invalidOption(name: "floor", expected: "1 or more", found: "\(floor)") }
    guard floorShare >= 0, floorShare <= 1 else {
      throw .invalidOption(name: "floor_share", expected: "a share from 0 to 1", found: "\(floorShare)")
    }
  }
}

/// The greedy choice: a queue of channels for each group, least important first.
private struct ChannelSelection {
  struct Queue {
    var group: ChannelGroup
    /// Channels from the least to the most important.
    var order: [Int]
    /// Importance of the first n channels of `order` together, by n.
    var prefixImportance: [Double]
    /// Weights that the channels' contributions go into.
    var readers: Int
    var removedCount = 0
    var saved = NetworkCost()
    /// Nodes and tensors that the group shares with others, by group.
    var neighbours: Set<Int> = []
    /// What the next step loses per unit saved; nil where there is none. Stale after a neighbour's step.
    var price: Double??
  }

  private(set) var queues: [Queue]
  private(set) var cost: CostModel
  private let options: ChannelPruningOptions
  private let measure: ChannelTarget.Measure

  init(
    _ survey: ChannelSurvey, _ graph: Graph, _ options: ChannelPruningOptions, _ measure: ChannelTarget.Measure
  ) throws(ChannelPruningError) {
    (self.options, self.measure) = (options, measure)
    cost = try CostModel(graph)
    queues = survey.groups.indices.map { index in
      let importance = survey.importance[index]
      // Of equal channels the later one goes first, so that ties are decided alike everywhere.
      let order = importance.indices.sorted { (importance[$0], $1) < (importance[$1], $0) }
      let prefixes = order.reduce(into: [0.0]) { $0.append($0[$0.count - 1] + importance[$1]) }
      let group = survey.groups[index]
      let readers = Set(group.members.filter { $0.isWeight && $0.isMixed }.map(\.axis)).count
      return Queue(group: group, order: order, prefixImportance: prefixes, readers: max(readers, 1))
    }
    var groupsOfNode: [Int: Set<Int>] = [:]
    let nodesOfValue = graph.nodesOfValues()
    for (index, queue) in queues.enumerated() {
      for member in queue.group.members {
        for node in nodesOfValue[member.axis.value] ?? [] { groupsOfNode[node, default: []].insert(index) }
      }
    }
    for groups in groupsOfNode.values { for group in groups { queues[group].neighbours.formUnion(groups) } }
  }

  /// The channels of a group that were removed, ascending.
  func removed(_ index: Int) -> [Int] { queues[index].order.prefix(queues[index].removedCount).sorted() }

  /// Takes the cheapest step; false where every group is at its floor.
  mutating func removeNext() -> Bool {
    var best: (index: Int, price: Double)?
    for index in queues.indices {
      if queues[index].price == nil { queues[index].price = .some(price(index)) }
      guard let known = queues[index].price, let price = known else { continue }
      if price < (best?.price ?? .infinity) { best = (index, price) }
    }
    guard let index = best?.index, let count = nextStep(queues[index]) else { return false }
    let before = cost.total
    cost.remove(queues[index].group.shortening(by: count))
    queues[index].removedCount += count
    queues[index].saved = queues[index].saved + (before - cost.total)
    for neighbour in queues[index].neighbours { queues[neighbour].price = nil }
    return true
  }

  /// How many channels go together: down to the next multiple; nil where that is below the floor.
  private func nextStep(_ queue: Queue) -> Int? {
    let total = queue.group.count
    let kept = total - queue.removedCount
    let next = (kept - 1) / options.multiple * options.multiple
    let share = Int((options.floorShare * Double(total)).rounded(.up))
    return next >= max(options.floor, share, 1) ? kept - next : nil
  }

  private mutating func price(_ index: Int) -> Double? {
    let queue = queues[index]
    guard let count = nextStep(queue) else { return nil }
    let saving = cost.saving(queue.group.shortening(by: count))[measure]
    guard saving > 0 else { return nil }
    let gone = queue.prefixImportance[queue.removedCount]
    let lost = queue.prefixImportance[queue.removedCount + count] - gone
    let left = (queue.prefixImportance.last ?? 0) - gone
    return left > 0 ? Double(queue.readers) * lost / left / Double(saving) : 0
  }
}

extension ChannelGroup {
  /// How much shorter each axis gets without `count` of the channels.
  fileprivate func shortening(by count: Int) -> [(axis: ValueAxis, removed: Int)] {
    members.map { ($0.axis, count * ($0.indices.first?.count ?? 0)) }
  }
}

extension Graph {
  /// For every value, the nodes that read or write it.
  fileprivate func nodesOfValues() -> [ValueID: [Int]] {
    var found: [ValueID: [Int]] = [:]
    for (index, node) in nodes.enumerated() {
      for case let id? in node.inputs + node.outputs { found[id, default: []].append(index) }
    }
    return found
  }
}
