import Graph
import HostTensors
import Operators
import TensorTypes

/// A float graph and its quantized self, evaluated side by side over all samples, one node after the other.
///
/// The quantized side computes in float on values that were rounded to their levels, as the graph that
/// `StaticQuantization.apply` writes does; only biases stay unrounded, which are finer than any level. What a layer
/// reads there has come through all the quantized layers before it. Values are released after their last use;
/// until then one tensor for each sample and side is held.
struct PairedEvaluation {
  let graph: Graph
  let plan: QuantizationPlan
  let sampleCount: Int
  private let activations: [ValueID: QuantizationParameters]
  private let lastUse: [ValueID: Int]
  private var floats: [ValueID: [Tensor]] = [:]
  private var quantized: [ValueID: [Tensor]] = [:]
  /// What the quantized side reads in place of constants.
  private var constants: [ValueID: Tensor] = [:]

  /// Errors: `.planMismatch`, `.noSamples`, `.graph` where a sample lacks an input.
  init(_ graph: Graph, _ plan: QuantizationPlan, samples: [[Tensor]]) throws(QuantizationError) {
    try plan.requireFit(to: graph)
    guard !samples.isEmpty else { throw .noSamples }
    self.graph = graph
    self.plan = plan
    sampleCount = samples.count
    activations = plan.parametersByValue(of: graph)
    var lastUse: [ValueID: Int] = [:]
    for (index, node) in graph.nodes.enumerated() {
      for case let id? in node.inputs + node.outputs { lastUse[id] = index }
    }
    self.lastUse = lastUse
    for (slot, input) in graph.inputs.enumerated() {
      guard samples.allSatisfy({ $0.count > slot }) else { throw .graph(.missingInput(name: graph[input].name)) }
      floats[input] = samples.map { $0[slot] }
      quantized[input] = samples.map { rounded($0[slot], as: input) }
    }
    for (node, planned) in zip(graph.nodes, plan.nodes) {
      guard case .integer(let form) = planned.treatment else { continue }
      for slot in node.valueInputPositions(form) {
        guard let id = node.inputs[slot], let constant = graph[id].constant else { continue }
        constants[id] = rounded(constant, as: id)
      }
    }
  }

  /// The quantized side's inputs `slot` of node `index`, one for each sample; the node must be the next to run.
  func quantizedInputs(_ index: Int, slot: Int) -> [Tensor]? {
    graph.nodes[index].inputs[slot].flatMap { quantized[$0] }
  }

  /// Runs node `index` in float, and returns its first output for each sample.
  mutating func runFloat(_ index: Int) throws(QuantizationError) -> [Tensor] {
    try run(index) { [floats, graph] id, sample in
      floats[id]?[sample] ?? graph[id].constant
    } store: {
      $0.floats[$1] = $2
    }
  }

  /// Runs node `index` on the quantized side, with `parameters` in place of those of its constant inputs, by slot.
  ///
  /// Returns its first output for each sample before that is rounded.
  @discardableResult
  mutating func runQuantized(_ index: Int, parameters: [Int: Tensor] = [:]) throws(QuantizationError) -> [Tensor] {
    var replaced = constants
    for (slot, tensor) in parameters { if let id = graph.nodes[index].inputs[slot] { replaced[id] = tensor } }
    return try run(index) { [quantized, graph, replaced] id, sample in
      quantized[id]?[sample] ?? replaced[id] ?? graph[id].constant
    } store: { evaluation, id, tensors in
      evaluation.quantized[id] = tensors.map { evaluation.rounded($0, as: id) }
    }
  }

  /// Lets go of what no node after `index` reads.
  mutating func finish(_ index: Int) {
    for case let id? in graph.nodes[index].inputs + graph.nodes[index].outputs where lastUse[id] == index {
      floats[id] = nil
      quantized[id] = nil
    }
  }

  private mutating func run(
    _ index: Int, operand: (ValueID, Int) -> Tensor?, store: (inout Self, ValueID, [Tensor]) -> Void
  ) throws(QuantizationError) -> [Tensor] {
    let node = graph.nodes[index]
    var outputs: [[Tensor]] = []
    for sample in 0..<sampleCount {
      do throws(OperatorError) {
        outputs.append(try node.op.evaluate(node.inputs.map { id in id.flatMap { operand($0, sample) } }))
      } catch { throw .graph(.operatorFailed(node: node.name, kind: node.kind, error)) }
    }
    for (slot, id) in node.outputs.enumerated() { if let id { store(&self, id, outputs.map { $0[slot] }) } }
    return outputs.map { $0[0] }
  }

  private func rounded(_ tensor: Tensor, as value: ValueID) -> Tensor {
    activations[value].map { tensor.rounded(to: $0) } ?? tensor
  }
}

extension QuantizationPlan {
  /// Throws `.planMismatch` unless the plan was made for a graph of these nodes.
  func requireFit(to graph: Graph) throws(QuantizationError) {
    guard nodes.count == graph.nodes.count else { throw .planMismatch(node: graph.nodes.first?.name ?? "") }
    for (node, planned) in zip(graph.nodes, nodes) where node.name != planned.name || node.kind != planned.kind {
      throw .planMismatch(node: node.name)
    }
  }

  /// The levels of every 8-bit value that a node of `graph` reads or writes.
  func parametersByValue(of graph: Graph) -> [ValueID: QuantizationParameters] {
    let planned = Dictionary(activations.map { ($0.value, $0.parameters) }) { first, _ in first }
    var parameters: [ValueID: QuantizationParameters] = [:]
    for case let id? in graph.nodes.flatMap({ $0.inputs + $0.outputs }) { parameters[id] = planned[graph[id].name] }
    return parameters
  }

  /// The saturation fused into node `index`; nil where its sums are stored as they are.
  func fusedSaturation(after index: Int, in graph: Graph, _ consumers: [ValueID: [Int]]) -> Saturation? {
    guard let output = graph.nodes[index].outputs.first ?? nil, let readers = consumers[output], readers.count == 1,
      case .fused = nodes[readers[0]].treatment
    else { return nil }
    return graph.nodes[readers[0]].saturation(in: graph)
  }
}

extension Tensor {
  /// Every element at the nearest level of `parameters`: what QuantizeLinear and DequantizeLinear make of it.
  func rounded(to parameters: QuantizationParameters) -> Tensor {
    guard dtype == .float32 else { return self }
    let low = Float(parameters.range.lowerBound - parameters.zeroPoint)
    let high = Float(parameters.range.upperBound - parameters.zeroPoint)
    let scale = parameters.scale
    return withElements(as: Float.self) { source in
      Tensor(shape: shape, of: Float.self) { (target: UnsafeMutableBufferPointer<Float>) in
        for index in source.indices {
          target[index] = Swift.min(Swift.max(source[index] / scale, low), high).rounded(.toNearestOrEven) * scale
        }
      }
    }
  }

  /// The weights that the levels of `weight` stand for, this tensor being rounded to them.
  func rounded(to weight: WeightPlan) -> Tensor {
    IntegerParameters.quantize(self, scales: weight.scales, axis: weight.channelAxis, bits: weight.bits)
      .dequantized(scales: weight.scales, axis: weight.channelAxis)
  }
}
