import Graph
import HostTensors
import Operators
import Quantization
import TensorTypes
import Testing

@Suite struct WeightBitsTests {
  private func network(seed: UInt64) throws -> (graph: Graph, samples: [[Tensor]]) {
    var random = SplitMix64(seed: seed)
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 3, 6, 6])
    let first = try sketch.conv(x, "first", channels: (3, 8), kernel: 3, random: &random)
    let hidden = try sketch.node(Relu.self, [first], "hidden")
    sketch.graph.outputs = [try sketch.conv(hidden, "second", channels: (8, 4), random: &random)]
    return (sketch.graph, (0..<6).map { _ in [random.tensor([1, 3, 6, 6])] })
  }

  private func quantized(_ graph: Graph, _ samples: [[Tensor]], _ options: QuantizationOptions) throws -> Graph {
    let pass = StaticQuantization(options)
    return try pass.apply(try pass.plan(for: graph, from: pass.collect(from: graph, over: samples)), to: graph)
  }

  private func levels(_ graph: Graph, _ name: String) throws -> [Int] {
    try #require(graph.values.first { $0.name == name }?.constant).integers
  }

  @Test(arguments: WeightBits.allCases)
  func levelsStayWithinTheWidthAndUseIt(_ bits: WeightBits) throws {
    let network = try network(seed: 61)
    let graph = try quantized(network.graph, network.samples, QuantizationOptions(weightBits: bits))
    for name in ["first_w_quantized", "second_w_quantized"] {
      let levels = try levels(graph, name)
      #expect(levels.allSatisfy { abs($0) <= bits.greatestLevel })
      #expect(levels.contains { abs($0) > bits.greatestLevel / 2 })
    }
  }

  @Test func theLastPatternThatMatchesGivesTheWidth() throws {
    let network = try network(seed: 62)
    let options = QuantizationOptions(
      weightBits: .four,
      layerBits: [
        .init(pattern: "s*", bits: .five), .init(pattern: "second", bits: .eight), .init(pattern: "no", bits: .six),
      ])
    let pass = StaticQuantization(options)
    let plan = try pass.plan(for: network.graph, from: pass.collect(from: network.graph, over: network.samples))
    #expect(plan.nodes.compactMap(\.weight).map(\.bits) == [.four, .eight])
    #expect(plan.warnings == [.patternMatchesNothing("no")])
  }

  @Test(arguments: [WeightBits.four, .five, .six])
  func scalesOfLeastSquaresErrLessThanThoseOfTheMagnitude(_ bits: WeightBits) {
    var random = SplitMix64(seed: 63)
    let weight = random.tensor([8, 40])
    let widest = WeightScales(
      magnitudes: WeightScales.magnitudes(weight, axis: 0), bits: bits, inputScale: 1, bias: nil, storage: .bfloat16)
    var least = widest
    least.minimizeError(of: weight, axis: 0, bits: bits, storage: .bfloat16)
    func errors(_ scales: [Float]) -> [Double] {
      let levels = IntegerParameters.quantize(weight, scales: scales, axis: 0, bits: bits).integers
      var errors = [Double](repeating: 0, count: 8)
      for (index, value) in weight.floats.enumerated() {
        let error = Double(value - Float(levels[index]) * scales[index / 40])
        errors[index / 40] += error * error
      }
      return errors
    }
    for (chosen, wide) in zip(errors(least.scales), errors(widest.scales)) { #expect(chosen <= wide) }
    #expect(errors(least.scales).reduce(0, +) < 0.95 * errors(widest.scales).reduce(0, +))
    #expect(least.scales.allSatisfy { $0.bitPattern & 0xFFFF == 0 })
  }

  @Test func prunedWeightsStayZero() throws {
    var random = SplitMix64(seed: 64)
    var weights = random.normals(60)
    for index in stride(from: 0, to: 60, by: 3) { weights[index] = 0 }
    let weight = Tensor(shape: [3, 20], elements: weights)
    var scales = WeightScales(
      magnitudes: WeightScales.magnitudes(weight, axis: 0), bits: .four, inputScale: 1, bias: nil, storage: .exact)
    scales.minimizeError(of: weight, axis: 0, bits: .four, storage: .exact)
    let levels = IntegerParameters.quantize(weight, scales: scales.scales, axis: 0, bits: .four).integers
    for index in stride(from: 0, to: 60, by: 3) { #expect(levels[index] == 0) }
  }

  /// Channels of other magnitudes, and a bias that wants a scale larger than its channel's.
  @Test(arguments: [WeightBits.eight, .four], [nil, 1e6] as [Float?])
  func valuesThatAllChannelsShareBecomeOneIntegerEach(_ bits: WeightBits, _ greatBias: Float?) throws {
    var network = try network(seed: 65)
    let values: [Float] = [-0.9, -0.31, 0.07, 0.4, 1]
    let weights = (0..<216).map { values[$0 % (2 + $0 / 27 % 4)] }
    func replace(_ name: String, _ tensor: Tensor) throws {
      let id = try #require(network.graph.nodes[0].inputs.compactMap(\.self).first { network.graph[$0].name == name })
      network.graph[id].info = ValueInfo(tensor)
    }
    try replace("first_w", Tensor(shape: [8, 3, 3, 3], elements: weights))
    if let greatBias { try replace("first_b", Tensor(shape: [8], elements: [0, greatBias, 0, 0, 0, 0, 0, 0])) }
    let pass = StaticQuantization(QuantizationOptions(weightBits: bits))
    let plan = try pass.plan(for: network.graph, from: pass.collect(from: network.graph, over: network.samples))
    let weight = try #require(plan.nodes[0].weight)
    #expect(weight.sharedValues == 5 && Set(weight.scales).count == 1)
    let levels = try levels(pass.apply(plan, to: network.graph), "first_w_quantized")
    #expect(Set(zip(weights, levels).map { [$0, Float($1)] }).count == 5)
    #expect(try #require(plan.nodes[2].weight).sharedValues == nil)
  }

  /// 4 bits have 15 levels: channels with scales of their own make no more of 16 values.
  @Test func noMoreLevelsThanValuesNeedNoCommonScale() throws {
    var network = try network(seed: 66)
    let id = try #require(network.graph.nodes[0].inputs[1])
    network.graph[id].info = ValueInfo(
      Tensor(shape: [8, 3, 3, 3], elements: (0..<216).map { Float($0 * 7 % 16) - 5.5 }))
    for (bits, count) in [(WeightBits.four, nil), (.five, 16)] as [(WeightBits, Int?)] {
      let pass = StaticQuantization(QuantizationOptions(weightBits: bits))
      let plan = try pass.plan(for: network.graph, from: pass.collect(from: network.graph, over: network.samples))
      #expect(plan.nodes[0].weight?.sharedValues == count)
    }
  }
}
