import Graph
import HostTensors
import Pruning
import Testing

/// Pruning in one go: as many zeros as asked for, where they belong.
@Suite struct OneShotTests {
  private static func prune(
    _ graph: Graph, _ sparsity: Double, _ change: (inout PruningOptions) -> Void = { _ in }
  ) throws -> (graph: Graph, report: PruningReport) {
    var options = PruningOptions(sparsity: sparsity)
    change(&options)
    let pruning = try WeightPruning(options)
    return try pruning.apply(pruning.plan(pruning.collect(from: graph)), to: graph)
  }

  private static func zeros(_ weights: [Float]) -> Int { weights.reduce(0) { $0 + ($1 == 0 ? 1 : 0) } }

  @Test(arguments: [0, 0.31, 0.5, 0.8, 0.9, 0.99]) func everyLayerHasTheShareAskedFor(sparsity: Double) throws {
    let graph = try oddNetwork()
    let (pruned, report) = try Self.prune(graph, sparsity) { $0.scope = .layer }
    for (index, name) in oddWeights.enumerated() {
      let (before, after) = (graph.floats(name), pruned.floats(name))
      #expect(Self.zeros(after) == Int((sparsity * Double(before.count)).rounded()))
      #expect(report.layers[index].zerosAfter == Self.zeros(after))
      // What is left is as it was, and nothing that went was greater.
      #expect(zip(before, after).allSatisfy { $1 == 0 || $0 == $1 })
      let greatest = zip(before, after).filter { $1 == 0 }.map { abs($0.0) }.max()
      #expect((greatest ?? 0) <= after.filter { $0 != 0 }.map { abs($0) }.min()!)
      #expect(report.layers[index].threshold == greatest.map { Double($0) })
    }
    #expect(pruned.floats("dense1.bias") == graph.floats("dense1.bias"))
  }

