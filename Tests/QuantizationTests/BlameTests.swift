import Graph
import HostTensors
import Operators
import Quantization
import TensorTypes
import Testing

/// Faults are put into one layer of a network, and must be found there under their name.
@Suite struct BlameTests {
  private struct Network {
    var graph: Graph
    var samples: [[Tensor]]
  }

  private func network(seed: UInt64) throws -> Network {
    var random = SplitMix64(seed: seed)
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 3, 6, 6])
    let first = try sketch.conv(x, "first", channels: (3, 8), kernel: 3, random: &random)
    let hidden = try sketch.node(Relu.self, [first], "hidden")
    let second = try sketch.conv(hidden, "second", channels: (8, 8), random: &random)
    let rectified = try sketch.node(Relu.self, [second], "rectified")
    let flat = try sketch.node(Flatten.self, [rectified], "flat")
    let weight = sketch.constant("dense_w", random.tensor([128, 5], scale: 0.3))
    let bias = sketch.constant("dense_b", random.tensor([5], scale: 0.1))
    let scores = try sketch.node(Gemm.self, [flat, weight, bias], "dense")
    sketch.graph.outputs = [try sketch.node(Softmax.self, [scores], "probabilities")]
    return Network(graph: sketch.graph, samples: (0..<12).map { _ in [random.tensor([1, 3, 6, 6])] })
  }

  private func plan(_ network: Network, _ options: QuantizationOptions = .init()) throws -> QuantizationPlan {
    let pass = StaticQuantization(options)
    return try pass.plan(for: network.graph, from: pass.collect(from: network.graph, over: network.samples))
  }

  private func blame(_ network: Network, _ plan: QuantizationPlan) throws -> BlameReport {
    try Blame(float: network.graph, compressed: StaticQuantization().apply(plan, to: network.graph))
      .report(over: network.samples)
  }

  private func layer(_ report: BlameReport, _ name: String) throws -> BlameReport.Layer {
    try #require(report.layers.first { $0.name == name })
  }

  private func scaled(_ graph: inout Graph, _ node: Int, by factor: (Int) -> Float) throws {
    let id = try #require(graph.nodes[node].inputs[1])
    let weight = try #require(graph[id].constant)
    graph[id].info = ValueInfo(
      Tensor(shape: weight.shape, elements: weight.floats.enumerated().map { $1 * factor($0) }))
  }

  @Test func aNetworkBlamesNothingOnItself() throws {
    let network = try network(seed: 91)
    let report = try Blame(float: network.graph, compressed: network.graph).report(over: network.samples)
    #expect(report.total == nil && report.changedDecisions == 0 && report.samples == 12)
    #expect(report.layers.allSatisfy { $0.cause == .nothing && $0.alone == nil && $0.repairs.isEmpty })
  }

  @Test func theNarrowLayerIsToBeRepairedFirst() throws {
    let network = try network(seed: 92)
    let report = try blame(
      network, try plan(network, .init(layerBits: [.init(pattern: "second", bits: .four)])))
    #expect(report.layers.map(\.name)[0] == "second")
    let narrow = report.layers[0]
    #expect(narrow.cause == .coarseWeights(bits: 4) && narrow.bits == 4 && narrow.repairs.first == "--adaround")
    #expect(report.unmatched.isEmpty)
    let (alone, total) = (try #require(narrow.alone), try #require(report.total))
    #expect(abs(alone - total) < 2, "one layer makes nearly all of the error")
    // What comes after the narrow layer is worse than what comes before.
    #expect(try #require(layer(report, "first").accumulated) > 10 + #require(layer(report, "dense").accumulated))
  }

  @Test func anOutlierChannelIsNamedWithItsRatio() throws {
    var network = try network(seed: 93)
    try scaled(&network.graph, 0) { $0 / 27 == 5 ? 60 : 1 }
    let cause = try layer(blame(network, plan(network)), "first").cause
    guard case .outlierChannel(let index, let ratio) = cause else {
      Issue.record("found \(cause)")
      return
    }
    #expect(index == 5 && ratio > 20 && ratio < 150)
  }

  @Test func anOutlierWeightIsNamedWithItsChannel() throws {
    var network = try network(seed: 94)
    let id = try #require(network.graph.nodes[0].inputs[1])
    var weights = try #require(network.graph[id].constant).floats
    weights[3 * 27 + 4] = 4
    network.graph[id].info = ValueInfo(Tensor(shape: [8, 3, 3, 3], elements: weights))
    let plan = try plan(network, .init(method: .minMax, layerBits: [.init(pattern: "first", bits: .six)]))
    let cause = try layer(blame(network, plan), "first").cause
    guard case .outlierWeight(let channel, let ratio) = cause else {
      Issue.record("found \(cause)")
      return
    }
    #expect(channel == 3 && ratio > 8)
  }

  @Test func aDeadChannelIsNamed() throws {
    let network = try network(seed: 95)
    var plan = try plan(network)
    // A step far above the channel's weights rounds them all to zero.
    plan.nodes[2].weight?.scales[6] = 100
    #expect(try layer(blame(network, plan), "second").cause == .deadChannels([6]))
  }

  @Test func aClippedRangeIsNamedWithItsShare() throws {
    let network = try network(seed: 96)
    var plan = try plan(network)
    let index = try #require(plan.activations.firstIndex { $0.value == "hidden" })
    plan.activations[index].parameters.scale /= 4
    let found = try layer(blame(network, plan), "first")
    guard case .clippedRange(let share) = found.cause else {
      Issue.record("found \(found.cause)")
      return
    }
    #expect(share > 0.001 && share < 0.5 && found.repairs.first == "--method minmax")
  }

  @Test func prunedAndSharedWeightsAreNamed() throws {
    let network = try network(seed: 97)
    var compressed = network.graph
    let dense = try #require(compressed.nodes[5].inputs[1])
    let weights = try #require(compressed[dense].constant).floats
    compressed[dense].info = ValueInfo(
      Tensor(shape: [128, 5], elements: weights.enumerated().map { $0 % 4 == 0 ? 0 : $1 }))
    var report = try Blame(float: network.graph, compressed: compressed).report(over: network.samples)
    #expect(try layer(report, "dense").cause == .pruned(share: 0.25))
    #expect(report.layers[0].name == "dense" && report.layers[0].bits == nil)
    compressed[dense].info = ValueInfo(Tensor(shape: [128, 5], elements: weights.map { $0 < 0 ? Float(-0.3) : 0.3 }))
    report = try Blame(float: network.graph, compressed: compressed).report(over: network.samples)
    #expect(try layer(report, "dense").cause == .sharedValues(count: 2))
  }

  @Test func scoresOfAnotherShapeAreRefused() throws {
    let network = try network(seed: 99)
    var shorter = network.graph
    shorter.outputs = [try #require(shorter.nodes[4].outputs[0])]
    #expect(throws: QuantizationError.self) {
      try Blame(float: network.graph, compressed: shorter).report(over: network.samples)
    }
  }

  @Test func layersOfOtherShapesAreNotCompared() throws {
    let network = try network(seed: 98)
    var other = network.graph
    other.nodes[0].name = "renamed"
    let report = try Blame(float: network.graph, compressed: other).report(over: network.samples)
    #expect(report.unmatched == ["first"])
    #expect(throws: QuantizationError.self) {
      try Blame(float: network.graph, compressed: other).report(over: [])
    }
  }
}
