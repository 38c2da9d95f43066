import Graph
import HostTensors
import Operators
import TensorTypes

extension StaticQuantization {
  /// Decides for every node and value of `graph` what `apply` will do.
  ///
  /// Errors: `.alreadyQuantized`; `.notObserved` where the statistics are of another graph;
  /// `.nonFinite` where a value that must be quantized held NaN or infinity during calibration.
  public func plan(
    for graph: Graph, from statistics: CalibrationStatistics
  ) throws(QuantizationError) -> QuantizationPlan {
    try Self.requireFloat(graph)
    var rejected: [Int: FloatReason] = [:]
    // Each turn leaves at least one node more in float, so this ends.
    while true {
      var planner = Planner(graph, statistics, options, rejected: rejected)
      try planner.chooseActivations()
      let refusals = planner.chooseWeights()
      if refusals.isEmpty { return planner.finished() }
      rejected.merge(refusals) { _, new in new }
    }
  }
}

/// One attempt at a plan.
private struct Planner {
  let graph: Graph
  let statistics: CalibrationStatistics
  let options: QuantizationOptions
  let scope: IntegerScope
  var parameters: [ValueID: QuantizationParameters] = [:]
  var observed: [ValueID: ClosedRange<Float>] = [:]
  var weights: [Int: WeightPlan] = [:]
  var warnings: [PlanWarning] = []

  init(
    _ graph: Graph, _ statistics: CalibrationStatistics, _ options: QuantizationOptions, rejected: [Int: FloatReason]
  ) {
    self.graph = graph
    self.statistics = statistics
    self.options = options
    scope = IntegerScope(graph, options: options, rejected: rejected)
  }

  mutating func chooseActivations() throws(QuantizationError) {
    var ranges: [ValueID: ClosedRange<Float>] = [:]
    var bounds: [ValueID: Float] = [:]
    for value in scope.quantizedValues {
      let chosen = try range(of: value)
      guard let chosen else { continue }
      let shared = scope.sharing.representative(of: value)
      ranges[shared] = ranges[shared].map { $0.united(with: chosen) } ?? chosen
      if let bound = scope.clipUpperBounds[value] { bounds[shared] = min(bounds[shared] ?? bound, bound) }
    }
    for value in scope.quantizedValues {
      let shared = scope.sharing.representative(of: value)
      parameters[value] = QuantizationParameters(
        covering: ranges[shared] ?? 0...0, dtype: options.activationType.dtype, upperBound: bounds[shared])
    }
    for value in scope.quantizedValues { warnAbout(value) }
  }

  /// The range that `value` asks for; nil where it merely takes that of its source.
  private mutating func range(of value: ValueID) throws(QuantizationError) -> ClosedRange<Float>? {
    if let constant = graph[value].constant {
      let finite = constant.floats.filter(\.isFinite)
      let extremes = (finite.min() ?? 0)...(finite.max() ?? 0)
      observed[value] = extremes
      return extremes.united(with: 0...0)
    }
    guard let observer = statistics.observers[graph[value].name] else { throw .notObserved(value: graph[value].name) }
    try observer.requireFinite(graph[value].name)
    observed[value] = observer.minimum...observer.maximum
    guard scope.decidesRange(value) else { return nil }
    let range = observer.range(by: options.method)
    guard let useful = usefulRange(of: value) else { return range }
    return min(max(range.lowerBound, useful.lowerBound), 0)...max(min(range.upperBound, useful.upperBound), 0)
  }

  /// Where all that read `value` still answer to it; nil where one of them does everywhere.
  ///
  /// Beyond these bounds a sigmoid or a hyperbolic tangent is at its end to within a tenth of a step of 8 bits, so a
  /// value far outside would only make the step coarse where it counts.
  private func usefulRange(of value: ValueID) -> ClosedRange<Float>? {
    guard !graph.outputs.contains(value) else { return nil }
    var bound: Float = 0
    for node in graph.nodes where node.inputs.contains(value) {
      guard node.kind == .sigmoid || node.kind == .tanh else { return nil }
      bound = max(bound, node.kind == .sigmoid ? 8 : 4)
    }
    return bound > 0 ? -bound...bound : nil
  }

  private mutating func warnAbout(_ value: ValueID) {
    guard graph[value].constant == nil, let extremes = observed[value], let chosen = parameters[value] else { return }
    let name = graph[value].name
    if extremes == 0...0 {
      warnings.append(.allZero(value: name))
    } else if extremes.lowerBound == extremes.upperBound {
      warnings.append(.constantValue(value: name, extremes.lowerBound))
    } else if chosen.scale == QuantizationParameters.leastScale {
      warnings.append(.tinyRange(value: name))
    }
  }

