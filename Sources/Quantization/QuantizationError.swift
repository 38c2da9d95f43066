import Graph
import Operators

/// Why a graph cannot be calibrated or quantized.
public enum QuantizationError: Error, Sendable {
  /// The graph holds 8-bit tensors already; `node` is the first quantizing or dequantizing one.
  case alreadyQuantized(node: String)
  /// Calibration was given no samples.
  case noSamples
  /// A value held NaN or infinity, first in sample `sample` (from 0); the counts run over all samples seen.
  case nonFinite(value: String, sample: Int, nanCount: Int, infiniteCount: Int)
  /// The statistics hold nothing of a value that is to be quantized: they come from another graph.
  case notObserved(value: String)
  /// The plan was made for another graph.
  case planMismatch(node: String)
  /// The two networks to compare give scores of different shapes.
  case notComparable(float: [Int], compressed: [Int])
  /// The graph could not be evaluated or rewritten.
  case graph(GraphError)
  /// An operator could not be built.
  case operatorRefused(node: String, OperatorError)
}
