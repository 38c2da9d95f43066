import HostTensors
import Operators

extension Graph {
  /// Lets a Transpose of a Transpose, and a Reshape of a Reshape, read the first one's input.
  ///
  /// The first of the two is dead then, unless something else reads it.
  mutating func shortenChains(_ report: inout SimplificationReport) {
    let producers = producers()
    for index in nodes.indices {
      guard let input = nodes[index].inputs.first ?? nil, let producer = producers[input],
        let source = nodes[producer].inputs.first ?? nil, let shape = self[source].info?.shape
      else { continue }
      let merged: Node? =
        if nodes[index].kind == .transpose {
          mergedTranspose(nodes[index], after: nodes[producer], source, rank: shape.count)
        } else if nodes[index].kind == .reshape {
          mergedReshape(nodes[index], after: nodes[producer], source)
        } else {
          nil
        }
      guard let merged else { continue }
      report.rewrites.append(.init(rule: .chainShortened, node: nodes[index].name, into: nodes[producer].name))
      nodes[index] = merged
    }
  }

  private func mergedTranspose(_ node: Node, after first: Node, _ source: ValueID, rank: Int) -> Node? {
    guard let second = node.op as? Transpose, let first = first.op as? Transpose,
      let outer = try? second.order(rank: rank), let inner = try? first.order(rank: rank)
    else { return nil }
    let definition = NodeDefinition(
      opType: OperatorKind.transpose.rawValue, attributes: ["perm": .ints(outer.map { inner[$0] })], inputCount: 1)
    guard let op = try? Transpose(definition) else { return nil }
    return Node(name: node.name, op: op, inputs: [source], outputs: node.outputs)
  }

  /// Both keep the elements in their order, so only the last extents count; they are written out, since a
  /// 0 or a -1 would mean something else after the first one's input.
  private mutating func mergedReshape(_ node: Node, after first: Node, _ source: ValueID) -> Node? {
    guard [.reshape, .flatten, .squeeze, .unsqueeze].contains(first.kind), let output = node.outputs.first ?? nil,
      let shape = self[output].info?.shape, !shape.contains(0)
    else { return nil }
    let extents = Tensor(shape: [shape.count], elements: shape.map { Int64($0) })
    let constant = addConstant(name: "\(node.name)_shape", extents)
    return Node(name: node.name, op: node.op, inputs: [source, constant], outputs: node.outputs)
  }
}
