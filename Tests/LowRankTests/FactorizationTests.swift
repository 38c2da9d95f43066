import Graph
import HostTensors
import LowRank
import Operators
import Testing

/// Factorized graphs against the graphs they stand for.
struct FactorizationTests {
  /// A graph of one node over an input `x` and constants.
  static func graph(
    _ opType: String, input: [Int], constants: [Tensor], attributes: [String: AttributeValue] = [:]
  ) throws -> Graph {
    var graph = Graph(name: "one")
    let x = graph.addValue(name: "x", info: ValueInfo(dtype: .float32, shape: input))
    graph.inputs = [x]
    try append(opType, &graph, x, constants, attributes)
    return graph
  }

  @discardableResult
  static func append(
    _ opType: String, _ graph: inout Graph, _ x: ValueID, _ constants: [Tensor],
    _ attributes: [String: AttributeValue] = [:]
  ) throws -> ValueID {
    let number = graph.nodes.count
    let inputs = constants.enumerated().map { graph.addConstant(name: "c\(number)_\($0)", $1) }
    let op = try makeOperator(
      NodeDefinition(opType: opType, attributes: attributes, inputCount: 1 + constants.count))
    let output = try graph.append(op, name: "node\(number)", inputs: [x] + inputs, output: "y\(number)")
    graph.outputs = [output]
    return output
  }

  static func random(_ shape: [Int], seed: UInt64 = 3) -> Tensor {
    Tensor(
      shape: shape,
      elements: SingularDecompositionTests.matrix(rows: 1, columns: shape.elementCount, seed: seed).map { Float($0) })
  }

  /// The graph with its first layer at full rank under `scheme`, whatever it costs.
  static func atFullRank(_ graph: Graph, _ scheme: FactorizationScheme, rank: Int) throws -> Graph {
    let pass = LowRankFactorization(.energy(1))
    var plan = try pass.plan(for: graph, from: pass.collect(from: graph))
    plan.layers[0].decision = .factorized(scheme, rank: rank, fullRank: rank, energy: 1)
    return try pass.apply(plan, to: graph)
  }

  static func distance(_ a: Graph, _ b: Graph, input: [Int]) throws -> Float {
    let x = random(input, seed: 9)
    let (first, second) = (try Evaluator(a).run([x])[0], try Evaluator(b).run([x])[0])
    guard first.shape == second.shape else { return .infinity }
    return zip(first.floats, second.floats).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }

  /// Sums of at most 72 products of numbers below 1, rounded to float twice: far below 1e-5.
  @Test func denseLayersAtFullRankComputeTheSame() throws {
    for (opType, weight, attributes) in [
      ("Gemm", [12, 7], [:]), ("Gemm", [7, 12], ["transB": .int(1)]),
      ("Gemm", [12, 7], ["alpha": .float(0.5), "beta": .float(-2)]), ("MatMul", [12, 7], [:]),
    ] as [(String, [Int], [String: AttributeValue])] {
      let constants = [Self.random(weight)] + (opType == "Gemm" ? [Self.random([7], seed: 5)] : [])
      let graph = try Self.graph(opType, input: [3, 12], constants: constants, attributes: attributes)
      let factorized = try Self.atFullRank(graph, .dense, rank: 7)
      #expect(factorized.nodes.count == 2)
      #expect(try Self.distance(graph, factorized, input: [3, 12]) < 1e-5)
    }
  }

  static let convolutions: [[String: AttributeValue]] = [
    [:], ["pads": .ints([1, 1, 1, 1])], ["strides": .ints([2, 3]), "pads": .ints([0, 2, 1, 0])],
    ["dilations": .ints([2, 1]), "pads": .ints([2, 0, 2, 3])],
    ["auto_pad": .string("SAME_UPPER"), "strides": .ints([2, 2])],
    ["auto_pad": .string("SAME_LOWER")],
  ]

