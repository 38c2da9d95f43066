import Graph
import HostTensors
import Operators
import Testing
import Training
import WeightSharing

/// SplitMix64, so that each case is the same everywhere.
private struct Numbers: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
  mutating func weights(_ count: Int, sparsity: Double = 0) -> [Float] {
    (0..<count).map { _ in
      Double.random(in: 0..<1, using: &self) < sparsity ? 0 : Float.random(in: -1...1, using: &self)
    }
  }
}

/// x W + b, weights [inputs, outputs].
private func dense(_ weights: [Float], _ bias: [Float], inputs: Int) throws -> Graph {
  var graph = Graph(name: "dense")
  let outputs = bias.count
  let x = graph.addValue(name: "x", info: ValueInfo(dtype: .float32, shape: [1, inputs]))
  graph.inputs = [x]
  let w = graph.addConstant(name: "w", Tensor(shape: [inputs, outputs], elements: weights))
  let b = graph.addConstant(name: "b", Tensor(shape: [outputs], elements: bias))
  let gemm = try makeOperator(NodeDefinition(opType: "Gemm", inputCount: 3))
  let y = try graph.append(gemm, name: "dense", inputs: [x, w, b], output: "y")
  graph.outputs = [y]
  return graph
}

@Suite struct ScalarClusteringTests {
  /// The best grouping in one dimension, by trying every one.
  private func leastError(_ sorted: [Float], _ count: Int) -> Double {
    func cost(_ range: Range<Int>) -> Double {
      let mean = sorted[range].reduce(0.0) { $0 + Double($1) } / Double(range.count)
      return sorted[range].reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
    }
    var best = (0...sorted.count).map { $0 == 0 ? 0 : cost(0..<$0) }
    for _ in 1..<count {
      best = best.indices.map { end in (0..<max(end, 1)).map { best[$0] + ($0 < end ? cost($0..<end) : 0) }.min()! }
    }
    return best[sorted.count]
  }

  @Test(arguments: 1...5) func comesNearTheBestGrouping(count: Int) {
    var numbers = Numbers(state: 4)
    for _ in 0..<20 {
      let values = numbers.weights(24)
      let clustering = ScalarClustering(values, count: count)
      let error = values.reduce(0.0) {
        let change = Double($1) - Double(clustering.centroid(of: $1))
        return $0 + change * change
      }
      let best = leastError(values.sorted(), count)
      #expect(clustering.centroids.count <= count)
      #expect(error >= best - 1e-9)
      // Lloyd's iterations end in a local minimum; from even spacing it is never far from the best here.
      #expect(error <= 2.5 * best + 1e-9)
    }
  }

  @Test func everyNumberGoesToTheNearestCentroidAndCentroidsAreMeans() {
    var numbers = Numbers(state: 8)
    let values = numbers.weights(500)
    let clustering = ScalarClustering(values, count: 16)
    var members: [Float: [Float]] = [:]
    for value in values {
      let centroid = clustering.centroid(of: value)
      members[centroid, default: []].append(value)
      let nearest = clustering.centroids.map { abs($0 - value) }.min()!
      #expect(abs(centroid - value) <= nearest + 1e-6)
    }
    for (centroid, values) in members {
      let mean = values.reduce(0.0) { $0 + Double($1) } / Double(values.count)
      #expect(abs(mean - Double(centroid)) < 1e-6)
    }
  }

  @Test func noCentroidIsZero() {
    // Symmetric, so that the mean of the only group is zero.
    let clustering = ScalarClustering([-1, 1, -0.5, 0.5], count: 1)
    #expect(clustering.centroids == [-0.5] || clustering.centroids == [0.5])
  }

  @Test func fewerValuesThanGroupsStayAsTheyAre() {
    let clustering = ScalarClustering([3, 1, 3, 2, 1], count: 16)
    #expect(clustering.centroids == [1, 2, 3])
    #expect([1, 2, 3].map { clustering.centroid(of: $0) } == [1, 2, 3])
  }
}

