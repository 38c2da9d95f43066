import Operators

extension Graph {
  /// Whether axis 0 of every input may have any extent, and axis 0 of every output then has the same: by shapes alone.
  ///
  /// A graph that holds its batch in a constant, as the target of a Reshape, does not take others.
  public var takesAnyBatch: Bool { takesBatch(of: 2) && takesBatch(of: 3) }

  private func takesBatch(of batch: Int) -> Bool {
    var probe = self
    for id in inputs {
      guard var info = self[id].info, !info.shape.isEmpty else { return false }
      info.shape[0] = batch
      probe[id].info = info
    }
    // Shapes and constants that were computed for the batch at hand.
    for case let output? in nodes.flatMap(\.outputs) { probe[output].info = nil }
    do throws(GraphError) { try probe.inferShapes() } catch { return false }
    return outputs.allSatisfy { id in
      guard let shape = self[id].info?.shape, let found = probe[id].info?.shape, !shape.isEmpty else { return false }
      return found == [batch] + shape.dropFirst()
    }
  }
}
