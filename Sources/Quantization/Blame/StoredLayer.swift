import Graph
import HostTensors
import Operators
import TensorTypes

/// A layer of sums as a compressed network holds it, and the same layer of the float network.
struct StoredLayer {
  let name: String
  /// Indices of the node in the float and in the compressed graph.
  let floatIndex: Int
  let compressedIndex: Int
  /// Along the output channels.
  let channelAxis: Int
  let floatWeight: Tensor
  let floatBias: Tensor?
  /// In real units, whatever they are stored as.
  let weight: Tensor
  let bias: Tensor?
  /// The width of the stored levels; nil where weights are floats.
  let bits: Int?
  /// How the layer's output is rounded; nil where it stays float.
  let rounding: QuantizationParameters?
  /// The value of the float graph that is rounded: the layer's output, or that of the activation fused into it.
  let roundedValue: ValueID

  /// The layers that both graphs have by name, in the order of the float one.
  static func layers(of float: Graph, in compressed: Graph) throws(QuantizationError) -> [StoredLayer] {
    let names = Dictionary(compressed.nodes.enumerated().map { ($1.name, $0) }) { first, _ in first }
    let reading = GraphReading(compressed)
    let floatReading = GraphReading(float)
    var layers: [StoredLayer] = []
    for (index, node) in float.nodes.enumerated() {
      guard case .accumulate(1, let axis) = node.op.integerForm(float.inputInfos(of: node)),
        let weight = node.inputs[1].flatMap({ float[$0].constant }), let other = names[node.name],
        compressed.nodes[other].kind == node.kind,
        let stored = try reading.tensor(compressed.nodes[other].inputs[1]), stored.shape == weight.shape,
        let output = node.outputs.first ?? nil
      else { continue }
      let biasID = node.inputs.count > 2 ? node.inputs[2] : nil
      let storedBias = compressed.nodes[other].inputs.count > 2 ? compressed.nodes[other].inputs[2] : nil
      layers.append(
        StoredLayer(
          name: node.name, floatIndex: index, compressedIndex: other, channelAxis: axis, floatWeight: weight,
          floatBias: biasID.flatMap { float[$0].constant }, weight: stored, bias: try reading.tensor(storedBias),
          bits: reading.bits(compressed.nodes[other].inputs[1]), rounding: reading.rounding(after: other),
          roundedValue: floatReading.fusedOutput(of: index) ?? output))
    }
    return layers
  }
}

/// Looks behind and ahead of nodes for the conversions of a quantized graph.
private struct GraphReading {
  let graph: Graph
  let producers: [ValueID: Int]
  let consumers: [ValueID: [Int]]

  init(_ graph: Graph) {
    self.graph = graph
    producers = graph.producers()
    consumers = graph.consumers()
  }

  /// The float32 constant, read through a DequantizeLinear where there is one.
  func tensor(_ id: ValueID?) throws(QuantizationError) -> Tensor? {
    guard let id else { return nil }
    if let constant = graph[id].constant { return constant.dtype == .float32 ? constant : nil }
    guard let node = conversion(behind: id) else { return nil }
    do throws(OperatorError) {
      return try node.op.evaluate(node.inputs.map { id in id.flatMap { graph[$0].constant } })[0]
    } catch { throw .graph(.operatorFailed(node: node.name, kind: node.kind, error)) }
  }

  /// The DequantizeLinear of constants that computes `id`.
  private func conversion(behind id: ValueID) -> Node? {
    guard let index = producers[id], graph.nodes[index].kind == .dequantizeLinear,
      graph.nodes[index].inputs.allSatisfy({ $0.map { graph[$0].constant != nil } ?? true })
    else { return nil }
    return graph.nodes[index]
  }

  /// The least of 4, 5, 6 and 8 bits that hold the levels behind `id`, symmetric.
  func bits(_ id: ValueID?) -> Int? {
    guard let node = id.flatMap(conversion), let levels = node.inputs[0].flatMap({ graph[$0].constant }),
      levels.dtype == .int8
    else { return nil }
    let greatest = levels.elements(as: Int8.self).reduce(0) { max($0, Int($1.magnitude)) }
    return WeightBits.allCases.first { $0.greatestLevel >= greatest }?.rawValue ?? 8
  }

  /// The output of the Relu, or Clip from zero, that alone reads what node `index` writes.
  func fusedOutput(of index: Int) -> ValueID? {
    guard let output = graph.nodes[index].outputs.first ?? nil, let readers = consumers[output], readers.count == 1,
      graph.nodes[readers[0]].saturation(in: graph) != nil
    else { return nil }
    return graph.nodes[readers[0]].outputs.first ?? nil
  }

  /// The levels of one scale that the output of node `index` is rounded to, seen through a Relu or Clip.
  func rounding(after index: Int) -> QuantizationParameters? {
    guard let output = fusedOutput(of: index) ?? graph.nodes[index].outputs.first ?? nil,
      let reader = consumers[output]?.first(where: { graph.nodes[$0].kind == .quantizeLinear })
    else { return nil }
    let node = graph.nodes[reader]
    guard let scale = node.inputs[1].flatMap({ graph[$0].constant }), scale.count == 1,
      let type = node.outputs.first.flatMap({ $0 }).flatMap({ graph[$0].info?.dtype }), type == .uint8 || type == .int8
    else { return nil }
    let zeroPoint = node.inputs.count > 2 ? node.inputs[2].flatMap { graph[$0].constant?.integers.first } : 0
    return QuantizationParameters(scale: scale.floats[0], zeroPoint: Int32(zeroPoint ?? 0), dtype: type)
  }
}
