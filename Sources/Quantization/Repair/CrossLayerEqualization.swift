import Graph
import HostTensors
import Operators
import Training

/// Evens out the ranges of weights between layers that follow one another, leaving what the network computes.
///
/// A Relu, a leaky one and the pools commute with positive factors: channel c of the first layer is divided by
/// s[c] = sqrt(r1[c] / r2[c]) and what the second one reads of it is multiplied by the same, r1 and r2 being the
/// greatest magnitudes of the weights that write and read the channel. Both are then sqrt(r1 r2). Pairs are visited
/// over again until factors are near 1 (Nagel, van Baalen, Blankevoort and Welling, "Data-Free Quantization Through
/// Weight Equalization and Bias Correction", 2019, arXiv:1906.04721, section 4.1). Weights that share values are left
/// as they are: factors would part them. Apply it before calibration.
public struct CrossLayerEqualization: Sendable {
  /// At most so many visits of every pair.
  public var sweeps = 20

  public init() {}

  /// `graph` with weights and biases scaled; its nodes are those it had.
  public func apply(to graph: Graph) -> (graph: Graph, report: EqualizationReport) {
    var graph = graph
    let all = EqualizedPair.pairs(in: graph)
    let pairs = all.filter { !$0.sharesValues(in: graph) }
    var totals = pairs.map { [Float](repeating: 1, count: $0.channels) }
    for _ in 0..<sweeps {
      var greatestChange: Float = 1
      for (index, pair) in pairs.enumerated() {
        let factors = pair.factors(in: graph)
        pair.apply(factors, to: &graph)
        for (channel, factor) in factors.enumerated() {
          totals[index][channel] *= factor
          greatestChange = max(greatestChange, factor, 1 / factor)
        }
      }
      if greatestChange < 1.001 { break }
    }
    func names(_ pair: EqualizedPair) -> (first: String, second: String) {
      (graph.nodes[pair.first.node].name, graph.nodes[pair.second.node].name)
    }
    let report = EqualizationReport(
      pairs: zip(pairs, totals).map { pair, factors in
        EqualizationReport.Pair(
          first: names(pair).first, second: names(pair).second, leastFactor: factors.min() ?? 1,
          greatestFactor: factors.max() ?? 1)
      },
      left: all.filter { $0.sharesValues(in: graph) }.map { [names($0).first, names($0).second] })
    return (graph, report)
  }
}

/// Which layers were evened out, and by how much.
public struct EqualizationReport: Codable, Sendable {
  public struct Pair: Codable, Sendable {
    public var first: String
    public var second: String
    /// Of the factors of the channels between the two.
    public var leastFactor: Float
    public var greatestFactor: Float
  }

  public var pairs: [Pair]
  /// Names of two layers each that were left as they are, since weights of one of them share values.
  public var left: [[String]]
}

/// Two layers between which each channel may be scaled.
private struct EqualizedPair {
  /// A weight seen by its channels on one side.
  struct Side {
    var node: Int
    var weight: ValueID
    /// The channel of each element.
    var channelOfElement: [Int]
  }

  let first: Side
  let second: Side
  let bias: ValueID?
  let channels: Int

  static func pairs(in graph: Graph) -> [EqualizedPair] {
    let consumers = graph.consumers()
    return graph.nodes.indices.compactMap { EqualizedPair(startingAt: $0, graph, consumers) }
  }

  private init?(startingAt index: Int, _ graph: Graph, _ consumers: [ValueID: [Int]]) {
    let node = graph.nodes[index]
    guard let weight = graph.ownWeight(of: node, consumers), let outChannels = node.outChannels(weight.shape),
      let last = Self.reader(after: node, graph, consumers),
      let other = graph.ownWeight(of: graph.nodes[last], consumers),
      let inFeatures = graph.nodes[last].inFeatures(other.shape)
    else { return nil }
    channels = outChannels.count
    // A flattened channel is read as so many features.
    let features = inFeatures.count
    guard features > 0, features % channels == 0, weight.id != other.id else { return nil }
    let perChannel = features / channels
    bias = node.inputs.count > 2 ? node.inputs[2] : nil
    if let bias {
      guard consumers[bias]?.count == 1, graph[bias].constant?.count == channels else { return nil }
    }
    first = Side(node: index, weight: weight.id, channelOfElement: outChannels.ofElement)
    second = Side(node: last, weight: other.id, channelOfElement: inFeatures.ofElement.map { $0 / perChannel })
  }

  /// What commutes with positive factors by channel.
  private static let commuting: Set<OperatorKind> = [
    .relu, .leakyRelu, .maxPool, .averagePool, .globalAveragePool, .globalMaxPool, .identity,
  ]