  @Test(arguments: convolutions.indices, FactorizationScheme.allCases)
  func convolutionsAtFullRankComputeTheSame(_ index: Int, _ scheme: FactorizationScheme) throws {
    guard scheme != .dense else { return }
    let graph = try Self.graph(
      "Conv", input: [1, 4, 9, 10], constants: [Self.random([6, 4, 3, 3]), Self.random([6], seed: 5)],
      attributes: Self.convolutions[index])
    let factorized = try Self.atFullRank(graph, scheme, rank: scheme == .channel ? 6 : 12)
    #expect(factorized.nodes.count == 2)
    #expect(try Self.distance(graph, factorized, input: [1, 4, 9, 10]) < 1e-5)
  }

  @Test func convolutionsOverOneAxisHaveTheChannelSchemeOnly() throws {
    let graph = try Self.graph("Conv", input: [1, 4, 20], constants: [Self.random([6, 4, 5])])
    let factorized = try Self.atFullRank(graph, .channel, rank: 6)
    #expect(try Self.distance(graph, factorized, input: [1, 4, 20]) < 1e-5)
    #expect(throws: LowRankError.self) { try Self.atFullRank(graph, .spatial, rank: 6) }
  }

  /// Reported energy, cost and parameters against the weights of the graph that was made.
  @Test(arguments: FactorizationScheme.allCases)
  func reportedFiguresAreThoseOfTheResult(_ scheme: FactorizationScheme) throws {
    let graph =
      scheme == .dense
      ? try Self.graph("Gemm", input: [1, 40], constants: [Self.random([40, 30])])
      : try Self.graph(
        "Conv", input: [1, 16, 12, 12], constants: [Self.random([20, 16, 3, 3])],
        attributes: ["pads": .ints([1, 1, 1, 1])])
    let pass = LowRankFactorization(.multiplyAccumulates(share: 0.5))
    var spectra = pass.collect(from: graph)
    spectra[0].keep(scheme)
    let plan = try pass.plan(for: graph, from: spectra)
    guard case .factorized(scheme, let rank, _, let energy) = plan.layers[0].decision else {
      Issue.record("\(plan.layers[0].decision)")
      return
    }
    let factorized = try pass.apply(plan, to: graph)
    #expect(factorized.multiplyAccumulates == plan.multiplyAccumulatesAfter)
    #expect(factorized.parameterCount == plan.parametersAfter)
    #expect(plan.multiplyAccumulatesAfter * 2 <= plan.multiplyAccumulates && rank > 1)
    // An impulse in every input position gives all that is linear in the weight; its squares are the energy of the
    // difference as far as the scheme's matrix is the layer's: compare the weights that the factors multiply to.
    let weight = try #require(graph[graph.nodes[0].inputs[1]!].constant)
    let product = try Self.multiplied(factorized, scheme, like: weight)
    let lost = SingularDecompositionTests.squares(zip(weight.floats, product).lazy.map { Double($0) - $1 })
    let total = SingularDecompositionTests.squares(weight.floats.lazy.map { Double($0) })
    // Factors are rounded to float32: relative 1e-7 of each product.
    #expect(abs((1 - lost / total) - energy) < 1e-5)
  }

  /// The kernel or matrix that the two layers of `graph` amount to, in the layout of `weight`.
  private static func multiplied(_ graph: Graph, _ scheme: FactorizationScheme, like weight: Tensor) throws -> [Double]
  {
    let first = try #require(graph[graph.nodes[0].inputs[1]!].constant)
    let second = try #require(graph[graph.nodes[1].inputs[1]!].constant)
    let (a, b) = (first.floats.map(Double.init), second.floats.map(Double.init))
    let shape = weight.shape
    let rank = scheme == .dense ? first.shape[1] : first.shape[0]
    if scheme == .dense {
      return SingularDecompositionTests.product((a, b), rows: shape[0], columns: shape[1], rank: rank)
    }
    if scheme == .channel {
      return SingularDecompositionTests.product((b, a), rows: shape[0], columns: shape[1] * 9, rank: rank)
    }
    var product = [Double](repeating: 0, count: weight.count)
    for filter in 0..<shape[0] {
      for channel in 0..<shape[1] {
        for tap in 0..<9 {
          product[(filter * shape[1] + channel) * 9 + tap] = (0..<rank).reduce(0) { sum, index in
            sum + a[(index * shape[1] + channel) * 3 + tap / 3] * b[(filter * rank + index) * 3 + tap % 3]
          }
        }
      }
    }
    return product
  }

