import Graph
import HostTensors
import Operators
import TensorTypes

extension StaticQuantization {
  /// `graph` with QuantizeLinear and DequantizeLinear pairs, int8 weights and int32 biases as `plan` says.
  ///
  /// Every 8-bit value `v` becomes `v_quantized` and is read as `v_dequantized`; values that share a scale
  /// share the initializers of it. Outputs keep their names and stay float.
  /// Errors: `.planMismatch` where the plan was made for another graph.
  public func apply(_ plan: QuantizationPlan, to graph: Graph) throws(QuantizationError) -> Graph {
    try Self.requireFloat(graph)
    try plan.requireFit(to: graph)
    var rewriter = Rewriter(graph, plan)
    return try rewriter.rewritten()
  }
}

/// Writes the quantized graph node by node, each conversion next to what it converts.
private struct Rewriter {
  private var graph: Graph
  private let plan: QuantizationPlan
  private var activations: [ValueID: ActivationPlan] = [:]
  private var nodes: [Node] = []
  /// What later nodes read in place of a value.
  private var replacements: [ValueID: ValueID] = [:]
  private var constants: [ValueID: ValueID] = [:]
  private var levels: [String: (scale: ValueID, zeroPoint: ValueID)] = [:]
  private var weights: [WeightKey: ValueID] = [:]

  private struct WeightKey: Hashable {
    var value: ValueID
    var axis: Int
    var scales: [Float]
    var bits: WeightBits
  }

  init(_ graph: Graph, _ plan: QuantizationPlan) {
    self.graph = graph
    self.plan = plan
    let planned = Dictionary(plan.activations.map { ($0.value, $0) }) { first, _ in first }
    for node in graph.nodes {
      for case let id? in node.inputs + node.outputs {
        if let activation = planned[graph[id].name] { activations[id] = activation }
      }
    }
  }

  mutating func rewritten() throws(QuantizationError) -> Graph {
    for input in graph.inputs { try convert(input) }
    for (node, planned) in zip(graph.nodes, plan.nodes) {
      var node = node
      if case .integer(let form) = planned.treatment {
        try quantizeConstants(of: &node, form)
        if let weight = planned.weight { try quantizeWeights(of: &node, form, weight) }
      }
      for slot in node.inputs.indices { node.inputs[slot] = node.inputs[slot].map { replacements[$0] ?? $0 } }
      nodes.append(node)
      for case let output? in node.outputs { try convert(output) }
    }
    graph.nodes = nodes
    for slot in graph.outputs.indices { graph.outputs[slot] = replacements[graph.outputs[slot]] ?? graph.outputs[slot] }
    do {
      try graph.verify()
    } catch {
      throw .graph(error)
    }
    return graph
  }

  /// Puts a pair of conversions behind `value` if it is one to quantize.
  private mutating func convert(_ value: ValueID) throws(QuantizationError) {
    guard let activation = activations[value], !activation.isConstant, let shape = graph[value].info?.shape else {
      return
    }
    let name = graph[value].name
    let (scale, zeroPoint) = levels(of: activation)
    let quantized = graph.addValue(
      name: "\(name)_quantized", info: ValueInfo(dtype: activation.parameters.dtype, shape: shape))
    try append(
      QuantizeLinear.self, "\(name)_QuantizeLinear", inputs: [value, scale, zeroPoint], output: quantized)
    let isOutput = graph.outputs.contains(value) && !graph.inputs.contains(value)
    let suffix = isOutput ? "float" : "dequantized"
    let dequantized = graph.addValue(name: "\(name)_\(suffix)", info: ValueInfo(dtype: .float32, shape: shape))
    if isOutput {
      // The output keeps its name; what computes it takes the new one.
      let inner = graph[dequantized].name
      graph[dequantized].name = name
      graph[value].name = inner
    }
    try append(
      DequantizeLinear.self, "\(name)_DequantizeLinear", inputs: [quantized, scale, zeroPoint], output: dequantized)
    replacements[value] = dequantized
  }

