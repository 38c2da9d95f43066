import Graph
import HostTensors
import Operators
import TensorTypes

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// Compares a compressed network with the float one it was made of, on real samples.
///
/// Layers are those of sums (convolutions and dense layers), matched by the names of their nodes: quantized, pruned and
/// clustered networks keep them. For each layer the float network is run with that layer alone as the compressed one
/// has it, weights, bias and the rounding of its output.
public struct Blame {
  private let float: Graph
  private let compressed: Graph
  private let layers: [StoredLayer]

  /// Both graphs are simplified ones. Errors: `.alreadyQuantized` of the float one; `.graph` where a conversion cannot be
  /// evaluated.
  public init(float: Graph, compressed: Graph) throws(QuantizationError) {
    try StaticQuantization.requireFloat(float)
    self.float = float.endingInScores
    self.compressed = compressed.endingInScores
    layers = try StoredLayer.layers(of: self.float, in: self.compressed)
  }

  /// The report over `samples`, each one tensor per graph input; `progress` is told how many samples are done.
  ///
  /// Errors: `.noSamples`, `.notComparable`, `.graph`.
  public func report(
    over samples: some Collection<[Tensor]>, progress: (Int) -> Void = { _ in }
  ) throws(QuantizationError) -> BlameReport {
    guard !samples.isEmpty else { throw .noSamples }
    var variants: [Graph] = []
    for layer in layers { variants.append(try alone(layer)) }
    var figures = layers.map { LayerFigures($0, in: float, compressed) }
    var total = SignalToNoise()
    var changed = 0
    for (done, sample) in samples.enumerated() {
      let reference = try Trace(float, sample, watching: watched(\.floatIndex, in: float))
      let whole = try Trace(compressed, sample, watching: watched(\.compressedIndex, in: compressed))
      guard reference.scores.shape == whole.scores.shape else {
        throw .notComparable(float: reference.scores.shape, compressed: whole.scores.shape)
      }
      total.add(reference.scores, whole.scores)
      changed += reference.scores.decidesLike(whole.scores) ? 0 : 1
      for index in layers.indices {
        let scores: Tensor
        do throws(GraphError) { scores = try Evaluator(variants[index]).scores(sample) } catch { throw .graph(error) }
        try figures[index].add(reference, whole, scores)
      }
      progress(done + 1)
    }
    let names = Set(layers.map(\.name))
    let unmatched = float.nodes.filter { node in
      if case .accumulate = node.op.integerForm(float.inputInfos(of: node)) { return !names.contains(node.name) }
      return false
    }
    let ranked = figures.sorted { $0.alone.noise > $1.alone.noise }
    return BlameReport(
      samples: samples.count, total: total.decibels, changedDecisions: changed, layers: ranked.map(\.entry),
      unmatched: unmatched.map(\.name))
  }

  /// What is to be remembered of a run: inputs and outputs of layers.
  private func watched(_ index: KeyPath<StoredLayer, Int>, in graph: Graph) -> Set<ValueID> {
    var values: Set<ValueID> = []
    for layer in layers {
      let node = graph.nodes[layer[keyPath: index]]
      for case let id? in [node.inputs[0], node.outputs[0]] { values.insert(id) }
    }
    return values
  }

  /// The float network with one layer as the compressed network has it.
  private func alone(_ layer: StoredLayer) throws(QuantizationError) -> Graph {
    var graph = float
    let weight = graph.addConstant(name: "\(layer.name)_stored_weight", layer.weight)
    graph.nodes[layer.floatIndex].inputs[1] = weight
    if let bias = layer.bias, graph.nodes[layer.floatIndex].inputs.count > 2 {
      graph.nodes[layer.floatIndex].inputs[2] = graph.addConstant(name: "\(layer.name)_stored_bias", bias)
    }
    guard let rounding = layer.rounding else { return graph }
    do throws(GraphError) {
      try graph.round(layer.roundedValue, to: rounding)
      return graph
    } catch { throw .graph(error) }
  }
}

/// The values of one run that are looked at again.
struct Trace {
  var values: [ValueID: Tensor] = [:]
  var scores: Tensor