  @Test(arguments: [0.5, 0.9, 0.97, 0.99]) func oneThresholdGivesTheTotalAndEmptiesNoLayer(sparsity: Double) throws {
    // The first layer's weights are so small that one threshold alone would take all of them.
    var graph = try oddNetwork()
    let small = graph.liveConstants().first { graph[$0].name == "conv.weight" }!
    graph[small].info = .init(Tensor(shape: [5, 3, 3, 3], elements: graph.floats("conv.weight").map { $0 / 1000 }))
    let (pruned, report) = try Self.prune(graph, sparsity)
    let total = 135 + 21 * 37 + 210
    #expect(report.zerosAfter == Int((sparsity * Double(total)).rounded()))
    let leastKept = max(1, Int(((1 - sparsity) * 0.2 * 135).rounded(.up)))
    #expect(pruned.floats("conv.weight").filter { $0 != 0 }.count == leastKept)
    for name in oddWeights { #expect(pruned.floats(name).contains { $0 != 0 }) }
  }

  /// Groups lie along the inputs; a remainder of r keeps r n / m, rounded up.
  @Test(arguments: ["2:4", "1:4", "4:8", "1:2"]) func atMostNOfMAreLeft(text: String) throws {
    let pattern = try #require(PruningPattern(text))
    guard case .nOfM(let most, let of) = pattern else {
      Issue.record("\(pattern)")
      return
    }
    let graph = try oddNetwork()
    let (pruned, _) = try Self.prune(graph, 0) { $0.pattern = pattern }
    for layer in pruned.prunableLayers() {
      let (before, after) = (graph.floats(layer.name), pruned.floats(layer.name))
      for output in 0..<layer.matrix.outputs {
        for first in stride(from: 0, to: layer.matrix.inputs, by: of) {
          let places = (first..<min(first + of, layer.matrix.inputs)).map {
            layer.matrix.offset(output: output, input: $0)
          }
          let left = places.filter { after[$0] != 0 }
          #expect(left.count == (places.count * most + of - 1) / of)
          let greatest = places.sorted { abs(before[$0]) > abs(before[$1]) }.prefix(left.count)
          #expect(Set(left) == Set(greatest))
        }
      }
    }
  }

  /// A block at the end of an axis is smaller and counts as one.
  @Test(arguments: ["1x4", "16x1", "4x4"], [PruningScope.layer, .global])
  func blocksGoAsAWhole(text: String, scope: PruningScope) throws {
    let pattern = try #require(PruningPattern(text))
    guard case .block(let height, let width) = pattern else {
      Issue.record("\(pattern)")
      return
    }
    let graph = try oddNetwork()
    let (pruned, _) = try Self.prune(graph, 0.7) {
      $0.pattern = pattern
      $0.scope = scope
    }
    var (gone, all) = (0, 0)
    for layer in pruned.prunableLayers() {
      let (before, after) = (graph.floats(layer.name), pruned.floats(layer.name))
      var goneOfLayer = 0
      var count = 0
      for top in stride(from: 0, to: layer.matrix.outputs, by: height) {
        for left in stride(from: 0, to: layer.matrix.inputs, by: width) {
          let places = (top..<min(top + height, layer.matrix.outputs)).flatMap { output in
            (left..<min(left + width, layer.matrix.inputs)).map { layer.matrix.offset(output: output, input: $0) }
          }
          let isGone = places.allSatisfy { after[$0] == 0 }
          #expect(isGone || places.allSatisfy { after[$0] == before[$0] })
          goneOfLayer += isGone ? 1 : 0
          count += 1
        }
      }
      if scope == .layer { #expect(goneOfLayer == Int((0.7 * Double(count)).rounded())) }
      gone += goneOfLayer
      all += count
    }
    if scope == .global { #expect(gone == Int((0.7 * Double(all)).rounded())) }
  }

  @Test func whatIsZeroAlreadyCounts() throws {
    let graph = try oddNetwork(zeros: { $0 % 5 < 3 })
    let (unchanged, report) = try Self.prune(graph, 0.5)
    for name in oddWeights { #expect(unchanged.floats(name) == graph.floats(name)) }
    #expect(report.zerosAfter == report.zerosBefore)
    let (pruned, further) = try Self.prune(graph, 0.8)
    #expect(further.zerosAfter == Int((0.8 * Double(further.weights)).rounded()))
    for name in oddWeights {
      #expect(zip(graph.floats(name), pruned.floats(name)).allSatisfy { $0 != 0 || $1 == 0 })
    }
  }

  @Test func layersMayHaveTheirOwnSparsityOrNone() throws {
    let graph = try oddNetwork()
    let (pruned, report) = try Self.prune(graph, 0.9) {
      $0.layers = [.init("dense*", 0.4), .init("conv*", 0), .init("dense2.weight", 0.6)]
    }
    #expect(pruned.floats("conv.weight") == graph.floats("conv.weight"))
    #expect(report.layers.map(\.isExcluded) == [true, false, false])
    #expect(report.layers.map(\.zerosAfter) == [0, 311, 126])
    #expect(throws: PruningError.self) { try Self.prune(graph, 0.9) { $0.layers = [.init("fc*", 0.5)] } }
    #expect(throws: PruningError.self) { try Self.prune(graph, 0.9) { $0.layers = [.init("*", 0)] } }
  }

  @Test func whatCannotBeIsRefused() throws {
    let graph = try oddNetwork()
    for sparsity in [-0.1, 1, 1.5, .nan] {
      #expect(throws: PruningError.self) { try WeightPruning(PruningOptions(sparsity: sparsity)) }
    }
    #expect(throws: PruningError.self) { try Self.prune(graph, 0.9) { $0.importance = .movement } }
    #expect(throws: PruningError.self) { try Self.prune(graph, 0.9) { $0.scope = .sensitivity } }
    #expect(throws: PruningError.self) {
      try WeightPruning(PruningOptions(sparsity: 0.5)).collect(from: Graph(name: ""))
    }
    for text in ["4:2", "4:4", "0:4", "2:", "x4", "1x", "2:4:8", "1x4000", "dense"] {
      #expect(PruningPattern(text) == nil, "\(text)")
    }
  }

  @Test func leastKeysAreThoseThatSortingGives() {
    for count in [1, 2, 3, 10, 257, 1000] {
      let values = numbers(count, seed: UInt64(count)).map { ($0 * 20).rounded() / 4 }
      let keys = values.enumerated().map { SmallestKeys.key($1, place: $0) }
      let sorted = keys.sorted()
      #expect(sorted.map(SmallestKeys.importance) == values.sorted())
      for wanted in [0, 1, count / 3, count - 1, count] {
        var selected = keys
        SmallestKeys.select(wanted, of: &selected)
        #expect(Set(selected.prefix(wanted)) == Set(sorted.prefix(wanted)))
      }
    }
  }
}