  /// Scales of all weights; returns the nodes for which there are none, with the reason.
  mutating func chooseWeights() -> [Int: FloatReason] {
    var refusals: [Int: FloatReason] = [:]
    let rules = NodeRules(graph: graph, options: options, rejected: [:])
    for index in graph.nodes.indices {
      guard case .accumulate(let weightInput, let axis)? = scope.form(of: index) else { continue }
      let node = graph.nodes[index]
      guard let value = node.inputs[weightInput], let weight = graph[value].constant,
        let input = scope.operands(of: index).first.flatMap({ parameters[$0] }),
        let output = scope.quantizedOutputs(of: index).first.flatMap({ parameters[$0] })
      else { continue }
      let bias = node.inputs.count > 2 ? node.inputs[2] : nil
      let bits = rules.weightBits(of: node)
      let shared = weight.valuesToKeep(bits)
      var scales = WeightScales(
        magnitudes: WeightScales.magnitudes(weight, axis: axis), bits: bits, inputScale: input.scale,
        bias: bias.flatMap { graph[$0].constant?.floats }, storage: options.weightScales)
      if shared != nil { scales.unite() }
      // Of 255 levels the outermost cost little; of 15 it pays to clip.
      if bits != .eight { scales.minimizeError(of: weight, axis: axis, bits: bits, storage: options.weightScales) }
      let products = weight.count / weight.shape[axis]
      if let bias = bias.flatMap({ graph[$0].constant?.floats }) {
        let limit = AccumulatorBound.biasLimit(products: products)
        scales.fit(bias: bias, inputScale: input.scale, limit: limit, storage: options.weightScales)
        // With less than 30 bits left for the bias, fitting it would cost the weights their precision.
        if !scales.enlargedForBias.isEmpty && limit < 1 << 30 {
          refusals[index] = .accumulatorOverflow(products: products)
        }
      }
      let usable = scales.scales.allSatisfy { scale in
        let multiplier = requantizationMultiplier(input: input.scale, weight: scale, output: output.scale)
        return (input.scale * scale).isNormal && multiplier.isNormal
      }
      if !usable { refusals[index] = .multiplierOutOfRange }
      weights[index] = WeightPlan(
        value: graph[value].name, channelAxis: axis, bits: bits, range: weight.extremes, scales: scales.scales,
        sharedValues: shared, bias: bias.map { graph[$0].name }, enlargedForBias: scales.enlargedForBias,
        deadChannels: scales.deadChannels)
    }
    return refusals
  }

  func finished() -> QuantizationPlan {
    QuantizationPlan(
      method: options.method, sampleCount: statistics.sampleCount, nodes: graph.nodes.indices.map(nodePlan),
      activations: scope.quantizedValues.compactMap(activationPlan), warnings: allWarnings())
  }

  private func nodePlan(_ index: Int) -> NodePlan {
    let node = graph.nodes[index]
    return NodePlan(
      name: node.name, kind: node.kind, treatment: scope.treatments[index],
      inputs: scope.operands(of: index).map { graph[$0].name },
      outputs: scope.quantizedOutputs(of: index).map { graph[$0].name }, weight: weights[index])
  }

  private func activationPlan(_ value: ValueID) -> ActivationPlan? {
    guard let chosen = parameters[value], let extremes = observed[value] else { return nil }
    let shared = scope.sharing.representative(of: value)
    return ActivationPlan(
      value: graph[value].name, parameters: chosen, observed: extremes,
      sharesScaleWith: shared == value ? nil : graph[shared].name, isConstant: graph[value].constant != nil)
  }

  private func allWarnings() -> [PlanWarning] {
    var all = warnings
    for index in graph.nodes.indices {
      guard let weight = weights[index] else { continue }
      let name = graph.nodes[index].name
      if !weight.deadChannels.isEmpty { all.append(.deadChannels(node: name, count: weight.deadChannels.count)) }
      if !weight.enlargedForBias.isEmpty {
        all.append(.enlargedForBias(node: name, count: weight.enlargedForBias.count))
      }
    }
    let quantized = Set(scope.quantizedValues.map { graph[$0].name })
    for (name, observer) in statistics.observers.sorted(by: { $0.key < $1.key }) where !quantized.contains(name) {
      guard let sample = observer.firstNonFiniteSample else { continue }
      all.append(
        .nonFinite(
          value: name, sample: sample, nanCount: observer.nanCount, infiniteCount: observer.infiniteCount))
    }
    let rules = NodeRules(graph: graph, options: options, rejected: [:])
    for text in options.keepFloat + options.layerBits.map(\.pattern)
    where !graph.nodes.contains(where: { rules.matches(NamePattern(text), $0) }) {
      all.append(.patternMatchesNothing(text))
    }
    if scope.quantizedValues.isEmpty { all.append(.nothingToQuantize) }
    return all
  }
}

extension ClosedRange<Float> {
  fileprivate func united(with other: Self) -> Self {
    Swift.min(lowerBound, other.lowerBound)...Swift.max(upperBound, other.upperBound)
  }
}

extension Tensor {
  /// Least and greatest element of a float32 tensor; zeros for an empty one.
  fileprivate var extremes: ClosedRange<Float> {
    withElements(as: Float.self) { ($0.min() ?? 0)...($0.max() ?? 0) }
  }
}
