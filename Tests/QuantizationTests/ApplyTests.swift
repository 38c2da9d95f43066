import Graph
import HostTensors
import Operators
import Quantization
import TensorTypes
import Testing

@Suite struct ApplyTests {
  private struct ConvRelu {
    var graph: Graph
    var samples: [Tensor]
  }

  private func convRelu(seed: UInt64) throws -> ConvRelu {
    var random = SplitMix64(seed: seed)
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 3, 6, 6])
    let conv = try sketch.conv(x, "conv", channels: (3, 4), kernel: 3, random: &random)
    sketch.graph.outputs = [try sketch.node(Relu.self, [conv], "y")]
    return ConvRelu(graph: sketch.graph, samples: (0..<4).map { _ in random.tensor([1, 3, 6, 6]) })
  }

  private func observed(_ graph: Graph, _ inputs: [Tensor]) throws -> [String: Tensor] {
    var tensors: [String: Tensor] = [:]
    _ = try Evaluator(graph).run(inputs) { tensors[graph[$0].name] = $1 }
    return tensors
  }

  @Test func quantizedGraphHasPairsAroundTheFusedConvolution() throws {
    let network = try convRelu(seed: 51)
    let pass = StaticQuantization()
    let plan = try pass.plan(
      for: network.graph, from: pass.collect(from: network.graph, over: network.samples.map { [$0] }))
    let result = try pass.apply(plan, to: network.graph)
    #expect(
      result.nodes.map(\.kind) == [
        .quantizeLinear, .dequantizeLinear, .dequantizeLinear, .dequantizeLinear, .conv, .relu, .quantizeLinear,
        .dequantizeLinear,
      ])
    let names = Set(result.values.map(\.name))
    for name in [
      "x_quantized", "x_dequantized", "x_scale", "x_zero_point", "conv_w_quantized", "conv_w_scale",
      "conv_w_zero_point", "conv_b_quantized", "conv_b_scale", "y_quantized",
    ] { #expect(names.contains(name), "\(name)") }
    #expect(result.outputs.map { result[$0].name } == ["y"])
    #expect(names.count == result.values.count)
  }

  /// All scales are powers of two here, so that float and integer arithmetic are both exact and must agree.
  @Test func evaluationEqualsHandComputedIntegers() throws {
    let network = try convRelu(seed: 52)
    let pass = StaticQuantization()
    var plan = try pass.plan(
      for: network.graph, from: pass.collect(from: network.graph, over: network.samples.map { [$0] }))
    for index in plan.activations.indices {
      plan.activations[index].parameters.scale = powerOfTwo(plan.activations[index].parameters.scale)
    }
    let weightScales = try #require(plan.nodes[0].weight).scales.map(powerOfTwo)
    plan.nodes[0].weight?.scales = weightScales
    let result = try pass.apply(plan, to: network.graph)
    let weight = try #require(constant(result, "conv_w_quantized")).elements(as: Int8.self)
    let bias = try #require(constant(result, "conv_b_quantized")).elements(as: Int32.self)
    let (x, y) = (plan.activations[0].parameters, plan.activations[1].parameters)
    for sample in network.samples {
      let tensors = try observed(result, [sample])
      let input = try #require(tensors["x_quantized"]).elements(as: UInt8.self)
      #expect(input == sample.floats.map { UInt8(x.quantize($0)) })
      let output = try #require(tensors["y_quantized"]).elements(as: UInt8.self)
      for channel in 0..<4 {
        let multiplier = requantizationMultiplier(input: x.scale, weight: weightScales[channel], output: y.scale)
        for row in 0..<4 {
          for column in 0..<4 {
            var sum = bias[channel]
            for (c, i, j) in window {
              let level = Int32(input[(c * 6 + row + i) * 6 + column + j]) - x.zeroPoint
              sum += level * Int32(weight[((channel * 3 + c) * 3 + i) * 3 + j])
            }
            let rounded = Int32(roundTiesToEven(Float(sum) * multiplier)) + y.zeroPoint
            #expect(Int32(output[(channel * 4 + row) * 4 + column]) == min(max(rounded, 0), 255))
          }
        }
      }
    }
  }

  private var window: [(Int, Int, Int)] {
    (0..<3).flatMap { c in (0..<3).flatMap { i in (0..<3).map { j in (c, i, j) } } }
  }

  private func powerOfTwo(_ x: Float) -> Float { Float(sign: .plus, exponent: x.exponent + 1, significand: 1) }

  private func constant(_ graph: Graph, _ name: String) -> Tensor? {
    graph.values.first { $0.name == name }?.constant
  }

  @Test(arguments: [QuantizationOptions.ActivationType.uint8, .int8])
  func quantizedOutputIsCloseToFloat(_ type: QuantizationOptions.ActivationType) throws {
    let network = try convRelu(seed: 53)
    let pass = StaticQuantization(.init(method: .minMax, activationType: type))
    let plan = try pass.plan(
      for: network.graph, from: pass.collect(from: network.graph, over: network.samples.map { [$0] }))
    let result = try pass.apply(plan, to: network.graph)
    let (x, y) = (plan.activations[0].parameters, plan.activations[1].parameters)
    let weights = try #require(plan.nodes[0].weight)
    let weightStep = try #require(weights.scales.max())
    for sample in network.samples {
      let float = try Evaluator(network.graph).run([sample])[0].floats
      let quantized = try Evaluator(result).run([sample])[0].floats
      // Worst case over 27 products: each input off by a step at most (rounding and zero point), each weight by
      // half a step, the bias and the output by one of theirs.
      let largest = sample.floats.reduce(0) { max($0, abs($1)) }
      let weightBound = max(abs(weights.range.lowerBound), weights.range.upperBound)
      let bound = 27 * (x.scale * weightBound + (largest + x.scale) * weightStep / 2) + x.scale * weightStep + y.scale
      for (a, b) in zip(float, quantized) { #expect(abs(a - b) <= bound) }
      // And not the same numbers: something was quantized.
      #expect(float != quantized)
      let mean = zip(float, quantized).reduce(0) { $0 + abs($1.0 - $1.1) } / Float(float.count)
      #expect(mean <= 2 * y.scale)
    }
  }

  @Test func constantOperandsBecomeInitializersOfEightBits() throws {
    var random = SplitMix64(seed: 54)
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 3, 2, 2])
    let conv = try sketch.conv(x, "conv", channels: (3, 4), random: &random)
    let offset = sketch.constant("offset", Tensor(scalar: Float(0.75)))
    sketch.graph.outputs = [try sketch.node(Add.self, [conv, offset], "sum")]
    let pass = StaticQuantization()
    let samples = (0..<3).map { _ in [random.tensor([1, 3, 2, 2])] }
    let plan = try pass.plan(for: sketch.graph, from: pass.collect(from: sketch.graph, over: samples))
    let result = try pass.apply(plan, to: sketch.graph)
    let stored = try #require(constant(result, "offset_quantized"))
    #expect(stored.elements(as: UInt8.self) == [255])
    let value = try #require(observed(result, samples[0])["offset_dequantized"]).floats[0]
    #expect(abs(value - 0.75) <= 0.75 * 0x1p-23)
  }

  @Test func floatReadersSeeTheDequantizedValue() throws {
    var random = SplitMix64(seed: 55)
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 3, 2, 2])
    let conv = try sketch.conv(x, "conv", channels: (3, 4), random: &random)
    let soft = try sketch.node(Softmax.self, [conv], "soft", ["axis": .int(1)])
    sketch.graph.outputs = [conv, soft]
    let pass = StaticQuantization()
    let samples = (0..<3).map { _ in [random.tensor([1, 3, 2, 2])] }
    let plan = try pass.plan(for: sketch.graph, from: pass.collect(from: sketch.graph, over: samples))
    let result = try pass.apply(plan, to: sketch.graph)
    #expect(result.outputs.map { result[$0].name } == ["conv", "soft"])
    let outputs = try Evaluator(result).run(samples[0])
    let step = try #require(plan.activations.last).parameters
    for value in outputs[0].floats {
      #expect(step.dequantize(step.quantize(value)) == value)
    }
    let reader = try #require(result.nodes.first { $0.kind == .softmax })
    #expect(reader.inputs.first == result.outputs[0])
  }

  @Test func aQuantizedGraphIsRefused() throws {
    let network = try convRelu(seed: 56)
    let pass = StaticQuantization()
    let statistics = try pass.collect(from: network.graph, over: network.samples.map { [$0] })
    let plan = try pass.plan(for: network.graph, from: statistics)
    let result = try pass.apply(plan, to: network.graph)
    for attempt in [
      { _ = try pass.collect(from: result, over: [[network.samples[0]]]) },
      { _ = try pass.plan(for: result, from: statistics) },
      { _ = try pass.apply(plan, to: result) },
    ] as [() throws -> Void] {
      let failure = #expect(throws: QuantizationError.self) { try attempt() }
      guard case .alreadyQuantized? = failure else {
        Issue.record("\(String(describing: failure))")
        continue
      }
    }
  }

  @Test func aPlanForAnotherGraphIsRefused() throws {
    let network = try convRelu(seed: 57)
    let pass = StaticQuantization()
    let plan = try pass.plan(
      for: network.graph, from: pass.collect(from: network.graph, over: network.samples.map { [$0] }))
    var other = network.graph
    other.nodes[1].name = "renamed"
    let failure = #expect(throws: QuantizationError.self) { try pass.apply(plan, to: other) }
    guard case .planMismatch(node: "renamed")? = failure else {
      Issue.record("\(String(describing: failure))")
      return
    }
  }

  @Test func everyScaleKeepingChainWritesOneScale() throws {
    var random = SplitMix64(seed: 58)
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 3, 4, 4])
    let conv = try sketch.conv(x, "conv", channels: (3, 4), random: &random)
    let pooled = try sketch.node(MaxPool.self, [conv], "pool", ["kernel_shape": .ints([2, 2])])
    sketch.graph.outputs = [try sketch.node(Flatten.self, [pooled], "flat")]
    let pass = StaticQuantization()
    let samples = (0..<3).map { _ in [random.tensor([1, 3, 4, 4])] }
    let plan = try pass.plan(for: sketch.graph, from: pass.collect(from: sketch.graph, over: samples))
    let result = try pass.apply(plan, to: sketch.graph)
    let scales = result.nodes.filter { $0.kind == .quantizeLinear }.map { $0.inputs[1] }
    #expect(scales.count == 4)
    #expect(scales[1] == scales[2] && scales[2] == scales[3] && scales[0] != scales[1])
    // Moving values at one scale changes none of them.
    let tensors = try observed(result, samples[0])
    let moved = try #require(tensors["flat_quantized"]).elements(as: UInt8.self)
    let source = try #require(tensors["conv_quantized"]).elements(as: UInt8.self)
    #expect(Set(moved).isSubset(of: Set(source)))
  }
}
