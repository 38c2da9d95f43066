import Graph

extension ChannelPruning {
  /// The graph without the channels of `plan`, and what went.
  ///
  /// Weights are sliced; group counts, sizes of recurrent layers and the constants that name extents or positions follow;
  /// shapes are inferred again. No node goes.
  /// Errors: `.planMismatch`; `.operatorRefused`; `.graph`; `.wrongShape`.
  public func apply(_ plan: ChannelPlan, to graph: Graph) throws(ChannelPruningError) -> (Graph, ChannelReport) {
    var cutting = try GraphCutting(graph, removed: plan.removedIndices())
    try cutting.run()
    return (cutting.graph, ChannelReport(plan, graph))
  }
}