  init(_ graph: Graph, _ sample: [Tensor], watching watched: Set<ValueID>) throws(QuantizationError) {
    var seen: [ValueID: Tensor] = [:]
    do throws(GraphError) {
      scores = try Evaluator(graph).scores(sample) { id, tensor in if watched.contains(id) { seen[id] = tensor } }
    } catch { throw .graph(error) }
    values = seen
  }
}

extension Evaluator {
  /// The first output as floats.
  fileprivate func scores(
    _ sample: [Tensor], observe: ((ValueID, Tensor) -> Void)? = nil
  ) throws(GraphError) -> Tensor {
    guard let output = try run(sample, observe: observe).first else {
      throw .undefinedValue(node: "(graph output)", value: "")
    }
    return output.dtype == .float32 ? output : output.converted(to: Float.self)
  }
}

/// The power of a signal and of what was added to it.
struct SignalToNoise {
  private(set) var signal = 0.0
  private(set) var noise = 0.0

  mutating func add(_ reference: Tensor, _ found: Tensor) {
    signal += reference.withElements(as: Float.self) { $0.reduce(0) { $0 + Double($1) * Double($1) } }
    noise += squaredDistance(reference, found)
  }

  /// nil where there is no noise, or no signal.
  var decibels: Double? { noise > 0 && signal > 0 ? 10 * log10(signal / noise) : nil }
}

extension Tensor {
  /// Whether the same element is the greatest; true for a single one.
  fileprivate func decidesLike(_ other: Tensor) -> Bool { indexOfGreatest == other.indexOfGreatest }

  private var indexOfGreatest: Int {
    withElements(as: Float.self) { elements in
      elements.indices.reduce(0) { elements[$1] > elements[$0] ? $1 : $0 }
    }
  }
}

extension LayerFigures {
  mutating func add(_ reference: Trace, _ whole: Trace, _ scores: Tensor) throws(QuantizationError) {
    alone.add(reference.scores, scores)
    if !reference.scores.decidesLike(scores) { changedDecisions += 1 }
    try addOwnError(reference, whole)
  }
}

extension Graph {
  /// The graph up to what a final Softmax reads, with that as its only output.
  fileprivate var endingInScores: Graph {
    var graph = self
    guard let output = outputs.first else { return graph }
    graph.outputs = [output]
    if let last = producers()[output], nodes[last].kind == .softmax || nodes[last].kind == .logSoftmax,
      let scores = nodes[last].inputs[0]
    {
      graph.outputs = [scores]
    }
    graph.removeDeadNodes()
    return graph
  }

  /// Makes every reader of `value` read it rounded to `parameters`.
  fileprivate mutating func round(_ value: ValueID, to parameters: QuantizationParameters) throws(GraphError) {
    let name = self[value].name
    let scale = addConstant(name: "\(name)_scale", Tensor(scalar: parameters.scale))
    let zero =
      parameters.dtype == .uint8
      ? Tensor(scalar: UInt8(parameters.zeroPoint)) : Tensor(scalar: Int8(parameters.zeroPoint))
    let zeroPoint = addConstant(name: "\(name)_zero_point", zero)
    let readers = nodes.indices.filter { nodes[$0].inputs.contains(value) }
    let levels = try append(
      try conversion(QuantizeLinear.self, name), name: "\(name)_levels", inputs: [value, scale, zeroPoint],
      output: "\(name)_levels")
    let rounded = try append(
      try conversion(DequantizeLinear.self, name), name: "\(name)_rounded", inputs: [levels, scale, zeroPoint],
      output: "\(name)_rounded")
    for index in readers {
      for slot in nodes[index].inputs.indices where nodes[index].inputs[slot] == value {
        nodes[index].inputs[slot] = rounded
      }
    }
    for slot in outputs.indices where outputs[slot] == value { outputs[slot] = rounded }
    try sortTopologically()
  }

  private func conversion<Op: Operator>(_: Op.Type, _ name: String) throws(GraphError) -> Op {
    do throws(OperatorError) { return try Op(NodeDefinition(opType: Op.kind.rawValue, inputCount: 3)) } catch {
      throw .operatorFailed(node: name, kind: Op.kind, error)
    }
  }
}
