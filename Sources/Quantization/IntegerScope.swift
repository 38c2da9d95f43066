import Graph
import HostTensors
import Operators

/// Which nodes and values of a graph become integer, before any scale is known.
///
/// Every node with an integer form is taken that has an integer neighbour, starting from the products
/// (convolutions and dense layers), or from every such node where a graph has no products. Where an
/// integer node reads a float value, that value is quantized; where a float node reads an integer
/// value, it is dequantized.
struct IntegerScope {
  /// What happens to each node, in the order of the graph's nodes.
  private(set) var treatments: [NodeTreatment]
  /// The float values to quantize, constants that are operands included, in order of first use.
  private(set) var quantizedValues: [ValueID] = []
  /// Values that share one scale and zero point.
  private(set) var sharing = SharedScales()
  /// Upper bound that a fused Clip puts on its output.
  private(set) var clipUpperBounds: [ValueID: Float] = [:]

  private let graph: Graph
  private let producers: [ValueID: Int]
  private let consumers: [ValueID: [Int]]

  /// `rejected` holds nodes that a previous attempt found to be impossible with the scales at hand.
  init(_ graph: Graph, options: QuantizationOptions, rejected: [Int: FloatReason] = [:]) {
    self.graph = graph
    producers = graph.producers()
    consumers = graph.consumers()
    let rules = NodeRules(graph: graph, options: options, rejected: rejected)
    treatments = graph.nodes.indices.map(rules.treatment)
    keepConnected()
    fuseActivations()
    shareScales()
    collectValues()
  }

  /// The integer form of node `index`; nil where it stays float, is fused or has no float values.
  func form(of index: Int) -> IntegerForm? {
    if case .integer(let form) = treatments[index] { form } else { nil }
  }

  /// The values that integer node `index` computes on.
  func operands(of index: Int) -> [ValueID] {
    guard let form = form(of: index) else { return [] }
    let node = graph.nodes[index]
    return node.valueInputPositions(form).compactMap { node.inputs[$0] }
  }

  /// The value that node `index` writes quantized: that of the activation fused into it, if any.
  func quantizedOutputs(of index: Int) -> [ValueID] {
    guard form(of: index) != nil else { return [] }
    let node = graph.nodes[index]
    if let reader = fusedReader(of: index) { return graph.nodes[reader].outputs.compactMap { $0 } }
    return node.outputs.compactMap { $0 }.filter { graph[$0].info?.dtype == .float32 }
  }

  /// The node that computes `value`, an activation fused into it looked through.
  func integerProducer(of value: ValueID) -> Int? {
    guard let index = producers[value] else { return nil }
    guard case .fused = treatments[index] else { return form(of: index) == nil ? nil : index }
    return graph.nodes[index].inputs[0].flatMap { producers[$0] }
  }

  private func fusedReader(of index: Int) -> Int? {
    guard let output = graph.nodes[index].outputs.first ?? nil, let readers = consumers[output] else { return nil }
    return readers.first { if case .fused = treatments[$0] { true } else { false } }
  }

  private mutating func keepConnected() {
    var reached = Set(
      treatments.indices.filter { if case .accumulate? = form(of: $0) { true } else { false } })
    if reached.isEmpty { reached = Set(treatments.indices.filter { form(of: $0) != nil }) }
    var pending = reached.sorted()
    while let index = pending.popLast() {
      for neighbour in neighbours(of: index) where reached.insert(neighbour).inserted { pending.append(neighbour) }
    }
    for index in treatments.indices where form(of: index) != nil && !reached.contains(index) {
      treatments[index] = .float(.noIntegerNeighbour)
    }
  }

  /// Nodes with an integer form that share a value with node `index`.
  private func neighbours(of index: Int) -> [Int] {
    let before = operands(of: index).compactMap { producers[$0] }.filter { form(of: $0) != nil }
    let after = graph.nodes[index].outputs.compactMap { $0 }.flatMap { output in
      (consumers[output] ?? []).filter { operands(of: $0).contains(output) }
    }
    return before + after
  }

  private mutating func fuseActivations() {
    for index in treatments.indices {
      switch form(of: index) {
      case .accumulate?, .rescaled?: fuseActivation(after: index)
      case .table?, .sameScale?, .floatOnly?, nil: continue
      }
    }
  }

  private mutating func fuseActivation(after index: Int) {
    let node = graph.nodes[index]
    guard let output = node.outputs.first ?? nil, !graph.outputs.contains(output),
      let readers = consumers[output], readers.count == 1, form(of: readers[0]) == .table
    else { return }
    let reader = graph.nodes[readers[0]]
    guard let result = reader.outputs.first ?? nil, let saturation = reader.saturation(in: graph) else { return }
    if let upper = saturation.upper { clipUpperBounds[result] = upper }
    treatments[readers[0]] = .fused(into: node.name)
  }

  private mutating func shareScales() {
    for index in treatments.indices where form(of: index) == .sameScale {
      let values = operands(of: index) + quantizedOutputs(of: index)
      for value in values.dropFirst() { sharing.unite(values[0], value) }
    }
    for index in treatments.indices where form(of: index) == .rescaled && graph.nodes[index].kind == .concat {
      unifyConcat(index)
    }
  }

  /// A concatenation whose inputs nothing else reads takes one scale for them all, so that it only copies.
  private mutating func unifyConcat(_ index: Int) {
    let inputs = operands(of: index)
    let outputs = quantizedOutputs(of: index)
    guard fusedReader(of: index) == nil else { return }
    var bounds: [Saturation?] = []
    for input in inputs {
      guard let root = solelyUsedRoot(of: input) else { return }
      bounds.append(producers[root].flatMap { graph.nodes[$0].saturation(in: graph) })
    }
    // A fused Relu needs its zero point at the bottom, so all the inputs must agree on it.
    guard let first = bounds.first, bounds.allSatisfy({ $0 == first }) else { return }
    for value in inputs + outputs { sharing.unite(inputs[0], value) }
  }

  /// Where the value of a chain of scale-keeping nodes begins, if every value on it has one reader.
  private func solelyUsedRoot(of value: ValueID) -> ValueID? {
    var value = value
    while true {
      guard graph[value].constant == nil, !graph.outputs.contains(value), consumers[value]?.count == 1,
        let producer = producers[value]
      else { return nil }
      guard form(of: producer) == .sameScale else { return integerProducer(of: value) == nil ? nil : value }
      let sources = operands(of: producer)
      guard sources.count == 1, graph.nodes[producer].outputs.count == 1 else { return nil }
      value = sources[0]
    }
  }

  private mutating func collectValues() {
    var seen: Set<ValueID> = []
    for index in treatments.indices where form(of: index) != nil {
      for value in operands(of: index) + quantizedOutputs(of: index) where seen.insert(value).inserted {
        quantizedValues.append(value)
      }
    }
  }

  /// Members of a shared scale whose observed range decides it: those that no scale-keeping node computes.
  func decidesRange(_ value: ValueID) -> Bool {
    guard let producer = producers[value] else { return true }
    return form(of: producer) != .sameScale
  }
}

/// Sets of values with one scale and zero point: a union-find whose representative is the earliest value.
struct SharedScales {
  private var parents: [ValueID: ValueID] = [:]

  func representative(of value: ValueID) -> ValueID {
    var value = value
    while let parent = parents[value] { value = parent }
    return value
  }

  mutating func unite(_ first: ValueID, _ second: ValueID) {
    let a = representative(of: first)
    let b = representative(of: second)
    guard a != b else { return }
    parents[a.index < b.index ? b : a] = a.index < b.index ? a : b
  }
}
