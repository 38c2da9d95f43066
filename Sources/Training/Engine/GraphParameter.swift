import Graph
import Operators
import TensorTypes

/// A constant of a graph that training may change.
public struct GraphParameter: Sendable, Equatable {
  public let value: ValueID
  public let shape: [Int]
  /// Whether regularization applies: a matrix or a kernel, not a bias, a scale or a shift.
  public let isDecayed: Bool

  public init(value: ValueID, shape: [Int], isDecayed: Bool) {
    self.value = value
    self.shape = shape
    self.isDecayed = isDecayed
  }
}

extension Graph {
  /// The constants that an optimizer changes, in the order of their first use.
  ///
  /// Weights and biases of products, convolutions, recurrences and normalizations, slopes, and tables of
  /// embeddings always are. An operand of Add, Sub, Mul or Div is one where it has more than one element and
  /// the other operand depends on a parameter: so a bias that a file wrote as an addition is trained,
  /// and the normalization of the input is not.
  public func parameters() -> [GraphParameter] {
    var found: [GraphParameter] = []
    var known: Set<ValueID> = []
    var dependent: Set<ValueID> = []
    for node in nodes {
      let reads = node.inputs.map { id in id.map { known.contains($0) || dependent.contains($0) } ?? false }
      for slot in parameterSlots(of: node, dependent: reads) {
        guard let id = node.inputs[slot], !known.contains(id), let constant = self[id].constant,
          constant.dtype == .float32, constant.count > 0
        else { continue }
        known.insert(id)
        found.append(
          GraphParameter(value: id, shape: constant.shape, isDecayed: isWeight(node.kind, slot, constant.shape)))
      }
      let dependsNow = node.inputs.contains { $0.map { known.contains($0) || dependent.contains($0) } ?? false }
      if dependsNow { for case let output? in node.outputs { dependent.insert(output) } }
    }
    return found
  }

  /// The inputs of `node` that hold parameters where they are constant.
  private func parameterSlots(of node: Node, dependent: [Bool]) -> [Int] {
    let slots: [Int]
    switch node.kind {
    case .conv, .convTranspose, .gemm: slots = [1, 2]
    case .matMul: slots = [0, 1]
    case .batchNormalization, .layerNormalization: slots = [1, 2]
    case .lstm, .gru, .rnn: slots = [1, 2, 3]
    case .pRelu: slots = [1]
    case .gather: slots = [0]
    case .add, .sub, .mul, .div:
      slots = (0..<node.inputs.count).filter { slot in
        let other = 1 - slot
        return dependent.indices.contains(other) && dependent[other]
          && (node.inputs[slot].flatMap { self[$0].constant?.count } ?? 0) > 1
      }
    case .relu, .leakyRelu, .clip, .sigmoid, .hardSigmoid, .hardSwish, .tanh, .elu, .softplus, .erf, .gelu,
      .softmax, .logSoftmax, .maxPool, .averagePool, .globalAveragePool, .globalMaxPool, .pow, .sqrt, .exp, .log, .neg,
      .abs, .min, .max, .reduceMean, .reduceSum, .reduceMax, .argMax, .flatten, .reshape, .transpose, .squeeze,
      .unsqueeze, .concat, .split, .slice, .pad, .shape, .constant, .constantOfShape, .cast, .expand, .where, .equal,
      .greater, .less, .not, .and, .or, .identity, .dropout, .resize, .quantizeLinear, .dequantizeLinear:
      slots = []
    }
    return slots.filter { $0 < node.inputs.count }
  }

  private func isWeight(_ kind: OperatorKind, _ slot: Int, _ shape: [Int]) -> Bool {
    switch kind {
    case .add, .sub, .mul, .div, .batchNormalization, .layerNormalization, .pRelu: false
    case .lstm, .gru, .rnn: slot < 3
    default: shape.count >= 2
    }
  }
}