  /// The layer that reads what `node` writes through nothing but steps that commute with positive factors.
  private static func reader(after node: Node, _ graph: Graph, _ consumers: [ValueID: [Int]]) -> Int? {
    var node = node
    while let output = node.outputs.first ?? nil, !graph.outputs.contains(output),
      let readers = consumers[output], readers.count == 1, graph.nodes[readers[0]].inputs.first == output
    {
      node = graph.nodes[readers[0]]
      if node.kind == .conv || node.kind == .gemm { return readers[0] }
      guard commuting.contains(node.kind) || isFlattening(node, output, graph) else { return nil }
    }
    return nil
  }

  /// Whether the batch stays and all else becomes one axis.
  private static func isFlattening(_ node: Node, _ input: ValueID, _ graph: Graph) -> Bool {
    guard node.kind == .flatten || node.kind == .reshape, let before = graph[input].info?.shape,
      let after = node.outputs.first.flatMap({ $0 }).flatMap({ graph[$0].info?.shape })
    else { return false }
    return after.count == 2 && before.count > 1 && after[0] == before[0]
  }

  /// Whether the weights of either layer are a codebook.
  func sharesValues(in graph: Graph) -> Bool {
    [first, second].contains { Codebook(of: graph[$0.weight].constant?.floats ?? []) != nil }
  }

  /// s for each channel; 1 for one that is not written or not read.
  func factors(in graph: Graph) -> [Float] {
    let written = magnitudes(first, graph)
    let read = magnitudes(second, graph)
    return zip(written, read).map { $0 > 0 && $1 > 0 ? ($0 / $1).squareRoot() : 1 }
  }

  private func magnitudes(_ side: Side, _ graph: Graph) -> [Float] {
    var magnitudes = [Float](repeating: 0, count: channels)
    graph[side.weight].constant?.withElements(as: Float.self) { elements in
      for (element, channel) in zip(elements, side.channelOfElement) {
        magnitudes[channel] = max(magnitudes[channel], element.magnitude)
      }
    }
    return magnitudes
  }

  func apply(_ factors: [Float], to graph: inout Graph) {
    scale(first.weight, in: &graph) { 1 / factors[first.channelOfElement[$0]] }
    if let bias { scale(bias, in: &graph) { 1 / factors[$0] } }
    scale(second.weight, in: &graph) { factors[second.channelOfElement[$0]] }
  }

  private func scale(_ value: ValueID, in graph: inout Graph, by factor: (Int) -> Float) {
    guard let tensor = graph[value].constant else { return }
    let scaled = tensor.withElements(as: Float.self) { elements in
      Tensor(shape: tensor.shape, of: Float.self) { (target: UnsafeMutableBufferPointer<Float>) in
        for index in elements.indices { target[index] = elements[index] * factor(index) }
      }
    }
    graph[value].info = ValueInfo(scaled)
  }
}

/// For each element of a weight, which of `count` channels it writes or reads.
private struct WeightChannels {
  var count: Int
  var ofElement: [Int]
}

extension Graph {
  /// The float32 weight of a layer, where nothing else reads it.
  fileprivate func ownWeight(of node: Node, _ consumers: [ValueID: [Int]]) -> (id: ValueID, shape: [Int])? {
    guard node.inputs.count > 1, let id = node.inputs[1], let weight = self[id].constant, weight.dtype == .float32,
      consumers[id]?.count == 1
    else { return nil }
    return (id, weight.shape)
  }
}

extension Node {
  /// The channel that each element of a weight of `shape` writes; nil where the node is no layer of sums.
  fileprivate func outChannels(_ shape: [Int]) -> WeightChannels? {
    if op is Conv { return .along(0, of: shape) }
    if let gemm = op as? Gemm, gemm.alpha == 1, gemm.beta == 1, !gemm.transposesA {
      return .along(gemm.transposesB ? 0 : 1, of: shape)
    }
    return nil
  }

  /// The input channel or feature that each element of a weight of `shape` reads.
  fileprivate func inFeatures(_ shape: [Int]) -> WeightChannels? {
    if let gemm = op as? Gemm, !gemm.transposesA { return .along(gemm.transposesB ? 1 : 0, of: shape) }
    guard let conv = op as? Conv else { return nil }
    var channels = WeightChannels.along(1, of: shape)
    let rowElements = shape[1...].reduce(1, *)
    let rowsPerGroup = max(shape[0] / conv.group, 1)
    for index in channels.ofElement.indices {
      channels.ofElement[index] += index / max(rowElements, 1) / rowsPerGroup * shape[1]
    }
    channels.count = shape[1] * conv.group
    return channels
  }
}

extension WeightChannels {
  fileprivate static func along(_ axis: Int, of shape: [Int]) -> WeightChannels {
    let inner = max(shape[(axis + 1)...].reduce(1, *), 1)
    return WeightChannels(
      count: shape[axis], ofElement: (0..<shape.reduce(1, *)).map { $0 / inner % max(shape[axis], 1) })
  }
}
