import Graph
import HostTensors
import Operators
import TensorTypes

extension FakeQuantizedNetwork {
  /// The float network and the plan that training ended with: `StaticQuantization.apply` writes them as integers.
  ///
  /// `trained` is `graph` with its constants as training left them. Weights are moved to their levels, at scales that
  /// are stored as `storage` says: rounding a scale changes no level.
  public func finished(
    _ trained: Graph, storage: QuantizationOptions.WeightScales
  ) -> (graph: Graph, plan: QuantizationPlan) {
    var network = base
    var plan = plan
    for id in base.liveConstants() { network[id].info = trained[id].info }
    for index in plan.activations.indices {
      let owner = plan.activations[index].sharesScaleWith ?? plan.activations[index].value
      guard let step = activationSteps[owner] else { continue }
      plan.activations[index].parameters.scale = learned(step, trained)[0]
    }
    bound(&plan)
    for (index, step) in weightSteps.sorted(by: { $0.key < $1.key }) {
      guard var weight = plan.nodes[index].weight, let value = base.nodes[index].inputs[1],
        let tensor = trained[value].constant
      else { continue }
      weight.scales = learned(step, trained)
      let levels = IntegerParameters.quantize(
        tensor, scales: weight.scales, axis: weight.channelAxis, bits: weight.bits)
      weight.scales = weight.scales.map { storage == .bfloat16 ? $0.nearestBFloat16 : $0 }
      let extremes = tensor.floats
      weight.range = (extremes.min() ?? 0)...(extremes.max() ?? 0)
      network[value].info = ValueInfo(levels.dequantized(scales: weight.scales, axis: weight.channelAxis))
      plan.nodes[index].weight = weight
    }
    return (network, plan)
  }

  private func learned(_ step: Step, _ trained: Graph) -> [Float] {
    guard let factors = trained[step.factor].constant?.floats else { return step.scales }
    return step.scales.enumerated().map { index, scale in
      max(scale * factors[index % factors.count], QuantizationParameters.leastScale)
    }
  }

  /// Where saturation does the work of a Clip, the greatest level must not exceed its bound.
  private func bound(_ plan: inout QuantizationPlan) {
    for (node, planned) in zip(base.nodes, plan.nodes) {
      guard case .fused = planned.treatment, let upper = node.saturation(in: base)?.upper,
        let output = node.outputs.first.flatMap({ $0 }).map({ base[$0].name }),
        let bounded = plan.activations.first(where: { $0.value == output })
      else { continue }
      var parameters = bounded.parameters
      let levels = Float(parameters.range.upperBound - parameters.zeroPoint)
      parameters.scale = min(parameters.scale, upper / levels)
      while parameters.dequantize(parameters.range.upperBound) > upper { parameters.scale = parameters.scale.nextDown }
      let owner = bounded.sharesScaleWith ?? bounded.value
      for index in plan.activations.indices
      where (plan.activations[index].sharesScaleWith ?? plan.activations[index].value) == owner {
        plan.activations[index].parameters.scale = parameters.scale
      }
    }
  }
}

extension Float {
  /// The nearest number of eight significant bits.
  fileprivate var nearestBFloat16: Float {
    Float(bitPattern: (bitPattern &+ 0x7FFF &+ (bitPattern >> 16 & 1)) & 0xFFFF_0000)
  }
}

extension Tensor {
  /// int8 levels times the scale of their channel.
  func dequantized(scales: [Float], axis: Int) -> Tensor {
    let inner = shape[(axis + 1)...].reduce(1, *)
    return withElements(as: Int8.self) { levels in
      Tensor(shape: shape, of: Float.self) { (target: UnsafeMutableBufferPointer<Float>) in
        for index in levels.indices { target[index] = Float(levels[index]) * scales[index / inner % scales.count] }
      }
    }
  }
}
