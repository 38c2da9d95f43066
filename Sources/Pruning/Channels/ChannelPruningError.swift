import Graph
import Operators
import Training

/// Why channels cannot be removed from a graph.
public enum ChannelPruningError: Error, Sendable {
  /// The graph could not be typed, evaluated or rewritten.
  case graph(GraphError)
  /// An operator could not be built for fewer channels.
  case operatorRefused(node: String, OperatorError)
  /// With `value` the axes of the graph have more than `limit` indices.
  case tooLarge(value: String, limit: Int)
  /// A setting is outside of what it may be.
  case invalidOption(name: String, expected: String, found: String)
  /// Nothing can be removed: `whole` says what stays and why.
  case nothingToRemove(whole: [WholeGroup])
  /// No group has the scales of a batch normalization, by which it was to be judged.
  case noScales
  /// First-order importance needs gradients of at least one batch.
  case noGradients
  /// With every group at its floor, `lowest` of the original remains.
  case targetUnreachable(ChannelTarget, lowest: Double)
  /// The groups or the plan were made for another graph.
  case planMismatch(value: String)
  /// A value of the rewritten graph has other extents than planned.
  case wrongShape(value: String, expected: [Int], found: [Int])
  /// Data could not be read, or the network not be trained on it.
  case training(TrainingError)
}
