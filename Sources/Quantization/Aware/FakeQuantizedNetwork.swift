import Graph
import HostTensors
import Operators
import TensorTypes
import Training

/// A float network that computes as its quantized self will, with steps that training learns.
///
/// Behind every 8-bit value and every weight stands a QuantizeLinear/DequantizeLinear pair, through which gradients
/// pass straight (LSQ: Esser et al., "Learned Step Size Quantization", 2020, arXiv:1902.08153). Each scale is the
/// planned one times a trained factor that begins at 1, so that one learning rate suits steps of any size. Weights
/// are clipped to their levels by Min and Max first, since int8 has more of them than a narrow weight. Zero points
/// stay, and zero is exact: a weight of 0 remains 0. Outputs of the network are not rounded in training, and biases
/// nowhere, whose int32 steps are finer than any level.
public struct FakeQuantizedNetwork {
  /// A factor of one or several scales, or one for all of them.
  struct Step {
    var factor: ValueID
    /// The planned scales.
    var scales: [Float]
    /// LSQ's gradient scale, 1 / sqrt(elements x greatest level).
    var gradientScale: Float
  }

  public private(set) var graph: Graph
  /// The factors, to be trained beside the parameters of the network.
  public private(set) var factors: [GraphParameter] = []
  /// The float network, whose parameters are trained.
  public let base: Graph
  let plan: QuantizationPlan
  /// By the value that owns the scale.
  private(set) var activationSteps: [String: Step] = [:]
  /// By the index of the layer's node.
  private(set) var weightSteps: [Int: Step] = [:]
  private var scales: [String: (scale: ValueID, zeroPoint: ValueID)] = [:]

  /// Puts this network in place of the float one, for which `recipe` was prepared.
  public func substitute(in recipe: inout PreparedRecipe) {
    recipe.graph = graph
    recipe.trained += factors
    // What was planned is not in the recipe: a checkpoint of other widths or scales must not be taken.
    recipe.fingerprint += plan.activations.map { " \($0.parameters.scale)@\($0.parameters.zeroPoint)" }.joined()
    for weight in plan.nodes.compactMap(\.weight) {
      recipe.fingerprint += " \(weight.bits.rawValue):\(weight.scales.map { "\($0)" }.joined(separator: ","))"
    }
  }

  /// `base` is a training form, and `plan` was made for it.
  ///
  /// Errors: `.planMismatch`, `.graph`, `.operatorRefused`.
  public init(_ base: Graph, _ plan: QuantizationPlan) throws(QuantizationError) {
    try plan.requireFit(to: base)
    self.base = base
    self.plan = plan
    graph = base
    let planned = Dictionary(plan.activations.map { ($0.value, $0) }) { first, _ in first }
    // Outputs stay as they are: the loss looks for what computes them.
    var values: [ValueID] = []
    var seen = Set(base.outputs)
    for case let id? in base.nodes.flatMap({ $0.inputs + $0.outputs })
    where planned[base[id].name] != nil && seen.insert(id).inserted { values.append(id) }
    for value in values { if let activation = planned[base[value].name] { try round(value, activation) } }
    for (index, node) in plan.nodes.enumerated() { if let weight = node.weight { try roundWeight(index, weight) } }
    do throws(GraphError) {
      try graph.sortTopologically()
      try graph.inferShapes()
    } catch { throw .graph(error) }
  }

  /// Makes every reader of `value` read it rounded.
  private mutating func round(_ value: ValueID, _ activation: ActivationPlan) throws(QuantizationError) {
    let name = graph[value].name
    let readers = graph.nodes.indices.filter { graph.nodes[$0].inputs.contains(value) }
    let (scale, zeroPoint) = try scale(of: activation, elements: graph[value].info?.shape.elementCount ?? 1)
    let rounded = try pair(value, [scale, zeroPoint], name: name, axis: nil)
    for index in readers {
      // A weight or a bias has levels of its own.
      for slot in graph.nodes[index].valueSlots(plan.nodes[index].treatment)
      where graph.nodes[index].inputs[slot] == value { graph.nodes[index].inputs[slot] = rounded }
    }
  }

  private mutating func scale(
    of activation: ActivationPlan, elements: Int
  ) throws(QuantizationError) -> (scale: ValueID, zeroPoint: ValueID) {
    let owner = activation.sharesScaleWith ?? activation.value
    if let known = scales[owner] { return known }
    let parameters = activation.parameters
    let step = addStep(
      [parameters.scale], shape: [], name: owner, elements: elements, greatestLevel: 255, factorShape: [])
    activationSteps[owner] = step.step
    let zeroPoint =
      parameters.dtype == .uint8
      ? Tensor(scalar: UInt8(parameters.zeroPoint)) : Tensor(scalar: Int8(parameters.zeroPoint))
    let pair = (
      try append(Mul.self, [step.planned, step.step.factor], "\(owner)_learned_scale"),
      graph.addConstant(name: "\(owner)_zero_point", zeroPoint)
    )
    scales[owner] = pair
    return pair
  }

