import Graph
import Operators

/// One axis of one value.
public struct ValueAxis: Hashable, Sendable {
  public var value: ValueID
  public var axis: Int

  public init(value: ValueID, axis: Int) { (self.value, self.axis) = (value, axis) }
}

/// Why channels stay: the node that needs them all, and a sentence fragment of which the node is the subject.
public struct WholeReason: Hashable, Sendable {
  public var node: String
  public var reason: String
}

/// Which indices of which axes of a graph go together, as the operators' channel couplings say.
///
/// Every index of every axis is a slot; slots that must go together are a set. A set that holds a slot of an input or
/// output of the network, or of an axis that an operator needs whole, stays, and the first such reason is kept. The idea
/// of deriving groups from dependencies between layers is that of DepGraph (Fang et al. 2023, arXiv:2301.12900).
struct ChannelDependencies: Sendable {
  let graph: Graph
  /// Every axis of every value that a node reads or writes, in the order of the nodes.
  let axes: [ValueAxis]
  /// The index in `axes`.
  let axisIndex: [ValueAxis: Int]
  let extents: [Int]
  /// The slot of index 0 of every axis.
  let firstSlots: [Int]
  /// Slots that some node sums over.
  private(set) var isMixed: [Bool]
  /// Slots that some node sums over without a constant that multiplies them there.
  private(set) var isMixedWithoutWeight: [Bool]
  private var sets: DisjointSets
  private var reasons: [Int: WholeReason] = [:]

  /// Indices of all axes together: far beyond any network, and what memory holds for certain.
  private static let slotLimit = 1 << 24

  /// Errors: `.graph(.unknownShape)` where shapes are not inferred; `.tooLarge`.
  init(_ graph: Graph) throws(ChannelPruningError) {
    self.graph = graph
    var (axes, extents, firstSlots) = ([ValueAxis](), [Int](), [Int]())
    var axisIndex: [ValueAxis: Int] = [:]
    var slotCount = 0
    for case let id? in graph.inputs + graph.nodes.flatMap({ $0.inputs + $0.outputs }) + graph.outputs {
      guard let shape = graph[id].info?.shape else { throw .graph(.unknownShape(value: graph[id].name)) }
      guard !shape.isEmpty, axisIndex[ValueAxis(value: id, axis: 0)] == nil else { continue }
      for (axis, extent) in shape.enumerated() {
        axisIndex[ValueAxis(value: id, axis: axis)] = axes.count
        axes.append(ValueAxis(value: id, axis: axis))
        extents.append(extent)
        firstSlots.append(slotCount)
        slotCount += extent
      }
      guard slotCount <= Self.slotLimit else { throw .tooLarge(value: graph[id].name, limit: Self.slotLimit) }
    }
    (self.axes, self.extents, self.firstSlots, self.axisIndex) = (axes, extents, firstSlots, axisIndex)
    sets = DisjointSets(count: slotCount)
    isMixed = [Bool](repeating: false, count: slotCount)
    isMixedWithoutWeight = isMixed
    connect()
  }

  /// The name of the set of every slot, and why it stays where it does.
  func resolved() -> (sets: [Int], reasons: [Int: WholeReason]) {
    var sets = sets
    return ((0..<sets.count).map { sets.find($0) }, reasons)
  }

  private mutating func connect() {
    var open: [(node: Node, coupling: ChannelCoupling)] = []
    for node in graph.nodes {
      let outputs = node.outputs.map { id in id.flatMap { graph[$0].info } }
      let coupling = node.op.channelCoupling(graph.inputInfos(of: node), outputs)
      for tie in coupling.ties { join(tie, of: node) }
      let alternatives = coupling.choices.joined().joined()
      let tied = Set((coupling.ties + alternatives).flatMap { axisIndices($0, of: node) })
      for axis in axisIndices(of: node) where !tied.contains(axis) { keep(axis, node, coupling.otherwise) }
      if !coupling.choices.isEmpty { open.append((node, coupling)) }
    }
    for (ids, reason) in [(graph.inputs, "is an input of the network"), (graph.outputs, "is an output of the network")]
    {
      for id in ids {
        for axis in (graph[id].info?.shape ?? []).indices {
          guard let index = axisIndex[ValueAxis(value: id, axis: axis)] else { continue }
          keep(index, WholeReason(node: graph[id].name, reason: reason))
        }
      }
    }
    for (node, coupling) in open {
      for choice in coupling.choices { decide(choice, of: node, otherwise: coupling.otherwise) }
    }
  }