  @Test func energyFindsTheRankOfADependentWeight() throws {
    let thin = SingularDecompositionTests.matrix(rows: 40, columns: 3)
    let wide = SingularDecompositionTests.matrix(rows: 3, columns: 30)
    let product = SingularDecompositionTests.product((thin, wide), rows: 40, columns: 30, rank: 3)
    let weight = Tensor(shape: [40, 30], elements: product.map { Float($0) })
    let graph = try Self.graph("Gemm", input: [1, 40], constants: [weight])
    let pass = LowRankFactorization(.energy(0.999999))
    let plan = try pass.plan(for: graph, from: pass.collect(from: graph))
    guard case .factorized(.dense, rank: 3, fullRank: 30, let energy) = plan.layers[0].decision else {
      Issue.record("\(plan.layers[0].decision)")
      return
    }
    #expect(energy > 0.999999)
    #expect(try Self.distance(graph, pass.apply(plan, to: graph), input: [1, 40]) < 1e-5)
  }

  @Test func budgetsAreKeptByNetworksOfSeveralLayers() throws {
    var graph = try Self.graph(
      "Conv", input: [1, 8, 16, 16], constants: [Self.random([24, 8, 5, 5])], attributes: ["pads": .ints([2, 2, 2, 2])])
    let relu = try Self.append("Relu", &graph, graph.outputs[0], [])
    let next = try Self.append("Conv", &graph, relu, [Self.random([32, 24, 3, 3], seed: 8)])
    let flat = try Self.append("Flatten", &graph, next, [])
    let width = graph[flat].info?.shape[1] ?? 0
    try Self.append("Gemm", &graph, flat, [Self.random([width, 10], seed: 11)])
    for share in [0.8, 0.5, 0.2] {
      let pass = LowRankFactorization(.multiplyAccumulates(share: share))
      let plan = try pass.plan(for: graph, from: pass.collect(from: graph))
      let factorized = try pass.apply(plan, to: graph)
      let limit = Int(share * Double(graph.multiplyAccumulates))
      #expect(factorized.multiplyAccumulates == plan.multiplyAccumulatesAfter)
      #expect(factorized.multiplyAccumulates <= limit && factorized.multiplyAccumulates > limit * 9 / 10)
    }
    let pass = LowRankFactorization(.multiplyAccumulates(share: 0.0001))
    #expect(throws: LowRankError.self) { try pass.plan(for: graph, from: pass.collect(from: graph)) }
  }

  @Test func whatEarlierPassesMadeIsLeftAndNamed() throws {
    let dense = Self.random([40, 30]).floats
    let masked = Tensor(shape: [40, 30], elements: dense.map { abs($0) < 0.5 ? 0 : $0 })
    let shared = Tensor(shape: [40, 30], elements: dense.map { ($0 * 8).rounded() / 8 + 1e-3 })
    let depthwise = try Self.graph(
      "Conv", input: [1, 8, 6, 6], constants: [Self.random([8, 1, 3, 3])], attributes: ["group": .int(8)])
    let grouped = try Self.graph(
      "Conv", input: [1, 8, 6, 6], constants: [Self.random([8, 4, 3, 3])], attributes: ["group": .int(2)])
    for (graph, word) in [
      (try Self.graph("Gemm", input: [1, 40], constants: [masked]), "mask"),
      (try Self.graph("Gemm", input: [1, 40], constants: [shared]), "codebook"), (depthwise, "depthwise"),
      (grouped, "2 groups"),
    ] {
      let pass = LowRankFactorization(.energy(0.5))
      do throws(LowRankError) {
        _ = try pass.plan(for: graph, from: pass.collect(from: graph))
        Issue.record("factorized \(word)")
      } catch {
        guard case .nothingToFactorize(let reasons) = error else { throw error }
        #expect(reasons.count == 1 && reasons[0].contains(word))
      }
    }
  }
}
