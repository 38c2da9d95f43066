import HostTensors
import Operators
import TensorTypes

extension Graph {
  /// Computed constants may be this large, or as large as what they are computed from.
  private static let freelyFoldedByteCount = 1 << 20

  /// Computes the nodes whose inputs are all constant, and drops those whose outputs inference knows.
  ///
  /// The latter is how shape arithmetic goes: Shape knows its output although its input flows.
  mutating func foldConstants(_ report: inout SimplificationReport) {
    var kept: [Node] = []
    for node in nodes {
      if hasKnownOutputs(node) || computeOutputs(of: node) {
        report.rewrites.append(.init(rule: .constantFolded, node: node.name))
      } else {
        kept.append(node)
      }
    }
    nodes = kept
  }

  private func hasKnownOutputs(_ node: Node) -> Bool {
    !isDequantization(node) && node.outputs.allSatisfy { $0 == nil || self[$0!].constant != nil }
  }

  /// A constant that is dequantized is a quantized weight: folding it would undo the quantization.
  private func isDequantization(_ node: Node) -> Bool { node.kind == .dequantizeLinear }

  /// Whether the node's outputs could be computed; they are constants then.
  private mutating func computeOutputs(of node: Node) -> Bool {
    guard !isDequantization(node) else { return false }
    var operands: [Tensor?] = []
    for input in node.inputs {
      guard let input else {
        operands.append(nil)
        continue
      }
      guard let tensor = self[input].constant else { return false }
      operands.append(tensor)
    }
    // What the operator refuses stays in the graph, where evaluation reports it.
    guard let outputs = try? node.op.inferOutputs(operands.map { $0.map { ValueInfo($0) } }),
      isWorthFolding(outputs, from: operands), let results = try? node.op.evaluate(operands)
    else { return false }
    for (output, result) in zip(node.outputs, results) {
      if let output { self[output].info = ValueInfo(result) }
    }
    return true
  }

  private func isWorthFolding(_ outputs: [ValueInfo], from operands: [Tensor?]) -> Bool {
    let given = operands.reduce(0) { $0 + ($1?.byteCount ?? 0) }
    let computed = outputs.reduce(0) { $0 + $1.shape.elementCount * $1.dtype.byteCount }
    return computed <= max(given, Self.freelyFoldedByteCount)
  }
}
