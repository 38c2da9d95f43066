import Operators

extension Graph {
  /// For every value, the index in `nodes` of the node that computes it; nil for inputs and constants.
  public func producers() -> [ValueID: Int] {
    var producers: [ValueID: Int] = [:]
    for (index, node) in nodes.enumerated() {
      for case let output? in node.outputs { producers[output] = index }
    }
    return producers
  }

  /// For every value, the indices in `nodes` of the nodes that read it, a node once per use.
  public func consumers() -> [ValueID: [Int]] {
    var consumers: [ValueID: [Int]] = [:]
    for (index, node) in nodes.enumerated() {
      for case let input? in node.inputs { consumers[input, default: []].append(index) }
    }
    return consumers
  }

  /// The types and extents of a node's inputs, as operators ask for them.
  public func inputInfos(of node: Node) -> [ValueInfo?] {
    node.inputs.map { id in id.flatMap { self[$0].info } }
  }

  /// Orders `nodes` so that each comes after what it reads, keeping the given order where it can.
  ///
  /// Errors: `.cycle`, `.undefinedValue`, `.duplicateDefinition`.
  public mutating func sortTopologically() throws(GraphError) {
    let producers = try checkedProducers()
    var sorted: [Node] = []
    sorted.reserveCapacity(nodes.count)
    var state = [VisitState](repeating: .unvisited, count: nodes.count)
    // An explicit stack: a file may chain more nodes than the call stack can hold.
    for root in nodes.indices where state[root] == .unvisited {
      var stack = [root]
      while let index = stack.last {
        switch state[index] {
        case .done:
          stack.removeLast()
        case .open:
          state[index] = .done
          sorted.append(nodes[index])
          stack.removeLast()
        case .unvisited:
          state[index] = .open
          for case let input? in nodes[index].inputs.reversed() {
            guard let producer = producers[input], state[producer] != .done else { continue }
            if state[producer] == .open { throw .cycle(node: nodes[producer].name) }
            stack.append(producer)
          }
        }
      }
    }
    nodes = sorted
  }

  private enum VisitState { case unvisited, open, done }

  private func checkedProducers() throws(GraphError) -> [ValueID: Int] {
    var producers: [ValueID: Int] = [:]
    for (index, node) in nodes.enumerated() {
      for case let output? in node.outputs {
        if let earlier = producers.updateValue(index, forKey: output) {
          throw .duplicateDefinition(value: self[output].name, nodes: [nodes[earlier].name, node.name])
        }
      }
    }
    let given = Set(inputs)
    for node in nodes {
      for case let input? in node.inputs
      where producers[input] == nil && self[input].constant == nil && !given.contains(input) {
        throw .undefinedValue(node: node.name, value: self[input].name)
      }
    }
    return producers
  }

  /// Checks that values are defined once, before use, and that outputs exist.
  ///
  /// Errors: as `sortTopologically()`; a node before its producer is reported as a cycle.
  public func verify() throws(GraphError) {
    let producers = try checkedProducers()
    for (index, node) in nodes.enumerated() {
      for case let input? in node.inputs {
        if let producer = producers[input], producer >= index { throw .cycle(node: node.name) }
      }
    }
    let given = Set(inputs)
    for output in outputs
    where producers[output] == nil && self[output].constant == nil && !given.contains(output) {
      throw .undefinedValue(node: "(graph output)", value: self[output].name)
    }
  }
}
