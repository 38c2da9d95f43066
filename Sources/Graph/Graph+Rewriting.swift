import HostTensors
import Operators

extension Graph {
  /// Makes every reader of `old`, the graph's outputs included, read `new` instead.
  ///
  /// A graph output keeps its name: `new` takes the name of `old` when it is not itself an output.
  public mutating func replaceUses(of old: ValueID, with new: ValueID) {
    for index in nodes.indices {
      for slot in nodes[index].inputs.indices where nodes[index].inputs[slot] == old {
        nodes[index].inputs[slot] = new
      }
    }
    guard outputs.contains(old) else { return }
    if !outputs.contains(new) && !inputs.contains(new) { swapNames(old, new) }
    for slot in outputs.indices where outputs[slot] == old { outputs[slot] = new }
  }

  private mutating func swapNames(_ first: ValueID, _ second: ValueID) {
    let name = self[first].name
    self[first].name = self[second].name
    self[second].name = name
  }

  /// Adds a node behind the others with one new output; `sortTopologically()` puts it in place.
  @discardableResult
  public mutating func append(
    _ op: any Operator, name: String, inputs: [ValueID?], output: String
  ) throws(GraphError) -> ValueID {
    let node = Node(name: name, op: op, inputs: inputs, outputs: [addValue(name: output)])
    try inferShapes(of: node)
    nodes.append(node)
    return node.outputs[0]!
  }

  /// Removes the nodes whose outputs nothing reads. Returns their names.
  @discardableResult
  public mutating func removeDeadNodes() -> [String] {
    var live = Set(outputs)
    var kept: [Node] = []
    var removed: [String] = []
    for node in nodes.reversed() {
      if node.outputs.contains(where: { $0.map(live.contains) ?? false }) {
        for case let input? in node.inputs { live.insert(input) }
        kept.append(node)
      } else {
        removed.append(node.name)
      }
    }
    nodes = kept.reversed()
    return removed.reversed()
  }

  /// Ids of the constants that some node reads or that are outputs, in order of first use.
  public func liveConstants() -> [ValueID] {
    var seen: Set<ValueID> = []
    var order: [ValueID] = []
    for id in nodes.flatMap({ $0.inputs.compactMap { $0 } }) + outputs
    where self[id].constant != nil && seen.insert(id).inserted {
      order.append(id)
    }
    return order
  }
}