  /// Follows the first alternative that leaves channels to remove; the axes that only others divide stay whole.
  private mutating func decide(_ choice: [[ChannelTie]], of node: Node, otherwise: String) {
    let taken = choice.first { leavesChannels($0, of: node) } ?? []
    for tie in taken { join(tie, of: node) }
    let divided = Set(taken.flatMap { axisIndices($0, of: node) })
    for axis in Set(choice.joined().flatMap { axisIndices($0, of: node) }).sorted() where !divided.contains(axis) {
      keep(axis, node, otherwise)
    }
  }

  /// Whether `ties`, added to what holds already, would leave several sets that may go.
  private func leavesChannels(_ ties: [ChannelTie], of node: Node) -> Bool {
    var trial = self
    for tie in ties { trial.join(tie, of: node) }
    return ties.contains { tie in
      guard let place = tie.places.first, let axis = axisIndex(place, of: node) else { return false }
      let names = Set(
        (0..<tie.count).compactMap { channel in
          place.indices(of: channel, count: tie.count).first.map { trial.sets.find(firstSlots[axis] + $0) }
        })
      return names.count > 1 && names.contains { trial.reasons[$0] == nil }
    }
  }

  private mutating func join(_ tie: ChannelTie, of node: Node) {
    let hasWeight = tie.places.contains { place in
      guard let index = axisIndex(place, of: node), let constant = graph[axes[index].value].constant else {
        return false
      }
      return constant.rank > 1 && constant.dtype.isFloat
    }
    for channel in 0..<tie.count {
      var first: Int?
      for place in tie.places {
        guard let axis = axisIndex(place, of: node) else { continue }
        for index in place.indices(of: channel, count: tie.count) {
          precondition(index < extents[axis], "\(node.kind) couples index \(index) of \(extents[axis])")
          let slot = firstSlots[axis] + index
          if tie.kind == .mixes {
            isMixed[slot] = true
            if !hasWeight { isMixedWithoutWeight[slot] = true }
          }
          if let first { join(first, slot) } else { first = slot }
        }
      }
    }
  }

  private mutating func join(_ first: Int, _ second: Int) {
    let (kept, absorbed) = sets.join(first, second)
    guard kept != absorbed, let reason = reasons.removeValue(forKey: absorbed) else { return }
    if reasons[kept] == nil { reasons[kept] = reason }
  }

  private mutating func keep(_ axis: Int, _ node: Node, _ reason: String) {
    keep(axis, WholeReason(node: node.name, reason: reason))
  }

  private mutating func keep(_ axis: Int, _ reason: WholeReason) {
    for slot in firstSlots[axis]..<firstSlots[axis] + extents[axis] {
      let name = sets.find(slot)
      if reasons[name] == nil { reasons[name] = reason }
    }
  }

  private func axisIndex(_ place: ChannelPlaces, of node: Node) -> Int? {
    let id =
      switch place.operand {
      case .input(let index): node.inputs[index]
      case .output(let index): node.outputs[index]
      }
    return id.flatMap { axisIndex[ValueAxis(value: $0, axis: place.axis)] }
  }

  private func axisIndices(_ tie: ChannelTie, of node: Node) -> [Int] {
    tie.places.compactMap { axisIndex($0, of: node) }
  }

  /// The axes of all inputs and outputs.
  private func axisIndices(of node: Node) -> [Int] {
    (node.inputs + node.outputs).compactMap { $0 }.flatMap { id in
      (graph[id].info?.shape ?? []).indices.compactMap { axisIndex[ValueAxis(value: id, axis: $0)] }
    }
  }
}
