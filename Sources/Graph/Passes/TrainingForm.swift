import HostTensors
import Operators

/// The graph as training wants it: shape arithmetic folded, and everything that learns or acts in training kept.
///
/// Batch normalizations and Dropouts stay nodes of their own, and no weight is merged with another, so
/// the graph evaluates to the same bits. Reshapes that hold a batch of 1 are written so that they take any batch.
/// Errors: those of `inferShapes()` and `sortTopologically()`.
public func trainingForm(of graph: Graph) throws(GraphError) -> Graph {
  var graph = graph
  var report = SimplificationReport()
  try graph.sortTopologically()
  try graph.inferShapes()
  graph.foldConstants(&report)
  graph.removeDeadNodes()
  graph.freeBatchOfReshapes()
  try graph.inferShapes()
  return graph
}

extension Graph {
  /// Replaces the leading 1 of the shapes that Reshapes are given by 0, which keeps the input's extent.
  ///
  /// Only where the data have a leading extent of 1 too: an axis that is not the batch keeps its 1 all the same.
  mutating func freeBatchOfReshapes() {
    for index in nodes.indices {
      let node = nodes[index]
      guard let reshape = node.op as? Reshape, !reshape.allowsZero, node.inputs.count == 2,
        let data = node.inputs[0].flatMap({ self[$0].info }), let id = node.inputs[1],
        let wanted = self[id].constant, wanted.dtype == .int64
      else { continue }
      var shape = wanted.integers
      guard shape.count > 1, shape[0] == 1, data.shape.first == 1 else { continue }
      shape[0] = 0
      nodes[index].inputs[1] = addConstant(
        name: self[id].name + "_free", Tensor(shape: [shape.count], elements: shape.map { Int64($0) }))
    }
  }
}
