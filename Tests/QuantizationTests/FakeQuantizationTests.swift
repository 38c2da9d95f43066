import Graph
import HostTensors
import Operators
import Quantization
import TensorTypes
import Testing
import Training

@Suite struct FakeQuantizationTests {
  private struct Network {
    var graph: Graph
    var samples: [[Tensor]]
    var pass: StaticQuantization
    var plan: QuantizationPlan
  }

  private func network(seed: UInt64, storage: QuantizationOptions.WeightScales = .bfloat16) throws -> Network {
    var random = SplitMix64(seed: seed)
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 3, 6, 6])
    let first = try sketch.conv(x, "first", channels: (3, 8), kernel: 3, random: &random)
    let hidden = try sketch.node(Relu.self, [first], "hidden")
    let pooled = try sketch.node(MaxPool.self, [hidden], "pooled", ["kernel_shape": .ints([2, 2])])
    let flat = try sketch.node(Flatten.self, [pooled], "flat")
    let weight = sketch.constant("dense_w", random.tensor([72, 5], scale: 0.3))
    let bias = sketch.constant("dense_b", random.tensor([5], scale: 0.1))
    sketch.graph.outputs = [try sketch.node(Gemm.self, [flat, weight, bias], "dense")]
    let samples = (0..<8).map { _ in [random.tensor([1, 3, 6, 6])] }
    let pass = StaticQuantization(QuantizationOptions(weightScales: storage, weightBits: .four))
    let plan = try pass.plan(for: sketch.graph, from: pass.collect(from: sketch.graph, over: samples))
    return Network(graph: sketch.graph, samples: samples, pass: pass, plan: plan)
  }

  /// With biases that int32 holds exactly, rounding its outputs is all that the trained network leaves to be done.
  @Test func theTrainedNetworkComputesAsTheWrittenOne() throws {
    var network = try network(seed: 81)
    for (node, planned) in zip(network.graph.nodes, network.plan.nodes) {
      guard let weight = planned.weight, let id = node.inputs[2], let bias = network.graph[id].constant?.floats,
        let input = network.plan.activations.first(where: { $0.value == planned.inputs[0] })
      else { continue }
      let steps = weight.scales.map { input.parameters.scale * $0 }
      let levels = IntegerParameters.quantize(bias: bias, scales: steps)
      network.graph[id].info = ValueInfo(
        Tensor(shape: [bias.count], elements: zip(levels, steps).map { Float($0) * $1 }))
    }
    let fake = try FakeQuantizedNetwork(network.graph, network.plan)
    let written = try network.pass.apply(network.plan, to: network.graph)
    let output = try #require(network.plan.activations.first { $0.value == "dense" }).parameters
    for sample in network.samples {
      let trained = try Evaluator(fake.graph).run(sample)[0].floats
      let integer = try Evaluator(written).run(sample)[0].floats
      #expect(trained.map { output.dequantize(output.quantize($0)) } == integer)
    }
  }

  @Test(arguments: [QuantizationOptions.WeightScales.bfloat16, .exact])
  func whatWasNotTrainedIsWrittenAsItWasPlanned(_ storage: QuantizationOptions.WeightScales) throws {
    let network = try network(seed: 82, storage: storage)
    let fake = try FakeQuantizedNetwork(network.graph, network.plan)
    let finished = fake.finished(fake.graph, storage: storage)
    let before = try network.pass.apply(network.plan, to: network.graph)
    let after = try network.pass.apply(finished.plan, to: finished.graph)
    let constants = before.liveConstants()
    #expect(constants.count == after.liveConstants().count)
    for (a, b) in zip(constants, after.liveConstants()) {
      #expect(before[a].name == after[b].name)
      #expect(before[a].constant?.floats == after[b].constant?.floats, "\(before[a].name)")
    }
  }

  /// The gradient that the tape gives a weight's factor is the scale times LSQ's gradient by the step.
  @Test func gradientsOfWeightStepsFollowLSQ() throws {
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 2])
    // At a scale of 0.5: v = 1.2, -9 (beyond -7), 20 (beyond 7) and -0.4.
    let weight = sketch.constant("w", Tensor(shape: [2, 2], elements: [0.6, -4.5, 10, -0.2] as [Float]))
    sketch.graph.outputs = [try sketch.node(Gemm.self, [x, weight], "y")]
    let pass = StaticQuantization(QuantizationOptions(weightScales: .exact, weightBits: .four))
    let sample = Tensor(shape: [1, 2], elements: [2, 4] as [Float])
    var plan = try pass.plan(for: sketch.graph, from: pass.collect(from: sketch.graph, over: [[sample]]))
    plan.nodes[0].weight?.scales = [0.5, 0.5]
    // A fine step for the input, so that it stays as it is.
    for index in plan.activations.indices { plan.activations[index].parameters.scale = 0.03125 }
    let fake = try FakeQuantizedNetwork(sketch.graph, plan)
    let trained = sketch.graph.parameters() + fake.factors
    let store = ParameterStore(fake.graph, parameters: trained)
    let tape = Tape(fake.graph, outputs: fake.graph.outputs, trained: Set(trained.map(\.value)))
    let recording = try tape.forward([sample], store: store, seed: 1)
    // Columns: 2 * 0.5 + 4 * 3.5 and 2 * -3.5 + 4 * -0 with levels [1, -7], [7, 0].
    #expect(recording.outputs[0].floats == [15, -7])
    let upstream = Tensor(shape: [1, 2], elements: [1, 10] as [Float])
    try tape.backward(recording, outputGradients: [upstream], store: store)
    // By the weight: x times the column's gradient, where it is within the levels.
    #expect(try gradient(store, weight) == [2, 0, 0, 40])
    let factor = try #require(fake.factors.first { fake.graph[$0.value].name.hasPrefix("w_of") })
    // Column 0: 2 * (1 - 1.2) + 4 * 7; column 1: 20 * -7 + 40 * (0 + 0.4); each times the scale.
    let expected: [Float] = [0.5 * (2 * -0.2 + 28), 0.5 * (-140 + 16)]
    for (found, wanted) in zip(try gradient(store, factor.value), expected) { #expect(abs(found - wanted) < 1e-4) }
  }

  private func gradient(_ store: ParameterStore, _ value: ValueID) throws -> [Float] {
    Array(store.gradients[try #require(store.slice(of: value)).range])
  }

  @Test func zerosStayAndStepsStayWithinBounds() throws {
    var network = try network(seed: 83)
    let id = try #require(network.graph.nodes[0].inputs[1])
    let weights = try #require(network.graph[id].constant).floats.enumerated().map { $0 % 3 == 0 ? 0 : $1 }
    network.graph[id].info = ValueInfo(Tensor(shape: [8, 3, 3, 3], elements: weights))
    let fake = try FakeQuantizedNetwork(network.graph, network.plan)
    let trained = network.graph.parameters() + fake.factors
    let store = ParameterStore(fake.graph, parameters: trained)
    let tape = Tape(fake.graph, outputs: fake.graph.outputs, trained: Set(trained.map(\.value)))
    let rules: [any WeightRule] = [StructureKeeping([.zeros]), StepSizeRule(fake)]
    for rule in rules { try rule.prepare(store, stepCount: 20) }
    for step in 0..<20 {
      let recording = try tape.forward(network.samples[step % 8], store: store, seed: UInt64(step))
      let upstream = recording.outputs[0]
      try tape.backward(recording, outputGradients: [upstream], store: store)
      for rule in rules { rule.prepareGradients(store, step: step) }
      // Far too large a rate, so that the bounds are met.
      for index in 0..<store.count { store.values[index] -= 0.5 * store.gradients[index] }
      for rule in rules { rule.adjustWeights(store, step: step) }
    }
    let factors = fake.factors.flatMap { factor in
      store.slice(of: factor.value).map { Array(store.values[$0.range]) } ?? []
    }
    #expect(factors.allSatisfy { $0 >= 1 / StepSizeRule.greatestFactor && $0 <= StepSizeRule.greatestFactor })
    #expect(factors.contains { $0 != 1 })
    let finished = fake.finished(store.writing(to: fake.graph), storage: .bfloat16)
    let written = try network.pass.apply(finished.plan, to: finished.graph)
    let levels = try #require(written.values.first { $0.name == "first_w_quantized" }?.constant).integers
    for index in stride(from: 0, to: levels.count, by: 3) { #expect(levels[index] == 0) }
    #expect(levels.allSatisfy { abs($0) <= 7 })
  }

  /// Rounding a scale for storage moves no weight to another level.
  @Test func storedScalesKeepTheLearnedLevels() throws {
    let network = try network(seed: 84)
    let fake = try FakeQuantizedNetwork(network.graph, network.plan)
    var trained = fake.graph
    for factor in fake.factors {
      trained[factor.value].info = ValueInfo(Tensor(shape: factor.shape, repeating: Float(1.0371)))
    }
    let exact = fake.finished(trained, storage: .exact)
    let short = fake.finished(trained, storage: .bfloat16)
    for name in ["first_w_quantized", "dense_w_quantized"] {
      let levels = try [exact, short].map { result in
        try #require(
          network.pass.apply(result.plan, to: result.graph).values.first { $0.name == name }?.constant
        ).integers
      }
      #expect(levels[0] == levels[1])
    }
    for scale in short.plan.nodes.compactMap(\.weight).flatMap(\.scales) { #expect(scale.bitPattern & 0xFFFF == 0) }
  }
}
