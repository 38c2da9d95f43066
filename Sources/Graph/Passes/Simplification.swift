import Operators

/// The rewriting rules of `simplified(_:)`. Each keeps what the graph computes, up to float rounding.
public enum SimplificationRule: String, Sendable, CaseIterable {
  /// A node whose result is known beforehand became a constant; shape arithmetic above all.
  case constantFolded
  /// A node that hands its input on unchanged was taken out.
  case noOpRemoved
  /// A Transpose of a Transpose, or a reshaping of a reshaping, skips the first of the two.
  case chainShortened
  /// A MatMul of a matrix by a constant matrix became a Gemm.
  case matMulBecameGemm
  /// A batch normalization or a product, sum or difference per channel went into weight and bias.
  case affineFolded
  /// Zeros padded before a convolution became the convolution's own padding.
  case padFolded
  /// Nothing read the node's outputs.
  case deadRemoved
}

/// What simplification did, node by node.
public struct SimplificationReport: Sendable {
  public struct Rewrite: Sendable, Equatable {
    public var rule: SimplificationRule
    public var node: String
    /// The node that took the work over, where there is one.
    public var into: String?

    public init(rule: SimplificationRule, node: String, into: String? = nil) {
      self.rule = rule
      self.node = node
      self.into = into
    }
  }

  /// In the order in which they were made.
  public internal(set) var rewrites: [Rewrite] = []

  public func count(of rule: SimplificationRule) -> Int { rewrites.count { $0.rule == rule } }
}

/// The graph with everything computed that is known beforehand, and with what can be merged merged.
///
/// Constants are folded (but never a DequantizeLinear: quantized weights stay quantized), values passed on
/// unchanged are read directly, affine steps after Conv, ConvTranspose and Gemm go into their weights, dead nodes
/// are removed; over again until nothing changes. Outputs keep their names. Shapes are inferred on the way.
/// Errors: those of `inferShapes()` and `sortTopologically()`.
public func simplified(_ graph: Graph) throws(GraphError) -> (Graph, SimplificationReport) {
  var graph = graph
  var report = SimplificationReport()
  try graph.sortTopologically()
  var changed = true
  while changed {
    let before = report.rewrites.count
    try graph.inferShapes()
    graph.foldConstants(&report)
    graph.removeNoOps(&report)
    graph.shortenChains(&report)
    graph.turnMatMulsIntoGemms(&report)
    graph.foldAffineSteps(&report)
    graph.foldPads(&report)
    for name in graph.removeDeadNodes() { report.rewrites.append(.init(rule: .deadRemoved, node: name)) }
    changed = report.rewrites.count > before
  }
  return (graph, report)
}

extension Graph {
  /// Whether exactly one node input reads the value, and no output of the graph is it.
  func isReadOnce(_ id: ValueID, _ consumers: [ValueID: [Int]]) -> Bool {
    consumers[id]?.count == 1 && !outputs.contains(id)
  }
}
