import Graph
import HostTensors
import Operators
import TensorTypes
import Testing

/// `simplified(_:)`: each rule fires where it may, and the graph computes the same afterwards.
@Suite struct SimplificationTests {
  /// Simplifies, compares both graphs on seeded inputs, and returns the simplified one with its report.
  ///
  /// Tolerance: a fold rounds each weight and each bias once more, relative 6e-8 each; sums here have at
  /// most 100 terms of magnitude 1, so 1e-5 is a margin of more than ten.
  private func simplify(_ graph: Graph) throws -> (Graph, SimplificationReport) {
    let (simple, report) = try simplified(graph)
    try simple.verify()
    let inputs = try graph.inputs.enumerated().map { index, id in
      let info = try #require(graph[id].info)
      return Tensor(shape: info.shape, elements: numbers(info.shape.elementCount, seed: UInt64(index + 1)))
    }
    let expected = try Evaluator(graph).run(inputs)
    let found = try Evaluator(simple).run(inputs)
    #expect(found.map(\.shape) == expected.map(\.shape))
    for (left, right) in zip(expected, found) {
      for (expected, found) in zip(left.floats, right.floats) { #expect(abs(expected - found) <= 1e-5) }
    }
    #expect(simple.outputs.map { simple[$0].name } == graph.outputs.map { graph[$0].name })
    return (simple, report)
  }

  /// conv of `kind` with 4 input and 6 output channels in 2 groups, then `steps`.
  private func convolution(
    _ opType: String, bias: Bool, _ steps: (inout Graph, ValueID) throws -> ValueID
  ) throws -> Graph {
    var graph = Graph(name: opType)
    let x = graph.input("x", [1, 4, 5, 5])
    let shape = opType == "Conv" ? [6, 2, 3, 3] : [4, 3, 3, 3]
    let w = graph.constant("w", shape, numbers(shape.elementCount, seed: 3))
    let b: [ValueID] = bias ? [graph.constant("b", [6], numbers(6, seed: 4))] : []
    let y = try graph.node(opType, "conv", [x, w] + b, ["group": .int(2)])
    graph.outputs = [try steps(&graph, y)]
    return graph
  }

  private func normalize(_ graph: inout Graph, _ value: ValueID, channels: Int) throws -> ValueID {
    let statistics = ["scale", "shift", "mean", "variance"].enumerated().map { index, name in
      // A variance of at least 0.5 keeps the factors near 1.
      let elements = numbers(channels, seed: UInt64(10 + index)).map { name == "variance" ? abs($0) + 0.5 : $0 }
      return graph.constant(name, [channels], elements)
    }
    return try graph.node("BatchNormalization", "bn", [value] + statistics, ["epsilon": .float(0.001)])
  }

  @Test(arguments: ["Conv", "ConvTranspose"], [false, true])
  func batchNormalizationGoesIntoConvolutions(_ opType: String, _ bias: Bool) throws {
    let graph = try convolution(opType, bias: bias) { try normalize(&$0, $1, channels: 6) }
    let (simple, report) = try simplify(graph)
    #expect(simple.nodes.map(\.name) == ["conv"])
    #expect(report.rewrites == [.init(rule: .affineFolded, node: "bn", into: "conv")])
  }

  /// Scale and shift per channel, a scalar, and the constant as the first operand.
  @Test(arguments: ["Conv", "ConvTranspose"]) func channelArithmeticGoesIntoConvolutions(_ opType: String) throws {
    let graph = try convolution(opType, bias: true) { graph, value in
      let scale = graph.constant("scale", [6, 1, 1], numbers(6, seed: 5))
      let shift = graph.constant("shift", [1, 6, 1, 1], numbers(6, seed: 6))
      let scaled = try graph.node("Mul", "scaled", [scale, value])
      let shifted = try graph.node("Sub", "shifted", [shift, scaled])
      let halved = try graph.node("Div", "halved", [shifted, graph.constant("two", [], [2])])
      return try graph.node("Add", "raised", [halved, graph.constant("one", [1], [1])])
    }
    let (simple, report) = try simplify(graph)
    #expect(simple.nodes.map(\.name) == ["conv"])
    #expect(report.count(of: .affineFolded) == 4)
  }

  @Test func arithmeticAlongOtherAxesStays() throws {
    let graph = try convolution("Conv", bias: false) { graph, value in
      let row = graph.constant("row", [3], numbers(3, seed: 5))
      return try graph.node("Mul", "scaled", [value, row])
    }
    #expect(try simplify(graph).0.nodes.map(\.kind) == [.conv, .mul])
  }

  @Test func aValueThatOthersReadIsNotChanged() throws {
    let graph = try convolution("Conv", bias: false) { graph, value in
      let normal = try normalize(&graph, value, channels: 6)
      return try graph.node("Add", "both", [normal, value])
    }
    #expect(try simplify(graph).0.nodes.map(\.kind) == [.conv, .batchNormalization, .add])
  }

  @Test func aWeightThatOthersReadIsCopied() throws {
    var graph = Graph(name: "shared")
    let x = graph.input("x", [1, 6])
    let w = graph.constant("w", [6, 6], numbers(36, seed: 2))
    let first = try graph.node("Gemm", "first", [x, w])
    let normal = try normalize(&graph, first, channels: 6)
    graph.outputs = [try graph.node("Gemm", "second", [normal, w])]
    #expect(try simplify(graph).0.nodes.map(\.kind) == [.gemm, .gemm])
  }

  /// The autoencoder's layers: MatMul, Add, Mul, Add.
  @Test func denseLayersBecomeOneGemm() throws {
    var graph = Graph(name: "dense")
    let x = graph.input("x", [2, 5])
    let product = try graph.node("MatMul", "product", [x, graph.constant("w", [5, 4], numbers(20, seed: 2))])
    let biased = try graph.node("Add", "biased", [product, graph.constant("b", [4], numbers(4, seed: 3))])
    let scaled = try graph.node("Mul", "scaled", [biased, graph.constant("s", [4], numbers(4, seed: 4))])
    graph.outputs = [try graph.node("Add", "y", [scaled, graph.constant("t", [1, 4], numbers(4, seed: 5))])]
    let (simple, report) = try simplify(graph)
    #expect(simple.nodes.map(\.kind) == [.gemm])
    #expect(report.count(of: .affineFolded) == 3)
    #expect(report.count(of: .matMulBecameGemm) == 1)
  }

  @Test(arguments: [false, true]) func batchNormalizationGoesIntoGemm(_ transposed: Bool) throws {
    var graph = Graph(name: "gemm")
    let x = graph.input("x", [2, 5])
    let w = graph.constant("w", transposed ? [4, 5] : [5, 4], numbers(20, seed: 2))
    let c = graph.constant("c", [1, 4], numbers(4, seed: 3))
    let attributes: [String: AttributeValue] = [
      "transB": .int(transposed ? 1 : 0), "alpha": .float(0.5), "beta": .float(2),
    ]
    let y = try graph.node("Gemm", "gemm", [x, w, c], attributes)
    graph.outputs = [try normalize(&graph, y, channels: 4)]
    #expect(try simplify(graph).0.nodes.map(\.kind) == [.gemm])
  }

  @Test func aBiasPerRowIsNotFolded() throws {
    var graph = Graph(name: "gemm")
    let x = graph.input("x", [2, 5])
    let w = graph.constant("w", [5, 4], numbers(20, seed: 2))
    let y = try graph.node("Gemm", "gemm", [x, w, graph.constant("c", [2, 1], [1, 2])])
    graph.outputs = [try normalize(&graph, y, channels: 4)]
    #expect(try simplify(graph).0.nodes.map(\.kind) == [.gemm, .batchNormalization])
  }

  /// Shape -> Gather -> Unsqueeze -> Concat -> Reshape, as PyTorch exports a view.
  @Test func shapeArithmeticVanishes() throws {
    var graph = Graph(name: "view")
    let x = graph.input("x", [2, 3, 4])
    let shape = try graph.node("Shape", "shape", [x])
    let zero = graph.addConstant(name: "zero", Tensor(scalar: Int64(0)))
    let batch = try graph.node("Gather", "batch", [shape, zero], ["axis": .int(0)])
    let list = try graph.node("Unsqueeze", "list", [batch, graph.integers("axes", [0])])
    let extents = try graph.node("Concat", "extents", [list, graph.integers("rest", [-1])], ["axis": .int(0)])
    graph.outputs = [try graph.node("Reshape", "y", [x, extents])]
    let (simple, report) = try simplify(graph)
    #expect(simple.nodes.map(\.kind) == [.reshape])
    #expect(report.count(of: .constantFolded) == 4)
  }

  @Test func quantizedWeightsStayQuantized() throws {
    var graph = Graph(name: "quantized")
    let x = graph.input("x", [1, 2])
    let w = graph.constant("w", [2, 2], [1, -1, 0.5, 0.25])
    let scale = graph.constant("scale", [], [0.25])
    let zero = graph.addConstant(name: "zero", Tensor(scalar: Int8(0)))
    let quantized = try graph.node("QuantizeLinear", "quantized", [w, scale, zero])
    let weight = try graph.node("DequantizeLinear", "weight", [quantized, scale, zero])
    graph.outputs = [try graph.node("MatMul", "y", [x, weight])]
    let (simple, _) = try simplify(graph)
    #expect(simple.nodes.map(\.kind) == [.dequantizeLinear, .matMul])
    #expect(simple[try #require(simple.nodes[0].inputs[0])].constant?.dtype == .int8)
  }

  @Test func foldingDoesNotInflateTheFile() throws {
    var graph = Graph(name: "expansion")
    let x = graph.input("x", [1])
    // 4 MB from 4 bytes: above the bound, so the node stays.
    let wide = try graph.node("Expand", "wide", [graph.constant("one", [1], [1]), graph.integers("n", [1 << 20])])
    let narrow = try graph.node("Expand", "narrow", [graph.constant("two", [1], [2]), graph.integers("m", [1 << 10])])
    let sum = try graph.node("Add", "sum", [wide, x])
    graph.outputs = [try graph.node("ReduceMax", "y", [sum]), try graph.node("Add", "z", [narrow, x])]
    #expect(try simplify(graph).0.nodes.map(\.name) == ["wide", "sum", "y", "z"])
  }

  @Test func noOpsAreTakenOut() throws {
    var graph = Graph(name: "no-ops")
    let x = graph.input("x", [1, 3, 4])
    var value = try graph.node("Relu", "relu", [x])
    value = try graph.node("Identity", "identity", [value])
    value = try graph.node("Dropout", "dropout", [value])
    value = try graph.node("Reshape", "reshape", [value, graph.integers("same", [1, -1, 4])])
    value = try graph.node("Transpose", "transpose", [value], ["perm": .ints([0, 1, 2])])
    value = try graph.node("Cast", "cast", [value], ["to": .int(1)])
    value = try graph.node("Pad", "pad", [value, graph.integers("none", [0, 0, 0, 0, 0, 0])])
    value = try graph.node(
      "Slice", "slice",
      [value, graph.integers("starts", [0]), graph.integers("ends", [4]), graph.integers("axes", [2])])
    value = try graph.node("Concat", "concat", [value], ["axis": .int(0)])
    graph.outputs = [value]
    let (simple, report) = try simplify(graph)
    #expect(simple.nodes.map(\.kind) == [.relu])
    #expect(report.count(of: .noOpRemoved) == 8)
  }

  @Test func whatKeepsExtentsButNotValuesStays() throws {
    var graph = Graph(name: "reversal")
    let x = graph.input("x", [2, 2])
    let transposed = try graph.node("Transpose", "transposed", [x], ["perm": .ints([1, 0])])
    let reversed = try graph.node(
      "Slice", "reversed",
      [
        transposed, graph.integers("starts", [1]), graph.integers("ends", [-3]), graph.integers("axes", [0]),
        graph.integers("steps", [-1]),
      ])
    let shifted = try graph.node("Pad", "shifted", [reversed, graph.integers("pads", [1, 0, -1, 0])])
    graph.outputs = [shifted]
    #expect(try simplify(graph).0.nodes.map(\.kind) == [.transpose, .slice, .pad])
  }

  @Test func anInputThatIsHandedOnKeepsBothNames() throws {
    var graph = Graph(name: "pass")
    let x = graph.input("x", [2])
    graph.outputs = [try graph.node("Identity", "y", [x])]
    let (simple, _) = try simplify(graph)
    #expect(simple.nodes.map(\.kind) == [.identity])
    #expect(simple.inputs.map { simple[$0].name } == ["x"])
  }

  @Test func twoOutputsOfOneValueKeepTheirNames() throws {
    var graph = Graph(name: "twins")
    let x = graph.input("x", [2])
    let relu = try graph.node("Relu", "relu", [x])
    graph.outputs = [try graph.node("Identity", "y", [relu]), try graph.node("Identity", "z", [relu])]
    #expect(try simplify(graph).0.nodes.map(\.kind) == [.relu, .identity])
  }

  @Test func transposesInARowAreMerged() throws {
    var graph = Graph(name: "transposes")
    let x = graph.input("x", [2, 3, 4])
    let first = try graph.node("Transpose", "first", [x], ["perm": .ints([1, 2, 0])])
    let second = try graph.node("Transpose", "second", [first], ["perm": .ints([0, 2, 1])])
    graph.outputs = [second, try graph.node("Transpose", "back", [first], ["perm": .ints([2, 0, 1])])]
    let (simple, _) = try simplify(graph)
    #expect(simple.nodes.map(\.kind) == [.transpose, .transpose])
    #expect((simple.nodes[0].op as? Transpose)?.permutation == [1, 0, 2])
  }

  @Test func reshapesInARowAreMerged() throws {
    var graph = Graph(name: "reshapes")
    let x = graph.input("x", [2, 3, 4])
    let flat = try graph.node("Flatten", "flat", [x])
    let column = try graph.node("Unsqueeze", "column", [flat, graph.integers("axes", [2])])
    graph.outputs = [try graph.node("Reshape", "y", [column, graph.integers("shape", [0, 3, -1])])]
    #expect(try simplify(graph).0.nodes.map(\.name) == ["y"])
  }

  @Test func zeroPadsGoIntoTheConvolution() throws {
    var graph = Graph(name: "padded")
    let x = graph.input("x", [1, 2, 4, 4])
    let padded = try graph.node("Pad", "padded", [x, graph.integers("pads", [0, 0, 0, 1, 0, 0, 1, 2])])
    let w = graph.constant("w", [1, 2, 2, 2], numbers(8, seed: 2))
    graph.outputs = [try graph.node("Conv", "conv", [padded, w], ["pads": .ints([1, 0, 0, 0])])]
    let (simple, report) = try simplify(graph)
    #expect((simple.nodes[0].op as? Conv)?.window.pads == [1, 1, 1, 2])
    #expect(simple.nodes.count == 1 && report.count(of: .padFolded) == 1)
  }

  @Test func otherPadsStay() throws {
    for (name, value, pads) in [
      ("ones", Float(1), [0, 0, 1, 1, 0, 0, 1, 1]), ("channels", 0, [0, 1, 0, 0, 0, 0, 0, 0]),
    ] {
      var graph = Graph(name: name)
      let x = graph.input("x", [1, 2, 4, 4])
      let padded = try graph.node(
        "Pad", "padded", [x, graph.integers("pads", pads.map { Int64($0) }), graph.constant("value", [], [value])])
      let channels = 2 + pads[1]
      let w = graph.constant("w", [1, channels, 2, 2], numbers(channels * 4, seed: 2))
      graph.outputs = [try graph.node("Conv", "conv", [padded, w])]
      #expect(try simplify(graph).0.nodes.map(\.kind) == [.pad, .conv], "\(name)")
    }
  }

  @Test func deadNodesAreRemoved() throws {
    var graph = Graph(name: "dead")
    let x = graph.input("x", [2])
    let unread = try graph.node("Exp", "unread", [x])
    _ = try graph.node("Neg", "alsoUnread", [unread])
    graph.outputs = [try graph.node("Relu", "y", [x])]
    let (simple, report) = try simplify(graph)
    #expect(simple.nodes.map(\.name) == ["y"])
    #expect(report.rewrites.map(\.node) == ["unread", "alsoUnread"])
  }

  @Test func simplifyingTwiceChangesNothing() throws {
    let graph = try convolution("Conv", bias: false) { try normalize(&$0, $1, channels: 6) }
    let once = try simplified(graph).0
    let (twice, report) = try simplified(once)
    #expect(report.rewrites.isEmpty)
    #expect(twice.description == once.description)
  }
}
