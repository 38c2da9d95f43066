import Graph
import HostTensors
import Operators
import TensorTypes
import Training

extension ChannelPruning {
  /// The importance of every channel by the weights alone; nil where the criterion has nothing to judge by.
  func weightImportance(of group: ChannelGroup, in graph: Graph) throws(ChannelPruningError) -> [Double]? {
    switch options.criterion {
    case .l1: sums(of: group) { $0.isWeight ? graph.sums(along: $0.axis) { abs($0) } : nil }
    case .l2:
      sums(of: group) { $0.isWeight ? graph.sums(along: $0.axis) { $0 * $0 } : nil }.map { $0.squareRoot() }
    case .batchNormScale: scaleImportance(of: group, in: graph)
    case .taylor: throw .noGradients
    }
  }

  private func scaleImportance(of group: ChannelGroup, in graph: Graph) -> [Double]? {
    let scales = Set(graph.nodes.filter { $0.kind == .batchNormalization }.compactMap { $0.inputs[1] })
    guard group.members.contains(where: { scales.contains($0.axis.value) }) else { return nil }
    return sums(of: group) { scales.contains($0.axis.value) ? graph.sums(along: $0.axis) { abs($0) } : nil }
  }
}

/// By channel, the sum over members of what `along` gives for the channel's indices; nil leaves a member out.
private func sums(of group: ChannelGroup, _ along: (ChannelMember) -> [Double]?) -> [Double] {
  var totals = [Double](repeating: 0, count: group.count)
  for member in group.members {
    guard let sums = along(member) else { continue }
    for (channel, indices) in member.indices.enumerated() {
      for index in indices { totals[channel] += sums[index] }
    }
  }
  return totals
}

/// What the loss loses or gains, to first order, when channels no longer contribute.
struct FirstOrderEffects {
  private let graph: Graph
  private let gradients: [ValueID: Tensor]

  init(_ graph: Graph, gradients: [ValueID: Tensor]) { (self.graph, self.gradients) = (graph, gradients) }

  /// By channel, the sum of w * dL/dw over the weights that read it: by Euler's theorem that is the sum of y * dL/dy
  /// over the channel itself. Where no weight reads it directly, over the weights that make it.
  func effects(of group: ChannelGroup) -> [Double] {
    let readers = group.members.contains { $0.isWeight && $0.isMixed && gradients[$0.axis.value] != nil }
    return sums(of: group) { member in
      guard member.isWeight, member.isMixed || !readers, let gradient = gradients[member.axis.value] else { return nil }
      return graph.sums(along: member.axis, times: gradient)
    }
  }
}

extension Graph {
  /// For each index of an axis of a constant, the sum of `term` over its elements.
  fileprivate func sums(along axis: ValueAxis, _ term: (Double) -> Double) -> [Double] {
    guard let constant = self[axis.value].constant else { return [] }
    let floats = constant.floats
    return axis.sums(constant.shape) { term(Double(floats[$0])) }
  }

  fileprivate func sums(along axis: ValueAxis, times gradient: Tensor) -> [Double] {
    guard let constant = self[axis.value].constant else { return [] }
    let (weights, slopes) = (constant.floats, gradient.floats)
    return axis.sums(constant.shape) { Double(weights[$0]) * Double(slopes[$0]) }
  }
}

extension ValueAxis {
  /// For each index along the axis, the sum of `term` over the elements of a tensor of `shape` there.
  fileprivate func sums(_ shape: [Int], _ term: (Int) -> Double) -> [Double] {
    let inner = shape[(axis + 1)...].reduce(1, *)
    var sums = [Double](repeating: 0, count: shape[axis])
    for element in 0..<shape.elementCount { sums[element / inner % shape[axis]] += term(element) }
    return sums
  }
}

extension Graph {
  /// The loss's gradients by the graph's parameters on one batch, by Training's tape.
  ///
  /// `inputs` are in the order of `self.inputs`; `lossGradient` gives the loss's gradient by each of `observed`, which
  /// are the graph's outputs unless given.
  /// Errors: those of the tape; what `lossGradient` throws.
  public func parameterGradients(
    _ inputs: [Tensor], of observed: [ValueID]? = nil, seed: UInt64 = 0,
    lossGradient: (_ observed: [Tensor]) throws -> [Tensor?]
  ) throws -> [ValueID: Tensor] {
    let parameters = parameters()
    let store = ParameterStore(self, parameters: parameters)
    let tape = Tape(self, outputs: observed ?? outputs, trained: Set(parameters.map(\.value)))
    let recording = try tape.forward(inputs, store: store, seed: seed)
    let upstream = try lossGradient(recording.outputs)
    try tape.backward(recording, outputGradients: upstream, store: store)
    var gradients: [ValueID: Tensor] = [:]
    for slice in store.slices {
      let elements = Array(UnsafeBufferPointer(rebasing: store.gradients[slice.range]))
      gradients[slice.value] = Tensor(shape: slice.shape, elements: elements)
    }
    return gradients
  }
}
