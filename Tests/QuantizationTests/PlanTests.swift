import Foundation
import Graph
import HostTensors
import Operators
import Quantization
import TensorTypes
import Testing

@Suite struct PlanTests {
  private func plan(
    _ graph: Graph, _ options: QuantizationOptions = .init(), seed: UInt64 = 31, sampleScale: Float = 1
  ) throws -> QuantizationPlan {
    var random = SplitMix64(seed: seed)
    let samples = (0..<4).map { _ in
      graph.inputs.map { random.tensor(graph[$0].info?.shape ?? [], scale: sampleScale) }
    }
    let pass = StaticQuantization(options)
    return try pass.plan(for: graph, from: pass.collect(from: graph, over: samples))
  }

  private func treatment(_ plan: QuantizationPlan, _ name: String) throws -> NodeTreatment {
    try #require(plan.nodes.first { $0.name == name }).treatment
  }

  private func activation(_ plan: QuantizationPlan, _ value: String) -> ActivationPlan? {
    plan.activations.first { $0.value == value }
  }

  /// Scores of hundreds before a sigmoid or a tangent would leave it a handful of levels.
  @Test(arguments: [(true, Float(16)), (false, 8)])
  func whatOnlySaturatesKeepsAFineStep(isSigmoid: Bool, width: Float) throws {
    var random = SplitMix64(seed: 33)
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 3, 5, 5])
    let conv = try sketch.conv(x, "conv", channels: (3, 4), kernel: 3, random: &random)
    let end = isSigmoid ? try sketch.node(Sigmoid.self, [conv], "end") : try sketch.node(Tanh.self, [conv], "end")
    sketch.graph.outputs = [end]
    let plan = try plan(sketch.graph, sampleScale: 500)
    let chosen = try #require(activation(plan, "conv"))
    #expect(chosen.parameters.scale <= width / 255 * 1.01)
    // An output of its own is wanted as it is.
    sketch.graph.outputs = [end, conv]
    let seen = try self.plan(sketch.graph, sampleScale: 500)
    #expect(try #require(activation(seen, "conv")).parameters.scale > 1)
  }

  @Test func reluAfterConvIsFusedAndStartsAtZero() throws {
    var random = SplitMix64(seed: 32)
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 3, 5, 5])
    let conv = try sketch.conv(x, "conv", channels: (3, 4), kernel: 3, random: &random)
    sketch.graph.outputs = [try sketch.node(Relu.self, [conv], "relu")]
    let plan = try plan(sketch.graph)
    #expect(try treatment(plan, "relu") == .fused(into: "conv"))
    #expect(plan.activations.map(\.value) == ["x", "relu"])
    #expect(activation(plan, "relu")?.parameters.zeroPoint == 0)
    #expect(plan.nodes[0].weight?.scales.count == 4)
  }

  @Test(arguments: [(Float(0), true), (-1, false)])
  func onlyAClipFromZeroIsFused(_ low: Float, _ fuses: Bool) throws {
    var random = SplitMix64(seed: 33)
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 3, 5, 5])
    let conv = try sketch.conv(x, "conv", channels: (3, 4), random: &random)
    let bounds = [low, 0.3].map { sketch.constant("bound", Tensor(scalar: $0)) }
    sketch.graph.outputs = [try sketch.node(Clip.self, [conv, bounds[0], bounds[1]], "clip")]
    let plan = try plan(sketch.graph)
    #expect(try treatment(plan, "clip") == (fuses ? .fused(into: "conv") : .integer(.table)))
    #expect((activation(plan, "conv") == nil) == fuses)
    let clip = try #require(activation(plan, "clip")).parameters
    if fuses { #expect(clip.dequantize(255) <= 0.3) }
  }

  @Test func reluOfAValueReadElsewhereIsNotFused() throws {
    var random = SplitMix64(seed: 34)
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 3, 5, 5])
    let conv = try sketch.conv(x, "conv", channels: (3, 4), random: &random)
    let relu = try sketch.node(Relu.self, [conv], "relu")
    sketch.graph.outputs = [try sketch.node(Add.self, [conv, relu], "sum")]
    let plan = try plan(sketch.graph)
    #expect(try treatment(plan, "relu") == .integer(.table))
    #expect(plan.activations.map(\.value) == ["x", "conv", "relu", "sum"])
  }

  @Test func valuesThatOnlyMoveShareTheScaleOfTheirSource() throws {
    var random = SplitMix64(seed: 35)
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 3, 4, 4])
    let conv = try sketch.conv(x, "conv", channels: (3, 4), random: &random)
    let pooled = try sketch.node(MaxPool.self, [conv], "pool", ["kernel_shape": .ints([2, 2])])
    sketch.graph.outputs = [try sketch.node(Flatten.self, [pooled], "flat")]
    let plan = try plan(sketch.graph)
    let source = try #require(activation(plan, "conv"))
    for name in ["pool", "flat"] {
      let moved = try #require(activation(plan, name))
      #expect(moved.parameters == source.parameters)
      #expect(moved.sharesScaleWith == "conv")
    }
  }

  /// The ranges of the branches differ by a factor of about 10, so without sharing their scales would too.
  @Test(arguments: [false, true])
  func concatUnifiesScalesWhereNothingElseReadsTheInputs(_ readElsewhere: Bool) throws {
    var random = SplitMix64(seed: 36)
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 3, 4, 4])
    let first = try sketch.conv(x, "first", channels: (3, 4), random: &random)
    let second = try sketch.conv(x, "second", channels: (3, 4), random: &random)
    let tenfold = try sketch.node(Mul.self, [second, sketch.constant("ten", Tensor(scalar: Float(10)))], "tenfold")
    let joined = try sketch.node(Concat.self, [first, tenfold], "joined", ["axis": .int(1)])
    sketch.graph.outputs = [joined] + (readElsewhere ? [first] : [])
    let plan = try plan(sketch.graph)
    let scales = try ["first", "tenfold", "joined"].map { try #require(activation(plan, $0)).parameters.scale }
    #expect((scales[0] == scales[1]) == !readElsewhere)
    #expect((activation(plan, "joined")?.sharesScaleWith == "first") == !readElsewhere)
  }

  @Test func floatOnlyNodesAreListedWithTheirReason() throws {
    var random = SplitMix64(seed: 37)
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 3, 4, 4])
    let conv = try sketch.conv(x, "conv", channels: (3, 4), random: &random)
    let flat = try sketch.node(Flatten.self, [conv], "flat")
    sketch.graph.outputs = [try sketch.node(Softmax.self, [flat], "probabilities", ["axis": .int(1)])]
    let plan = try plan(sketch.graph)
    #expect(plan.floatNodes.map(\.name) == ["probabilities"])
    guard case .float(.noIntegerForm(let reason))? = plan.floatNodes.first?.treatment else {
      Issue.record("the reason is not the operator's")
      return
    }
    #expect(!reason.isEmpty)
    #expect(plan.description.contains(reason))
    #expect(activation(plan, "probabilities") == nil)
  }

  @Test func excludedNodesStayFloatAndUnusedPatternsAreReported() throws {
    var random = SplitMix64(seed: 38)
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 3, 4, 4])
    let first = try sketch.conv(x, "block1/conv", channels: (3, 4), random: &random)
    let second = try sketch.conv(first, "block2/conv", channels: (4, 4), random: &random)
    sketch.graph.outputs = [try sketch.node(Tanh.self, [second], "tanh")]
    var options = QuantizationOptions(keepFloat: ["block1/*", "nothing*"])
    let byName = try plan(sketch.graph, options)
    #expect(try treatment(byName, "block1/conv") == .float(.excludedByName(pattern: "block1/*")))
    #expect(try treatment(byName, "tanh") == .integer(.table))
    #expect(byName.warnings == [.patternMatchesNothing("nothing*")])
    options = QuantizationOptions(keepFloatKinds: [.conv])
    let byKind = try plan(sketch.graph, options)
    #expect(try treatment(byKind, "block2/conv") == .float(.excludedByOperator))
  }

  @Test func nodesWithoutIntegerNeighboursStayFloat() throws {
    var random = SplitMix64(seed: 39)
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 3, 4, 4])
    let island = try sketch.node(Tanh.self, [x], "island")
    let soft = try sketch.node(Softmax.self, [island], "soft", ["axis": .int(1)])
    sketch.graph.outputs = [try sketch.conv(soft, "conv", channels: (3, 4), random: &random)]
    let plan = try plan(sketch.graph)
    #expect(try treatment(plan, "island") == .float(.noIntegerNeighbour))
    #expect(plan.activations.map(\.value) == ["soft", "conv"])
  }

  @Test func tooManyProductsStayFloat() throws {
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 66_312])
    let weight = sketch.constant("w", Tensor(shape: [66_312, 1], repeating: Float(0.01)))
    sketch.graph.outputs = [try sketch.node(MatMul.self, [x, weight], "product")]
    let plan = try plan(sketch.graph)
    #expect(try treatment(plan, "product") == .float(.accumulatorOverflow(products: 66_312)))
    #expect(plan.warnings == [.nothingToQuantize])
  }

  @Test func deadChannelsAndZeroValuesGiveWarnings() throws {
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 2, 2, 2])
    let zeros = sketch.constant("w", Tensor(shape: [2, 2, 1, 1], repeating: Float(0)))
    sketch.graph.outputs = [try sketch.node(Conv.self, [x, zeros], "conv")]
    let plan = try plan(sketch.graph)
    #expect(plan.warnings.contains(.allZero(value: "conv")))
    #expect(plan.warnings.contains(.deadChannels(node: "conv", count: 2)))
    #expect(activation(plan, "conv")?.parameters.scale == Float(1) / 255)
  }

  @Test func enlargedScalesAreReported() throws {
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 1, 2, 2])
    let weight = sketch.constant("w", Tensor(shape: [1, 1, 1, 1], repeating: Float(1e-7)))
    let bias = sketch.constant("b", Tensor(shape: [1], repeating: Float(100)))
    sketch.graph.outputs = [try sketch.node(Conv.self, [x, weight, bias], "conv")]
    let plan = try plan(sketch.graph)
    #expect(plan.warnings.contains(.enlargedForBias(node: "conv", count: 1)))
    #expect(plan.nodes[0].weight?.enlargedForBias == [0])
  }

  @Test func nanInASampleNamesTheValueAndTheSample() throws {
    var random = SplitMix64(seed: 40)
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 3, 2, 2])
    sketch.graph.outputs = [try sketch.conv(x, "conv", channels: (3, 4), random: &random)]
    var bad = random.tensor([1, 3, 2, 2]).floats
    bad[5] = .nan
    let samples = [random.tensor([1, 3, 2, 2]), Tensor(shape: [1, 3, 2, 2], elements: bad)]
    let failure = #expect(throws: QuantizationError.self) {
      try StaticQuantization().collect(from: sketch.graph, over: samples.map { [$0] })
    }
    guard case .nonFinite("x", 1, 1, 0)? = failure else {
      Issue.record("\(String(describing: failure))")
      return
    }
  }

  @Test func nonFiniteValuesInsideTheNetworkStopThePlanOnlyWhereTheyAreQuantized() throws {
    var random = SplitMix64(seed: 41)
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 3, 2, 2])
    let log = try sketch.node(Log.self, [x], "log")
    sketch.graph.outputs = [try sketch.conv(log, "conv", channels: (3, 4), random: &random)]
    let samples = [[Tensor(shape: [1, 3, 2, 2], repeating: Float(0))]]
    let pass = StaticQuantization()
    let statistics = try pass.collect(from: sketch.graph, over: samples)
    let failure = #expect(throws: QuantizationError.self) { try pass.plan(for: sketch.graph, from: statistics) }
    guard case .nonFinite("log", 0, 0, 12)? = failure else {
      Issue.record("\(String(describing: failure))")
      return
    }
    let inFloat = StaticQuantization(.init(keepFloatKinds: [.conv, .log]))
    let plan = try inFloat.plan(for: sketch.graph, from: statistics)
    #expect(plan.warnings.contains(.nonFinite(value: "log", sample: 0, nanCount: 0, infiniteCount: 12)))
  }

  @Test func noSamplesIsAnError() throws {
    var random = SplitMix64(seed: 42)
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 3, 2, 2])
    sketch.graph.outputs = [try sketch.conv(x, "conv", channels: (3, 4), random: &random)]
    let failure = #expect(throws: QuantizationError.self) {
      try StaticQuantization().collect(from: sketch.graph, over: [])
    }
    guard case .noSamples? = failure else {
      Issue.record("\(String(describing: failure))")
      return
    }
  }

  @Test func planIsTheSameWhateverTheOrderOfSamples() throws {
    var random = SplitMix64(seed: 43)
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 3, 4, 4])
    let conv = try sketch.conv(x, "conv", channels: (3, 4), random: &random)
    sketch.graph.outputs = [try sketch.node(Relu.self, [conv], "relu")]
    let samples = (0..<9).map { [random.tensor([1, 3, 4, 4], scale: Float($0 + 1))] }
    for method in [CalibrationMethod.minMax, .percentile(99), .meanSquaredError, .entropy] {
      let pass = StaticQuantization(.init(method: method))
      let forward = try pass.plan(for: sketch.graph, from: pass.collect(from: sketch.graph, over: samples))
      let backward = try pass.plan(for: sketch.graph, from: pass.collect(from: sketch.graph, over: samples.reversed()))
      #expect(forward.activations.map(\.parameters) == backward.activations.map(\.parameters))
    }
  }

  @Test func planIsEncodedWithStableKeys() throws {
    var random = SplitMix64(seed: 44)
    var sketch = GraphSketch()
    let x = sketch.input("x", [1, 3, 4, 4])
    sketch.graph.outputs = [try sketch.conv(x, "conv", channels: (3, 4), random: &random)]
    let data = try JSONEncoder().encode(plan(sketch.graph))
    let object = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    #expect(Set(object.keys) == ["method", "samples", "nodes", "activations", "warnings"])
    let node = try #require((object["nodes"] as? [[String: Any]])?.first)
    #expect(node["operator"] as? String == "Conv")
    #expect(node["form"] as? String == "accumulate")
    #expect((node["weight"] as? [String: Any])?["channel_axis"] as? Int == 0)
  }
}
