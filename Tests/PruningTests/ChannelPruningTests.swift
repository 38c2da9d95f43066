import Graph
import Operators
import Pruning
import Testing

@Suite struct ChannelPruningTests {
  /// The property of structured pruning, on 200 random networks: at every channel that stays, of every value, the pruned
  /// graph yields what the original does when nothing reads the channels that went.
  @Test(arguments: UInt64(0)..<200)
  func prunedGraphEqualsTheOriginalWithoutTheContributions(seed: UInt64) throws {
    let network = try RandomNetwork(seed: seed)
    var random = SketchRandom(seed: seed ^ 0xC0FFEE)
    var options = ChannelPruningOptions()
    options.criterion = [.l1, .l2][Int.random(in: 0...1, using: &random)]
    options.multiple = [1, 1, 2][Int.random(in: 0...2, using: &random)]
    options.target = ChannelTarget(
      ChannelTarget.Measure.allCases[Int.random(in: 0...2, using: &random)],
      share: .random(in: 0.35...0.9, using: &random))
    options.floorShare = 0
    let plan = try planned(network.graph, options)
    #expect(plan.cuts.contains { !$0.removed.isEmpty }, "nothing was removed")
    let (pruned, _) = try ChannelPruning(options).apply(plan, to: network.graph)
    for cut in plan.cuts where !cut.removed.isEmpty { #expect(cut.kept % options.multiple == 0 && cut.kept > 0) }
    #expect(pruned.multiplyAccumulates == plan.after.multiplyAccumulates)
    #expect(pruned.parameterCount == plan.after.parameters)

    try expectEqualWithoutContributions(network.graph, pruned, plan, network.input)
  }

  /// So that the property above is not one of networks that hardly couple.
  @Test func randomNetworksCutEveryKindOfCoupling() throws {
    var cutKinds: [OperatorKind: Int] = [:]
    for seed in UInt64(0)..<200 {
      let network = try RandomNetwork(seed: seed)
      var options = ChannelPruningOptions()
      options.floorShare = 0
      let removed = try planned(network.graph, options).removedIndices()
      let cut = Set(removed.keys.map(\.value))
      for kind in Set(
        network.graph.nodes.filter { node in node.inputs.contains { $0.map(cut.contains) ?? false } }.map(\.kind))
      { cutKinds[kind, default: 0] += 1 }
    }
    let wanted: [OperatorKind] = [
      .conv, .convTranspose, .gemm, .matMul, .batchNormalization, .add, .mul, .concat, .split, .slice, .pad, .reshape,
      .transpose, .flatten, .lstm, .gru, .rnn, .softmax, .reduceMean, .globalAveragePool, .maxPool,
    ]
    for kind in wanted { #expect(cutKinds[kind, default: 0] >= 5, "\(kind): \(cutKinds[kind, default: 0])") }
  }

  /// On the same networks: channels whose readers are zero go, what only they read goes with them, and nothing changes.
  @Test(arguments: UInt64(0)..<200)
  func unusedChannelsGoAndNoValueChanges(seed: UInt64) throws {
    let network = try RandomNetwork(seed: seed)
    var random = SketchRandom(seed: seed ^ 0xFADE)
    var graph = network.graph
    var options = ChannelPruningOptions()
    options.target = nil
    let pass = ChannelPruning(options)
    let groups = try pass.collect(from: graph).groups
    let unread = groups.map { group in
      group.isReadByWeightsAlone ? (1..<group.count).filter { _ in Bool.random(using: &random) } : []
    }
    for (group, channels) in zip(groups, unread) {
      for member in group.members where member.isWeight && member.isMixed {
        let weight = try #require(graph[member.axis.value].constant)
        graph[member.axis.value].info = ValueInfo(
          weight.zeroing(channels.flatMap { member.indices[$0] }, axis: member.axis.axis))
      }
    }
    let plan = try pass.plan(pass.collect(from: graph), for: graph)
    for (cut, channels) in zip(plan.cuts, unread) { #expect(Set(cut.removed).isSuperset(of: channels)) }
    let (pruned, report) = try pass.apply(plan, to: graph)
    #expect(report.target == nil && pruned.parameterCount == plan.after.parameters)
    let before = try Evaluator(graph).run([network.input])[0].floats
    let after = try Evaluator(pruned).run([network.input])[0].floats
    // Sums over fewer zeros may round otherwise.
    let greatest = before.reduce(Float(1e-3)) { max($0, abs($1)) }
    #expect(zip(before, after).allSatisfy { abs($0 - $1) <= 1e-4 * greatest } && before.count == after.count)
    // What has no zeros keeps its channels.
    let untouched = try pass.plan(pass.collect(from: network.graph), for: network.graph)
    #expect(untouched.cuts.map(\.removed.count).max() == 0)
  }

  /// The plan for the target, or for the least that the network can become.
  private func planned(_ graph: Graph, _ options: ChannelPruningOptions) throws -> ChannelPlan {
    let pass = ChannelPruning(options)
    let survey = try pass.collect(from: graph)
    do throws(ChannelPruningError) {
      return try pass.plan(survey, for: graph)
    } catch .targetUnreachable(let target, let lowest) {
      var reachable = pass
      reachable.options.target?.share = (lowest + 1) / 2
      #expect(target == options.target && lowest > target.share)
      return try reachable.plan(survey, for: graph)
    }
  }
}
