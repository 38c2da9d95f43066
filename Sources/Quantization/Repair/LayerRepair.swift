import Graph
import HostTensors
import Operators

/// Repairs what quantization does to a network, from calibration samples without labels.
///
/// It walks the layers in order. Each weight may be rounded adaptively (`AdaptiveRounding`), and each bias may be
/// corrected by the mean difference of the layer's sums from float ones, channel by channel (Nagel, van Baalen,
/// Blankevoort and Welling, "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019,
/// arXiv:1906.04721, section 4.2, the empirical form). The result is a float graph whose weights
/// lie on the levels of the plan: `StaticQuantization.apply` with the same plan keeps them as they are.
public struct LayerRepair: Sendable {
  /// nil where weights are rounded to the nearest level.
  public var rounding: AdaptiveRounding?
  public var correctsBiases: Bool

  public init(rounding: AdaptiveRounding?, correctsBiases: Bool) {
    self.rounding = rounding
    self.correctsBiases = correctsBiases
  }

  /// `graph` with repaired weights and biases, for `plan`, which was made for it.
  ///
  /// Each of `samples` holds one tensor per graph input; all of them are held at once, with what is alive between two
  /// layers. `progress` is told the layers done and their number.
  /// Errors: `.planMismatch`, `.noSamples`, `.graph`.
  public func apply(
    _ plan: QuantizationPlan, to graph: Graph, samples: [[Tensor]], progress: (Int, Int) -> Void = { _, _ in }
  ) throws(QuantizationError) -> (graph: Graph, report: RepairReport) {
    var evaluation = try PairedEvaluation(graph, plan, samples: samples)
    var repaired = graph
    var report = RepairReport()
    let consumers = graph.consumers()
    let layerCount = plan.nodes.count { $0.weight != nil }
    for index in graph.nodes.indices {
      let outputs = try evaluation.runFloat(index)
      if let weight = plan.nodes[index].weight {
        let layer = try LayerParameters(index, graph, weight)
        let saturation = plan.fusedSaturation(after: index, in: graph, consumers)
        let repair = try repair(layer, evaluation, saturation, outputs, isShared: { consumers[$0]?.count ?? 0 > 1 })
        var parameters = [1: repair.weight]
        let sums = try evaluation.runQuantized(index, parameters: parameters)
        var entry = repair.entry
        if correctsBiases, let bias = layer.correctedBias(sums, floats: outputs, plan, consumers) {
          repaired[bias.value].info = ValueInfo(bias.tensor)
          parameters[2] = bias.tensor
          entry.correctedBias = bias.greatestShift
          try evaluation.runQuantized(index, parameters: parameters)
        }
        if repair.isAdaptive { repaired[layer.weightValue].info = ValueInfo(repair.weight) }
        report.layers.append(entry)
        progress(report.layers.count, layerCount)
      } else {
        try evaluation.runQuantized(index)
      }
      evaluation.finish(index)
    }
    return (repaired, report)
  }

  private struct Repair {
    var weight: Tensor
    var isAdaptive = false
    var entry: RepairReport.Layer
  }

  private func repair(
    _ layer: LayerParameters, _ evaluation: PairedEvaluation, _ saturation: Saturation?, _ outputs: [Tensor],
    isShared: (ValueID) -> Bool
  ) throws(QuantizationError) -> Repair {
    let nearest = layer.weight.rounded(to: layer.plan)
    var entry = RepairReport.Layer(node: layer.node.name, bits: layer.plan.bits)
    guard let rounding, let inputs = evaluation.quantizedInputs(layer.index, slot: 0) else {
      return Repair(weight: nearest, entry: entry)
    }
    guard layer.plan.sharedValues == nil else {
      entry.keptNearest = "weights share values, which rounding one by one would part"
      return Repair(weight: nearest, entry: entry)
    }
    guard !isShared(layer.weightValue), inputs.allSatisfy({ $0.shape == inputs[0].shape && $0.rank >= 2 }),
      case .flows(let rule) = layer.node.op.differentiation(evaluation.graph.inputInfos(of: layer.node))
    else {
      entry.keptNearest = isShared(layer.weightValue) ? "other layers read the weight too" : "samples cannot be stacked"
      return Repair(weight: nearest, entry: entry)
    }
    let rounded = RoundedLayer(
      op: layer.node.op, rule: rule, weight: layer.weight, plan: layer.plan, bias: layer.bias, saturation: saturation,
      inputs: inputs, targets: saturation.map { saturation in outputs.map { $0.saturated(saturation) } } ?? outputs)
    do throws(OperatorError) {
      entry.nearestError = try rounded.error(of: nearest)
      guard let chosen = try rounding.weight(for: rounded, stream: UInt64(layer.index)) else {
        entry.keptNearest = "nearest rounding is as good"
        entry.error = entry.nearestError
        return Repair(weight: nearest, entry: entry)
      }
      entry.error = try rounded.error(of: chosen)
      entry.changedWeights = zip(chosen.floats, nearest.floats).count { $0 != $1 }
      return Repair(weight: chosen, isAdaptive: true, entry: entry)
    } catch { throw .graph(.operatorFailed(node: layer.node.name, kind: layer.node.kind, error)) }
  }
}

/// What repair did, layer by layer.
public struct RepairReport: Codable, Sendable {
  public struct Layer: Codable, Sendable {
    public var node: String
    public var bits: WeightBits
    /// Squared error of the layer's outputs, summed over elements and averaged over samples, its inputs being
    /// quantized: with nearest rounding, and with what was chosen. nil where rounding was left as it is.
    public var nearestError: Double?
    public var error: Double?
    /// Weights that are not at their nearest level.
    public var changedWeights = 0
    /// Why adaptive rounding left the layer alone.
    public var keptNearest: String?
    /// The greatest change of a bias, in real units; nil where biases were left alone.
    public var correctedBias: Float?
  }

  public internal(set) var layers: [Layer] = []
}
