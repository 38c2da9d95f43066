import Graph
import HostTensors
import Operators
import Pruning
import Testing

/// Expects of every value, at every channel that stays, that the pruned graph yields what the original does when nothing
/// reads the channels that went.
func expectEqualWithoutContributions(
  _ graph: Graph, _ pruned: Graph, _ plan: ChannelPlan, _ input: Tensor
) throws {
  let removed = plan.removedIndices()
  let expected = try WithoutContributions(graph, removed: removed).values(input)
  var compared = 0
  _ = try Evaluator(pruned).run([input]) { value, tensor in
    guard let whole = expected[value] else { return }
    let kept = whole.dropping(removed, of: value)
    #expect(kept.shape == tensor.shape)
    // Sums run over fewer products in another order: in some 40 layers of sums of up to 500 products that moves a
    // value by less than a thousandth of the greatest; a channel too many or too few by about all of it.
    let greatest = kept.floats.reduce(Float(1e-3)) { max($0, abs($1)) }
    let error = zip(kept.floats, tensor.floats).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
    #expect(error <= 1e-3 * greatest, "\(pruned[value].name): \(error) of \(greatest)")
    compared += 1
  }
  #expect(compared == graph.nodes.flatMap(\.outputs).count + 1)
}

/// The original graph, evaluated node by node with the removed channels held at zero wherever a node sums over them.
///
/// It knows nothing of couplings: only which operand of a product runs over which axis.
struct WithoutContributions {
  let graph: Graph
  let removed: [ValueAxis: [Int]]

  init(_ graph: Graph, removed: [ValueAxis: [Int]]) { (self.graph, self.removed) = (graph, removed) }

  func values(_ input: Tensor) throws -> [ValueID: Tensor] {
    var values = [graph.inputs[0]: input]
    for node in graph.nodes {
      var operands = node.inputs.map { id in id.flatMap { values[$0] ?? graph[$0].constant } }
      for (slot, axis) in summedAxes(node) {
        guard let id = node.inputs[slot], let gone = removed[ValueAxis(value: id, axis: axis)] else { continue }
        operands[slot] = operands[slot]?.zeroing(gone, axis: axis)
      }
      for (output, tensor) in zip(node.outputs, try node.op.evaluate(operands)) {
        if let output { values[output] = tensor }
      }
    }
    return values
  }

  private func summedAxes(_ node: Node) -> [(slot: Int, axis: Int)] {
    let rank = node.inputs.first.flatMap { $0 }.flatMap { graph[$0].info?.shape.count } ?? 0
    switch node.kind {
    case .conv:
      // A kernel of one input channel sums over none.
      let kernel = node.inputs[1].flatMap { graph[$0].info?.shape } ?? []
      return kernel[1] > 1 ? [(0, 1)] : []
    case .convTranspose: return [(0, 1)]
    case .gemm, .matMul: return [(0, rank - 1)]
    case .lstm, .gru, .rnn: return [(0, 2), (2, 2)]
    default: return []
    }
  }
}

extension Tensor {
  func zeroing(_ indices: [Int], axis: Int) -> Tensor {
    var elements = floats
    let inner = shape[(axis + 1)...].reduce(1, *)
    let gone = Set(indices)
    for index in elements.indices where gone.contains(index / inner % shape[axis]) { elements[index] = 0 }
    return Tensor(shape: shape, elements: elements)
  }

  fileprivate func dropping(_ removed: [ValueAxis: [Int]], of value: ValueID) -> Tensor {
    var kept = shape
    var gone = [Set<Int>](repeating: [], count: rank)
    for axis in shape.indices {
      gone[axis] = Set(removed[ValueAxis(value: value, axis: axis)] ?? [])
      kept[axis] -= gone[axis].count
    }
    let strides = shape.rowMajorStrides
    let elements = floats.enumerated().filter { index, _ in
      shape.indices.allSatisfy { !gone[$0].contains(index / strides[$0] % shape[$0]) }
    }
    return Tensor(shape: kept, elements: elements.map(\.element))
  }
}
