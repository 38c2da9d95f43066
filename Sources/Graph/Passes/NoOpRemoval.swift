import HostTensors
import Operators
import TensorTypes

extension Graph {
  /// Takes out nodes that hand their first input on unchanged: Identity, Dropout, a Reshape to the same
  /// extents, a Transpose that keeps the order, a Cast to the same type, a Pad by nothing and the like.
  mutating func removeNoOps(_ report: inout SimplificationReport) {
    let consumers = consumers()
    var kept: [Node] = []
    var replacements: [ValueID: ValueID] = [:]
    for var node in nodes {
      // Several no-ops in a row: the chain is followed here, so that one round removes them all.
      node.inputs = node.inputs.map { $0.map { replacements[$0] ?? $0 } }
      if let (input, output) = passedOn(by: node, consumers), mayReplace(output, with: input) {
        replacements[output] = input
        if outputs.contains(output) { replaceUses(of: output, with: input) }
        report.rewrites.append(.init(rule: .noOpRemoved, node: node.name))
      } else {
        kept.append(node)
      }
    }
    nodes = kept.map { node in
      var node = node
      node.inputs = node.inputs.map { $0.map { replacements[$0] ?? $0 } }
      return node
    }
  }

  /// An output of the graph must keep its name, which an input or another output cannot take.
  private func mayReplace(_ output: ValueID, with input: ValueID) -> Bool {
    !outputs.contains(output) || !(inputs.contains(input) || outputs.contains(input))
  }

  private func passedOn(by node: Node, _ consumers: [ValueID: [Int]]) -> (ValueID, ValueID)? {
    guard let input = node.inputs.first ?? nil, let output = node.outputs.first ?? nil,
      let source = self[input].info, let result = self[output].info,
      source.shape == result.shape, source.dtype == result.dtype,
      node.outputs.dropFirst().allSatisfy({ $0.map { consumers[$0] == nil && !outputs.contains($0) } ?? true })
    else { return nil }
    return keepsValues(node, source) ? (input, output) : nil
  }

  /// Whether the node, whose output has the type and extents of its input, also has its values.
  private func keepsValues(_ node: Node, _ source: ValueInfo) -> Bool {
    switch node.kind {
    case .identity, .dropout, .reshape, .flatten, .squeeze, .unsqueeze, .expand, .cast:
      return true
    case .concat:
      return node.inputs.count == 1
    case .transpose:
      guard let order = try? (node.op as? Transpose)?.order(rank: source.rank) else { return false }
      // Axes of extent 1 may move freely.
      let moved = order.filter { source.shape[$0] != 1 }
      return moved == moved.sorted()
    case .slice:
      guard let ranges = try? (node.op as? SliceOperator)?.ranges(inputInfos(of: node)) else { return false }
      return zip(ranges, source.shape).allSatisfy { $1 <= 1 || ($0.start == 0 && $0.step == 1) }
    case .pad:
      guard let pads = try? (node.op as? Pad)?.resolvedPads(inputInfos(of: node)) else { return false }
      return pads.allSatisfy { $0.begin == 0 && $0.end == 0 }
    case .conv, .convTranspose, .gemm, .matMul, .batchNormalization, .layerNormalization, .lstm, .gru, .rnn, .relu,
      .leakyRelu, .pRelu, .clip, .sigmoid,
      .hardSigmoid, .hardSwish, .tanh, .elu, .softplus, .erf, .gelu, .softmax, .logSoftmax, .maxPool, .averagePool,
      .globalAveragePool, .globalMaxPool, .add, .sub, .mul, .div, .pow, .sqrt, .exp, .log, .neg, .abs, .min, .max,
      .reduceMean, .reduceSum, .reduceMax, .argMax, .split, .gather, .shape, .constant, .constantOfShape, .where,
      .equal,
      .greater, .less, .not, .and, .or, .resize, .quantizeLinear, .dequantizeLinear:
      return false
    }
  }
}
