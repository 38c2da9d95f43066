import Graph

/// Every float constant of the graph, bit for bit.
func weightBits(_ graph: Graph) -> [[UInt32]] {
  graph.liveConstants().compactMap { graph[$0].constant }.filter { $0.dtype == .float32 }.map {
    $0.floats.map(\.bitPattern)
  }
}
