import Graph

/// Why a graph cannot be factorized.
public enum LowRankError: Error, Sendable {
  case setting(name: String, value: Double, expected: String)
  /// The network has no dense layer or convolution that can be factorized; what there is was left for these reasons.
  case nothingToFactorize(reasons: [String])
  /// Even ranks of 1 cost more than the budget: `least` of the network's multiply-accumulates.
  case budgetOutOfReach(share: Double, least: Double)
  /// The plan was made for another graph.
  case planMismatch(node: String)
  case graph(GraphError)
}