  private mutating func roundWeight(_ index: Int, _ weight: WeightPlan) throws(QuantizationError) {
    let node = graph.nodes[index]
    guard node.inputs.count > 1, let value = node.inputs[1], let tensor = graph[value].constant,
      weight.channelAxis < tensor.rank, tensor.shape[weight.channelAxis] == weight.scales.count
    else { throw .planMismatch(node: node.name) }
    let name = "\(weight.value)_of_\(node.name)"
    let channels = weight.scales.count
    // Broadcast along the channels for clipping, a list for the conversions.
    var spread = [Int](repeating: 1, count: tensor.rank)
    spread[weight.channelAxis] = channels
    // One scale for all channels has one factor, and remains one.
    let isOne = weight.sharedValues != nil
    let (step, planned) = addStep(
      weight.scales, shape: spread, name: name, elements: tensor.count / (isOne ? 1 : max(channels, 1)),
      greatestLevel: weight.bits.greatestLevel,
      factorShape: isOne ? [Int](repeating: 1, count: tensor.rank) : spread)
    weightSteps[index] = step
    let wide = try append(Mul.self, [planned, step.factor], "\(name)_learned_scale")
    let greatest = graph.addConstant(
      name: "\(name)_greatest_level", Tensor(scalar: Float(weight.bits.greatestLevel)))
    let upper = try append(Mul.self, [wide, greatest], "\(name)_upper")
    let lower = try append(Neg.self, [upper], "\(name)_lower")
    let bounded = try append(Min.self, [value, upper], "\(name)_below")
    let clipped = try append(Max.self, [bounded, lower], "\(name)_clipped")
    let extents = graph.addConstant(name: "\(name)_channels", Tensor(shape: [1], elements: [Int64(channels)]))
    let scale = try append(Reshape.self, [wide, extents], "\(name)_scale")
    let zeroPoint = graph.addConstant(name: "\(name)_zero_point", Tensor(shape: [channels], repeating: Int8(0)))
    graph.nodes[index].inputs[1] = try pair(clipped, [scale, zeroPoint], name: name, axis: weight.channelAxis)
  }

  /// The planned scales, of `shape`, and their trained factors, of the same or one for all.
  private mutating func addStep(
    _ scales: [Float], shape: [Int], name: String, elements: Int, greatestLevel: Int, factorShape: [Int]
  ) -> (step: Step, planned: ValueID) {
    let factor = graph.addConstant(name: "\(name)_scale_factor", Tensor(shape: factorShape, repeating: Float(1)))
    factors.append(GraphParameter(value: factor, shape: factorShape, isDecayed: false))
    let gradientScale = 1 / (Float(max(elements, 1)) * Float(greatestLevel)).squareRoot()
    let planned = graph.addConstant(name: "\(name)_planned_scale", Tensor(shape: shape, elements: scales))
    return (Step(factor: factor, scales: scales, gradientScale: gradientScale), planned)
  }

  /// `value` rounded to levels and back.
  private mutating func pair(
    _ value: ValueID, _ parameters: [ValueID], name: String, axis: Int?
  ) throws(QuantizationError) -> ValueID {
    let attributes: [String: AttributeValue] = axis.map { ["axis": .int($0)] } ?? [:]
    let levels = try append(QuantizeLinear.self, [value] + parameters, "\(name)_levels", attributes)
    return try append(DequantizeLinear.self, [levels] + parameters, "\(name)_rounded", attributes)
  }

  private mutating func append<Op: Operator>(
    _: Op.Type, _ inputs: [ValueID], _ output: String, _ attributes: [String: AttributeValue] = [:]
  ) throws(QuantizationError) -> ValueID {
    let definition = NodeDefinition(
      opType: Op.kind.rawValue, attributes: attributes, inputCount: inputs.count)
    let op: Op
    do throws(OperatorError) { op = try Op(definition) } catch { throw .operatorRefused(node: output, error) }
    do throws(GraphError) {
      return try graph.append(op, name: output, inputs: inputs, output: output)
    } catch { throw .graph(error) }
  }
}

extension Node {
  /// The inputs that carry values, weights and biases left out.
  fileprivate func valueSlots(_ treatment: NodeTreatment) -> [Int] {
    if case .integer(let form) = treatment { return valueInputPositions(form) }
    return Array(inputs.indices)
  }
}
