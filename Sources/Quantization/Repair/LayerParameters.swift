import Graph
import HostTensors
import Operators

/// The parameters of one accumulating node.
struct LayerParameters {
  let index: Int
  let node: Node
  let plan: WeightPlan
  let weightValue: ValueID
  let weight: Tensor
  let biasValue: ValueID?
  let bias: Tensor?

  /// Errors: `.planMismatch` where the node's weight is not constant.
  init(_ index: Int, _ graph: Graph, _ plan: WeightPlan) throws(QuantizationError) {
    self.index = index
    self.plan = plan
    node = graph.nodes[index]
    guard node.inputs.count > 1, let value = node.inputs[1], let weight = graph[value].constant,
      plan.channelAxis < weight.rank, weight.shape[plan.channelAxis] == plan.scales.count
    else { throw .planMismatch(node: node.name) }
    weightValue = value
    self.weight = weight
    biasValue = node.inputs.count > 2 ? node.inputs[2] : nil
    bias = biasValue.flatMap { graph[$0].constant }
  }

  struct CorrectedBias {
    var value: ValueID
    var tensor: Tensor
    var greatestShift: Float
  }

  /// The bias less the mean, per channel, by which the quantized `sums` exceed the `floats`; nil where there is no
  /// bias of the layer's own, or where the new one would not fit beside the products.
  func correctedBias(
    _ sums: [Tensor], floats: [Tensor], _ plan: QuantizationPlan, _ consumers: [ValueID: [Int]]
  ) -> CorrectedBias? {
    guard let biasValue, let bias, consumers[biasValue]?.count == 1, let shape = sums.first?.shape else { return nil }
    // Channels are the second axis of convolutions and the last one of dense layers.
    let axis = node.kind == .gemm || node.kind == .matMul ? shape.count - 1 : 1
    guard axis < shape.count, shape[axis] == bias.count else { return nil }
    var means = [Double](repeating: 0, count: bias.count)
    let inner = shape[(axis + 1)...].reduce(1, *)
    for (sum, float) in zip(sums, floats) {
      sum.withElements(as: Float.self) { sum in
        float.withElements(as: Float.self) { float in
          for index in sum.indices { means[index / inner % bias.count] += Double(sum[index] - float[index]) }
        }
      }
    }
    let perChannel = Double(max(sums.reduce(0) { $0 + $1.count } / max(bias.count, 1), 1))
    let corrected = zip(bias.floats, means).map { Float(Double($0) - $1 / perChannel) }
    guard fits(corrected, plan) else { return nil }
    let shift = means.reduce(0) { max($0, ($1 / perChannel).magnitude) }
    return CorrectedBias(
      value: biasValue, tensor: Tensor(shape: bias.shape, elements: corrected), greatestShift: Float(shift))
  }

  private func fits(_ bias: [Float], _ plan: QuantizationPlan) -> Bool {
    guard let input = plan.nodes[index].inputs.first,
      let scale = plan.activations.first(where: { $0.value == input })?.parameters.scale
    else { return false }
    let limit = AccumulatorBound.biasLimit(products: weight.count / self.plan.scales.count)
    return bias.enumerated().allSatisfy { channel, value in
      let step = Double(scale * self.plan.scales[channel % self.plan.scales.count])
      return (Double(value) / step).magnitude.rounded() <= Double(limit)
    }
  }
}