@Suite struct WeightSharingTests {
  @Test(arguments: 1...8) func tensorsHaveAsManyValuesAsBitsAllow(bits: Int) throws {
    var numbers = Numbers(state: 12)
    let weights = numbers.weights(64 * 100, sparsity: 0.7)
    let graph = try dense(weights, numbers.weights(100), inputs: 64)
    let (shared, report) = try WeightSharing(SharingOptions(bits: bits)).applied(to: graph)
    let after = try #require(shared[shared.nodes[0].inputs[1]!].constant).floats
    #expect(Set(after).count <= min(256, 1 << bits + 1))
    for (before, after) in zip(weights, after) { #expect((before == 0) == (after == 0)) }
    #expect(report.layers.map(\.name) == ["w"])
    #expect(report.layers[0].distinctAfter == Set(after).count)
    #expect(report.layers[0].relativeError < 0.7)
    // What training and packing take for a codebook.
    #expect(Training.Codebook(of: after) != nil)
  }

  @Test func moreBitsMakeLessError() throws {
    var numbers = Numbers(state: 13)
    let graph = try dense(numbers.weights(6400), numbers.weights(100), inputs: 64)
    let errors = try (1...8).map {
      try WeightSharing(SharingOptions(bits: $0)).applied(to: graph).report.layers[0].relativeError
    }
    #expect(errors == errors.sorted(by: >))
    // 256 values evenly over -1...1: a step of 2/256, whose root mean square error is step / sqrt(12).
    #expect(errors[7] < 1.1 * (2.0 / 255 / 12.0.squareRoot()) / (1 / 3.0.squareRoot()))
  }

  /// Training leaves values that are not spread as k-means would spread them.
  @Test func fewValuesStayAsTheyAre() throws {
    let values: [Float] = [-3, -2.99, 0.001, 0.002, 0.003, 0.004, 0.005, 7]
    let weights = (0..<640).map { $0 % 3 == 0 ? 0 : values[$0 / 3 % 8] }
    let graph = try dense(weights, [Float](repeating: 1, count: 10), inputs: 64)
    let (shared, report) = try WeightSharing(SharingOptions(bits: 3)).applied(to: graph)
    #expect(shared[shared.nodes[0].inputs[1]!].constant?.floats == weights)
    #expect(report.layers[0].relativeError == 0 && report.layers[0].distinctAfter == 9)
  }

  @Test(arguments: [200, 6400]) func pruningMayAddAZero(count: Int) throws {
    var numbers = Numbers(state: 15)
    let graph = try dense(numbers.weights(count), numbers.weights(count / 20), inputs: 20)
    let (shared, _) = try WeightSharing(SharingOptions(bits: 8)).applied(to: graph)
    var weights = try #require(shared[shared.nodes[0].inputs[1]!].constant).floats
    #expect(Set(weights).count == min(256, count / 8) - 1)
    weights[weights.count / 2] = 0
    #expect(Training.Codebook(of: weights) != nil)
  }

  @Test func sharingTwiceChangesNothing() throws {
    var numbers = Numbers(state: 14)
    let graph = try dense(numbers.weights(3200), numbers.weights(50), inputs: 64)
    let pass = try WeightSharing(SharingOptions(bits: 4))
    let once = try pass.applied(to: graph).graph
    let twice = try pass.applied(to: once)
    #expect(twice.report.layers[0].relativeError < 1e-7)
    #expect(
      try pass.applied(to: graph).graph[once.nodes[0].inputs[1]!].constant?.floats
        == once[once.nodes[0].inputs[1]!].constant?.floats)
  }

  @Test func layersAndBiasesFollowTheirOwnBits() throws {
    var numbers = Numbers(state: 15)
    let graph = try dense(numbers.weights(6400), numbers.weights(100), inputs: 64)
    var options = SharingOptions(bits: 6)
    options.layers = [SharingOptions.LayerBits("w*", 2)]
    options.biasBits = 3
    let report = try WeightSharing(options).applied(to: graph).report
    #expect(report.layers.map(\.name) == ["w", "b"])
    #expect(report.layers[0].distinctAfter == 4)
    #expect(report.layers[1].distinctAfter == 8)
    options.layers = [SharingOptions.LayerBits("w", 0)]
    #expect(try WeightSharing(options).applied(to: graph).report.layers[0].relativeError == 0)
  }

  @Test func whatCannotBeSharedIsRefused() throws {
    #expect(throws: SharingError.bits(9)) { try WeightSharing(SharingOptions(bits: 9)) }
    var options = SharingOptions(bits: 4)
    options.layers = [SharingOptions.LayerBits("conv*", 3)]
    let graph = try dense([Float](repeating: 1, count: 8), [1, 2], inputs: 4)
    #expect(throws: SharingError.nothingNamed(pattern: "conv*", known: ["w"])) {
      try WeightSharing(options).applied(to: graph)
    }
    let broken = try dense([1, .nan, 1, 1, 1, 1, 1, 1], [1, 2], inputs: 4)
    #expect(throws: SharingError.notFinite(tensor: "w")) {
      try WeightSharing(SharingOptions(bits: 4)).applied(to: broken)
    }
    #expect(throws: SharingError.noWeights) { try WeightSharing(SharingOptions(bits: 4)).applied(to: Graph(name: "")) }
  }
}
