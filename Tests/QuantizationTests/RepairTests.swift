import Graph
import HostTensors
import Operators
import Quantization
import TensorTypes
import Testing

@Suite struct RepairTests {
  private struct Network {
    var graph: Graph
    var samples: [[Tensor]]
    var pass: StaticQuantization
    var plan: QuantizationPlan
  }

  /// A convolution, a depthwise one and a dense layer.
  private func graph(seed: UInt64) throws -> (graph: Graph, samples: [[Tensor]]) {
    var random = SplitMix64(seed: seed)
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 3, 6, 6])
    let first = try sketch.conv(x, "first", channels: (3, 8), kernel: 3, random: &random)
    let hidden = try sketch.node(Relu.self, [first], "hidden")
    let kernel = sketch.constant("depthwise_w", random.tensor([8, 1, 3, 3], scale: 0.4))
    let shift = sketch.constant("depthwise_b", random.tensor([8], scale: 0.1))
    let depthwise = try sketch.node(Conv.self, [hidden, kernel, shift], "depthwise", ["group": .int(8)])
    let pooled = try sketch.node(Relu.self, [depthwise], "pooled")
    let flat = try sketch.node(Flatten.self, [pooled], "flat")
    let weight = sketch.constant("dense_w", random.tensor([32, 5], scale: 0.3))
    let bias = sketch.constant("dense_b", random.tensor([5], scale: 0.1))
    sketch.graph.outputs = [try sketch.node(Gemm.self, [flat, weight, bias], "dense")]
    return (sketch.graph, (0..<40).map { _ in [smooth(&random)] })
  }

  /// Neighbours are alike, as in an image: of independent inputs the nearest level is the best.
  private func smooth(_ random: inout SplitMix64) -> Tensor {
    let planes = random.normals(3)
    return Tensor(shape: [1, 3, 6, 6], elements: (0..<108).map { planes[$0 / 36] + 0.3 * random.normal() })
  }

  private func planned(seed: UInt64, bits: WeightBits = .four) throws -> Network {
    let (graph, samples) = try graph(seed: seed)
    let pass = StaticQuantization(QuantizationOptions(weightBits: bits))
    let plan = try pass.plan(for: graph, from: pass.collect(from: graph, over: samples))
    return Network(graph: graph, samples: samples, pass: pass, plan: plan)
  }

  private func rounding(iterations: Int) -> AdaptiveRounding {
    var rounding = AdaptiveRounding()
    rounding.iterations = iterations
    return rounding
  }

  private func output(_ graph: Graph, _ sample: [Tensor]) throws -> [Float] {
    try Evaluator(graph).run(sample)[0].floats
  }

  private func error(_ graph: Graph, _ reference: Graph, _ samples: [[Tensor]]) throws -> Double {
    var sum = 0.0
    for sample in samples {
      for (found, wanted) in zip(try output(graph, sample), try output(reference, sample)) {
        sum += Double((found - wanted) * (found - wanted))
      }
    }
    return sum
  }

  @Test func adaptiveRoundingLowersTheErrorOfEveryLayer() throws {
    let network = try planned(seed: 71)
    let repaired = try LayerRepair(rounding: rounding(iterations: 400), correctsBiases: false)
      .apply(network.plan, to: network.graph, samples: network.samples)
    #expect(repaired.report.layers.map(\.node) == ["first", "depthwise", "dense"])
    for layer in repaired.report.layers {
      let (error, nearest) = (try #require(layer.error), try #require(layer.nearestError))
      // Part of the error is that of the inputs, which no rounding takes away.
      #expect(error < (layer.node == "first" ? 0.8 : 0.99) * nearest, "\(layer.node)")
      #expect(layer.changedWeights > 0)
    }
    let plain = try network.pass.apply(network.plan, to: network.graph)
    let better = try network.pass.apply(network.plan, to: repaired.graph)
    #expect(
      try error(better, network.graph, network.samples) < 0.8 * error(plain, network.graph, network.samples))
  }

  @Test func everyWeightIsRoundedUpOrDown() throws {
    let network = try planned(seed: 72)
    let repaired = try LayerRepair(rounding: rounding(iterations: 200), correctsBiases: true)
      .apply(network.plan, to: network.graph, samples: network.samples)
    let result = try network.pass.apply(network.plan, to: repaired.graph)
    for weight in network.plan.nodes.compactMap(\.weight) {
      let float = try #require(network.graph.values.first { $0.name == weight.value }?.constant)
      let levels = try #require(result.values.first { $0.name == "\(weight.value)_quantized" }?.constant).integers
      let inner = float.shape[(weight.channelAxis + 1)...].reduce(1, *)
      for (index, value) in float.floats.enumerated() {
        let scaled = value / weight.scales[index / inner % weight.scales.count]
        // Beyond the levels there is nothing to choose.
        if abs(scaled) < 7 {
          #expect(abs(Float(levels[index]) - scaled) < 1.001)
        } else {
          #expect(abs(levels[index]) == 7)
        }
      }
    }
  }

  @Test func zerosStayZero() throws {
    var (graph, samples) = try graph(seed: 73)
    let id = try #require(graph.nodes[0].inputs[1])
    let pruned = try #require(graph[id].constant).floats.enumerated().map { $0 % 2 == 0 ? 0 : $1 }
    graph[id].info = ValueInfo(Tensor(shape: [8, 3, 3, 3], elements: pruned))
    let pass = StaticQuantization(QuantizationOptions(weightBits: .four))
    let plan = try pass.plan(for: graph, from: pass.collect(from: graph, over: samples))
    let repaired = try LayerRepair(rounding: rounding(iterations: 100), correctsBiases: false)
      .apply(plan, to: graph, samples: samples)
    let weights = try #require(repaired.graph[id].constant).floats
    for (index, weight) in weights.enumerated() where index % 2 == 0 { #expect(weight == 0) }
    samples = []
    #expect(throws: QuantizationError.self) {
      try LayerRepair(rounding: nil, correctsBiases: true).apply(plan, to: graph, samples: samples)
    }
  }

  @Test func theSameSeedGivesTheSameBytes() throws {
    let network = try planned(seed: 74)
    let repair = LayerRepair(rounding: rounding(iterations: 60), correctsBiases: true)
    let first = try repair.apply(network.plan, to: network.graph, samples: network.samples).graph
    let second = try repair.apply(network.plan, to: network.graph, samples: network.samples).graph
    for id in first.liveConstants() { #expect(first[id].constant?.floats == second[id].constant?.floats) }
  }

  /// A weight whose levels are all too small shifts the mean of every output, which the bias then makes up for.
  @Test func correctedBiasesTakeTheMeanErrorAway() throws {
    let network = try planned(seed: 75)
    let repaired = try LayerRepair(rounding: nil, correctsBiases: true)
      .apply(network.plan, to: network.graph, samples: network.samples)
    func means(_ graph: Graph) throws -> [Double] {
      var means = [Double](repeating: 0, count: 5)
      for sample in network.samples {
        for (channel, value) in try output(graph, sample).enumerated() { means[channel] += Double(value) }
      }
      return means.map { $0 / Double(network.samples.count) }
    }
    let float = try means(network.graph)
    let plain = zip(try means(try network.pass.apply(network.plan, to: network.graph)), float).map { abs($0 - $1) }
    let corrected = zip(try means(try network.pass.apply(network.plan, to: repaired.graph)), float).map { abs($0 - $1) }
    // What remains is the rounding of outputs, half a step each, averaged.
    let step = Double(try #require(network.plan.activations.first { $0.value == "dense" }).parameters.scale)
    #expect(corrected.allSatisfy { $0 < step / 2 })
    #expect(corrected.reduce(0, +) < 0.5 * plain.reduce(0, +))
  }

  @Test func equalizationLeavesTheFunctionAndEvensOutTheRanges() throws {
    var (graph, samples) = try graph(seed: 76)
    let id = try #require(graph.nodes[0].inputs[1])
    let uneven = try #require(graph[id].constant).floats.enumerated().map { $1 * [0.01, 1, 30][$0 / 27 % 3] }
    graph[id].info = ValueInfo(Tensor(shape: [8, 3, 3, 3], elements: uneven))
    let (equalized, report) = CrossLayerEqualization().apply(to: graph)
    #expect(report.pairs.map { [$0.first, $0.second] } == [["first", "depthwise"], ["depthwise", "dense"]])
    #expect(report.pairs[0].greatestFactor > 10 * report.pairs[0].leastFactor)
    for sample in samples {
      let before = try output(graph, sample)
      let reach = before.reduce(0) { max($0, abs($1)) }
      // A few roundings of a float sum of some hundred products.
      for (a, b) in zip(before, try output(equalized, sample)) { #expect(abs(a - b) <= 1e-4 * reach) }
    }
    func weight(_ name: String) throws -> [Float] {
      try #require(equalized.values.first { $0.name == name }?.constant).floats
    }
    let (first, depthwise) = (try weight("first_w"), try weight("depthwise_w"))
    for channel in 0..<8 {
      let written = first[channel * 27..<(channel + 1) * 27].map(abs).max()!
      let read = depthwise[channel * 9..<(channel + 1) * 9].map(abs).max()!
      #expect(abs(written / read - 1) < 0.02)
    }
  }

  @Test func aPlanOfAnotherGraphIsRefused() throws {
    let network = try planned(seed: 77)
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 3, 6, 6])
    sketch.graph.outputs = [try sketch.node(Relu.self, [x], "y")]
    #expect(throws: QuantizationError.self) {
      try LayerRepair(rounding: nil, correctsBiases: true)
        .apply(network.plan, to: sketch.graph, samples: network.samples)
    }
  }
}