  private mutating func levels(of activation: ActivationPlan) -> (scale: ValueID, zeroPoint: ValueID) {
    let owner = activation.sharesScaleWith ?? activation.value
    if let known = levels[owner] { return known }
    let parameters = activation.parameters
    let zeroPoint =
      parameters.dtype == .uint8
      ? Tensor(scalar: UInt8(parameters.zeroPoint)) : Tensor(scalar: Int8(parameters.zeroPoint))
    let pair = (
      graph.addConstant(name: "\(owner)_scale", Tensor(scalar: parameters.scale)),
      graph.addConstant(name: "\(owner)_zero_point", zeroPoint)
    )
    levels[owner] = pair
    return pair
  }

  /// Constant operands of additions and the like: 8-bit initializers, read through a conversion.
  private mutating func quantizeConstants(of node: inout Node, _ form: IntegerForm) throws(QuantizationError) {
    for slot in node.valueInputPositions(form) {
      guard let value = node.inputs[slot], let tensor = graph[value].constant, let activation = activations[value]
      else { continue }
      if constants[value] == nil {
        let (scale, zeroPoint) = levels(of: activation)
        let stored = IntegerParameters.quantize(tensor, activation.parameters)
        constants[value] = try dequantized(
          graph[value].name, stored, inputs: { [$0, scale, zeroPoint] }, axis: nil)
      }
      node.inputs[slot] = constants[value]
    }
  }

  private mutating func quantizeWeights(
    of node: inout Node, _ form: IntegerForm, _ plan: WeightPlan
  ) throws(QuantizationError) {
    guard case .accumulate(let weightInput, let axis) = form, let value = node.inputs[weightInput],
      let weight = graph[value].constant, plan.scales.count == weight.shape[axis],
      let input = node.valueInputPositions(form).first.flatMap({ node.inputs[$0] }), let data = activations[input]
    else { throw .planMismatch(node: node.name) }
    let key = WeightKey(value: value, axis: axis, scales: plan.scales, bits: plan.bits)
    if weights[key] == nil {
      let stored = IntegerParameters.quantize(weight, scales: plan.scales, axis: axis, bits: plan.bits)
      let channels = [plan.scales.count]
      let scale = graph.addConstant(name: "\(plan.value)_scale", Tensor(shape: channels, elements: plan.scales))
      let zeroPoint = graph.addConstant(name: "\(plan.value)_zero_point", Tensor(shape: channels, repeating: Int8(0)))
      weights[key] = try dequantized(plan.value, stored, inputs: { [$0, scale, zeroPoint] }, axis: axis)
    }
    node.inputs[weightInput] = weights[key]
    guard node.inputs.count > 2, let bias = node.inputs[2], let tensor = graph[bias].constant else { return }
    let values = tensor.floats
    let scales = values.indices.map { data.parameters.scale * plan.scales[$0 % plan.scales.count] }
    let stored = Tensor(shape: [values.count], elements: IntegerParameters.quantize(bias: values, scales: scales))
    let name = graph[bias].name
    let scale = graph.addConstant(name: "\(name)_scale", Tensor(shape: [values.count], elements: scales))
    node.inputs[2] = try dequantized(name, stored, inputs: { [$0, scale] }, axis: 0)
  }

  /// An initializer `<name>_quantized` and the conversion that reads it.
  private mutating func dequantized(
    _ name: String, _ stored: Tensor, inputs: (ValueID) -> [ValueID?], axis: Int?
  ) throws(QuantizationError) -> ValueID {
    let quantized = graph.addConstant(name: "\(name)_quantized", stored)
    let output = graph.addValue(name: "\(name)_dequantized", info: ValueInfo(dtype: .float32, shape: stored.shape))
    try append(
      DequantizeLinear.self, "\(name)_DequantizeLinear", inputs: inputs(quantized), output: output, axis: axis)
    return output
  }

  private mutating func append<Op: Operator>(
    _: Op.Type, _ name: String, inputs: [ValueID?], output: ValueID, axis: Int? = nil
  ) throws(QuantizationError) {
    let definition = NodeDefinition(
      opType: Op.kind.rawValue, attributes: axis.map { ["axis": .int($0)] } ?? [:], inputCount: inputs.count)
    do {
      nodes.append(Node(name: name, op: try Op(definition), inputs: inputs, outputs: [output]))
    } catch {
      throw .operatorRefused(node: name, error)
    }
  }
}
