import Graph
import HostTensors
import Operators
import TensorTypes

/// One layer as factorization sees it: what it costs, and the spectra of the matrices that may stand for it.
public struct LayerSpectrum: Sendable {
  /// A candidate with the singular values of its matrix, in descending order.
  struct Option: Sendable {
    var candidate: FactorizationCandidate
    var values: [Double]

    /// The share of energy that the first `rank` values keep.
    func energy(rank: Int) -> Double {
      let total = values.reduce(0) { $0 + $1 * $1 }
      return total > 0 ? values.prefix(rank).reduce(0) { $0 + $1 * $1 } / total : 1
    }
  }

  var name: String
  var kind: OperatorKind
  var shape: [Int]
  var multiplyAccumulates: Int
  /// Empty where `reason` says why the layer is left.
  var options: [Option]
  var reason: String?

  /// Forgets the other schemes.
  package mutating func keep(_ scheme: FactorizationScheme) { options.removeAll { $0.candidate.scheme != scheme } }
}

/// A node whose weight can be factorized, with what is needed to do so.
struct FactorizableLayer {
  var weight: ValueID
  var tensor: Tensor
  var candidates: [FactorizationCandidate]
  /// Of a dense weight: whether it is stored as [N, K].
  var isTransposed: Bool

  /// nil where `node` multiplies by no weights; a reason where it does and cannot be factorized.
  enum Reading {
    case layer(FactorizableLayer)
    case left(reason: String)
  }

  static func reading(_ node: Node, _ graph: Graph, readers: [ValueID: [Int]]) -> Reading? {
    switch node.kind {
    case .conv, .gemm, .matMul: break
    case .convTranspose: return .left(reason: "transposed convolutions are not factorized")
    case .lstm, .gru, .rnn: return .left(reason: "recurrent weights are not factorized")
    case .relu, .leakyRelu, .clip, .sigmoid, .hardSigmoid, .hardSwish, .tanh, .elu, .softplus, .erf, .gelu, .pRelu,
      .softmax, .logSoftmax, .maxPool, .averagePool, .globalAveragePool, .globalMaxPool, .pow, .sqrt, .exp, .log, .neg,
      .abs, .min, .max, .reduceMean, .reduceSum, .reduceMax, .argMax, .flatten, .reshape, .transpose, .squeeze,
      .unsqueeze, .concat, .split, .slice, .pad, .shape, .constant, .constantOfShape, .cast, .expand, .where, .equal,
      .greater, .less, .not, .and, .or, .identity, .dropout, .resize, .quantizeLinear, .dequantizeLinear, .gather, .add,
      .sub, .mul, .div, .batchNormalization, .layerNormalization:
      return nil
    }
    guard node.inputs.count > 1, let id = node.inputs[1], let tensor = graph[id].constant else {
      if let id = node.inputs.dropFirst().first ?? nil, graph.isDequantizedConstant(id) {
        return .left(reason: "the weight is quantized; factorize before quantizing")
      }
      let isWeighted = node.inputs.first.flatMap { $0.flatMap { graph[$0].constant } } != nil
      return node.kind == .matMul && !isWeighted
        ? nil : .left(reason: isWeighted ? "the constant is the left operand" : "the weight is not constant")
    }
    if let reason = obstacle(tensor, isShared: readers[id]?.count != 1) { return .left(reason: reason) }
    let macs = graph.multiplyAccumulates(of: node)
    if let conv = node.op as? Conv { return convolution(conv, node, graph, id, tensor, macs) }
    guard tensor.rank == 2 else { return .left(reason: "the weight is not one matrix") }
    let isTransposed = (node.op as? Gemm)?.transposesB ?? false
    let (rows, columns) = (tensor.shape[0], tensor.shape[1])
    let candidate = FactorizationCandidate(
      scheme: .dense, rows: rows, columns: columns,
      multiplyAccumulatesPerRank: macs / max(tensor.count, 1) * (rows + columns))
    return .layer(
      FactorizableLayer(weight: id, tensor: tensor, candidates: [candidate], isTransposed: isTransposed))
  }

  private static func convolution(
    _ conv: Conv, _ node: Node, _ graph: Graph, _ id: ValueID, _ tensor: Tensor, _ macs: Int
  ) -> Reading {
    let shape = tensor.shape
    guard conv.group == 1 else {
      let isDepthwise = shape[1] == 1
      return .left(reason: isDepthwise ? "the convolution is depthwise" : "the convolution has \(conv.group) groups")
    }
    guard let input = node.inputs[0].flatMap({ graph[$0].info?.shape }),
      let window = try? conv.resolvedWindow(input: input, weight: shape)
    else { return .left(reason: "the extents are not known") }
    let positions = macs / max(tensor.count, 1)
    let taps = shape.dropFirst(2).reduce(1, *)
    var candidates = [
      FactorizationCandidate(
        scheme: .channel, rows: shape[0], columns: shape[1] * taps,
        multiplyAccumulatesPerRank: positions * (shape[1] * taps + shape[0]))
    ]
    if shape.count == 4, shape[2] > 1, shape[3] > 1 {
      let axes = window.axes
      let between = input[0] * axes[0].output * axes[1].input
      candidates.append(
        FactorizationCandidate(
          scheme: .spatial, rows: shape[1] * shape[2], columns: shape[0] * shape[3],
          multiplyAccumulatesPerRank: between * shape[1] * shape[2] + positions * shape[0] * shape[3]))
    }
    return .layer(FactorizableLayer(weight: id, tensor: tensor, candidates: candidates, isTransposed: false))
  }

  /// Why a weight must stay as it is: two products cannot hold what earlier passes made of one tensor.
  private static func obstacle(_ tensor: Tensor, isShared: Bool) -> String? {
    guard tensor.dtype == .float32 else { return "the weight is \(tensor.dtype.name), not float32" }
    guard tensor.count > 0 else { return "the weight is empty" }
    if isShared { return "several layers read the weight" }
    return tensor.withElements(as: Float.self) { elements in
      guard elements.allSatisfy(\.isFinite) else { return "the weight holds values that are not finite" }
      let zeros = elements.count { $0 == 0 }
      if zeros * 100 > elements.count {
        return "\(zeros * 100 / elements.count) % of the weight are zeros of a mask, which factors would fill"
      }
      var values: Set<UInt32> = []
      for element in elements {
        values.insert(element.bitPattern)
        if values.count > 256 { return nil }
      }
      return elements.count >= 8 * values.count
        ? "the weight is a codebook of \(values.count) values, which factors would lose" : nil
    }
  }
}

extension Graph {
  /// Whether `value` is a constant of integers, read through DequantizeLinear.
  fileprivate func isDequantizedConstant(_ value: ValueID) -> Bool {
    nodes.contains { node in
      node.kind == .dequantizeLinear && node.outputs.contains(value)
        && (node.inputs.first ?? nil).map { self[$0].constant != nil } == true
    }
  }
}
