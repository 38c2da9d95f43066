import Graph
import HostTensors
import Operators
import TensorTypes

/// What a node could become, looked at by itself.
struct NodeRules {
  let graph: Graph
  let options: QuantizationOptions
  let rejected: [Int: FloatReason]
  private let patterns: [(text: String, pattern: NamePattern)]

  init(graph: Graph, options: QuantizationOptions, rejected: [Int: FloatReason]) {
    self.graph = graph
    self.options = options
    self.rejected = rejected
    patterns = options.keepFloat.map { ($0, NamePattern($0)) }
  }

  func treatment(of index: Int) -> NodeTreatment {
    let node = graph.nodes[index]
    guard handlesFloats(node) else { return .notFloat }
    if let reason = rejected[index] { return .float(reason) }
    if let match = patterns.first(where: { matches($0.pattern, node) }) {
      return .float(.excludedByName(pattern: match.text))
    }
    if options.keepFloatKinds.contains(node.kind) { return .float(.excludedByOperator) }
    let form = node.op.integerForm(graph.inputInfos(of: node))
    if let reason = refusal(of: node, form) { return .float(reason) }
    return .integer(form)
  }

  /// The width of the weight of `node`.
  func weightBits(of node: Node) -> WeightBits {
    options.layerBits.last { matches(NamePattern($0.pattern), node) }?.bits ?? options.weightBits
  }

  func matches(_ pattern: NamePattern, _ node: Node) -> Bool {
    pattern.matches(node.name) || node.outputs.contains { $0.map { pattern.matches(graph[$0].name) } ?? false }
  }

  private func handlesFloats(_ node: Node) -> Bool {
    (node.inputs + node.outputs).contains { $0.flatMap { graph[$0].info?.dtype.isFloat } ?? false }
  }

  private func refusal(of node: Node, _ form: IntegerForm) -> FloatReason? {
    switch form {
    case .floatOnly(let reason): return .noIntegerForm(reason)
    case .accumulate(let weightInput, let channelAxis):
      if let reason = refusal(ofProduct: node, weightInput: weightInput, channelAxis: channelAxis) { return reason }
    case .table, .sameScale, .rescaled: break
    }
    let operands = node.valueInputPositions(form).compactMap { node.inputs[$0] }
    for value in operands where graph[value].info?.dtype != .float32 {
      return .valueType(graph[value].info.map { "\($0.dtype.name)" } ?? "of unknown type")
    }
    return operands.isEmpty ? .noIntegerForm("no float operand") : nil
  }

  private func refusal(ofProduct node: Node, weightInput: Int, channelAxis: Int) -> FloatReason? {
    guard weightInput < node.inputs.count, let weight = node.inputs[weightInput].flatMap({ graph[$0].constant }) else {
      return .weightNotConstant
    }
    guard weight.dtype == .float32, weight.count > 0, channelAxis < weight.rank else {
      return .valueType("\(weight.dtype.name)")
    }
    guard weight.withElements(as: Float.self, { $0.allSatisfy(\.isFinite) }) else { return .weightNotFinite }
    let products = weight.count / weight.shape[channelAxis]
    guard AccumulatorBound.biasLimit(products: products) > 0 else { return .accumulatorOverflow(products: products) }
    guard node.inputs.count > 2, let bias = node.inputs[2] else { return nil }
    guard let tensor = graph[bias].constant else { return .biasNotConstant }
    let channels = node.outputs.first.flatMap { $0 }.flatMap { graph[$0].info?.shape }.map {
      node.kind == .gemm ? $0.last ?? 0 : $0.count > 1 ? $0[1] : 0
    }
    guard tensor.dtype == .float32, tensor.count == channels, tensor.shape.last == channels,
      tensor.withElements(as: Float.self, { $0.allSatisfy(\.isFinite) })
    else { return .biasShape(tensor.shape) }
    return nil
  }
}

/// What 32-bit sums of products of 8-bit values leave for the bias.
package enum AccumulatorBound {
  /// Greatest magnitude of a quantized bias next to `products` products of at most 255 * 127; 0 or less for none.
  package static func biasLimit(products: Int) -> Int { Int(Int32.max) - products * 255 * 127 }
}
