import Foundation
import Graph
import HostTensors
import ONNX
import Operators
import Pruning
import TensorTypes
import Testing

@Suite struct ChannelGroupTests {
  struct Shipped: Sendable, CustomTestStringConvertible {
    var model: String
    /// Channels of every group, in the order of the nodes.
    var groups: [Int]
    /// Channels that stay for a reason.
    var whole: [Int]
    var multiplyAccumulates: Int
    var testDescription: String { model }
  }

  /// Counted by hand in the published architectures: a residual stage is one group, as is each pair of a pointwise and
  /// the depthwise convolution behind it; the classes stay.
  static let shipped = [
    Shipped(model: "resnet8-cifar10", groups: [16, 16, 32, 32, 64, 64], whole: [10], multiplyAccumulates: 12_501_632),
    Shipped(model: "dscnn-kws", groups: [64, 64, 64, 64, 64], whole: [12], multiplyAccumulates: 2_656_768),
    Shipped(
      model: "mobilenetv1-0.25-vww", groups: [8, 16, 32, 32, 64, 64, 128, 128, 128, 128, 128, 128, 256, 256],
      whole: [2], multiplyAccumulates: 7_489_664),
    // The channels that zeros pad are of the groups of 16 and 32 that the second and third stage add to theirs.
    Shipped(
      model: "resnet20-cifar10", groups: [16, 16, 16, 16, 32, 16, 32, 32, 64, 32, 64, 64], whole: [10],
      multiplyAccumulates: 40_551_040),
  ]

  @Test(arguments: shipped) func shippedNetworkIsHalved(_ shipped: Shipped) throws {
    let models = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("models")
    let file = models.appendingPathComponent("\(shipped.model)/\(shipped.model).onnx")
    let graph = try trainingForm(of: importONNX(contentsOf: file))
    let pass = ChannelPruning()
    let survey = try pass.collect(from: graph)
    #expect(survey.groups.map(\.count) == shipped.groups)
    #expect(survey.whole.map(\.count) == shipped.whole)
    let plan = try pass.plan(survey, for: graph)
    let (pruned, report) = try pass.apply(plan, to: graph)
    #expect(report.before.multiplyAccumulates == shipped.multiplyAccumulates)
    #expect(pruned.multiplyAccumulates == report.after.multiplyAccumulates)
    let share = Double(report.after.multiplyAccumulates) / Double(shipped.multiplyAccumulates)
    // The last channel to go may overshoot by its own share, 4 % of resnet8's in its first stage.
    #expect(share <= 0.5 && share > 0.45)
    let saved = report.groups.reduce(0) { $0 + $1.saved.parameters }
    #expect(saved == report.before.parameters - pruned.parameterCount)
    var random = SketchRandom(seed: 7)
    let shape = try #require(graph[graph.inputs[0]].info?.shape)
    try expectEqualWithoutContributions(graph, pruned, plan, random.tensor(shape, scale: 2))
  }

  /// As sentiment-lstm: word vectors, an LSTM and one output.
  @Test func hiddenUnitsAndWordVectorsAreGroups() throws {
    var sketch = ChannelSketch(seed: 1)
    let words = sketch.graph.addValue(name: "words", info: ValueInfo(dtype: .int64, shape: [5, 2]))
    sketch.graph.inputs = [words]
    let table = sketch.weight([30, 12], fanIn: 12)
    let vectors = try sketch.node(.gather, [table, words])
    let weights = [
      sketch.weight([1, 32, 12], fanIn: 12), sketch.weight([1, 32, 8], fanIn: 8), sketch.weight([1, 64], fanIn: 64),
    ]
    let states = try sketch.nodes(.lstm, [vectors] + weights, ["hidden_size": .int(8)], outputs: 2)
    let last = try sketch.node(.squeeze, [states[1]])
    sketch.graph.outputs = [try sketch.node(.sigmoid, [sketch.dense(last, to: 1)])]
    let graph = sketch.graph
    var options = ChannelPruningOptions()
    options.target = ChannelTarget(.parameters, share: 0.5)
    options.multiple = 2
    let pass = ChannelPruning(options)
    let survey = try pass.collect(from: graph)
    #expect(survey.groups.map(\.count).sorted() == [8, 12])
    let plan = try pass.plan(survey, for: graph)
    let (pruned, report) = try pass.apply(plan, to: graph)
    #expect(report.groups.allSatisfy { $0.after % 2 == 0 && $0.after < $0.before })
    let input = Tensor(shape: [5, 2], elements: (0..<10).map { Int64($0 * 3) })
    try expectEqualWithoutContributions(graph, pruned, plan, input)
  }

  /// Heads go whole where a reshape divides them; what a normalization reads stays and says why.
  @Test func transformerLosesHeadsAndHiddenUnitsButNotItsWidth() throws {
    var sketch = ChannelSketch(seed: 2)
    let image = sketch.input([2, 3, 4])
    let x = try sketch.dense(image, to: 10)
    let normalized = try sketch.node(.layerNormalization, [x, sketch.vector(10, around: 1), sketch.vector(10)])
    var parts: [ValueID] = []
    for order in [[0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]] {
      let split = try sketch.reshaped(sketch.dense(normalized, to: 12), [0, 0, 4, 3])
      parts.append(try sketch.transposed(split, order))
    }
    let scores = try sketch.node(.softmax, [sketch.node(.matMul, [parts[0], parts[1]])])
    let mixed = try sketch.transposed(sketch.node(.matMul, [scores, parts[2]]), [0, 2, 1, 3])
    let attended = try sketch.node(.add, [sketch.dense(sketch.reshaped(mixed, [0, 0, -1]), to: 10), x])
    let hidden = try sketch.node(.gelu, [sketch.dense(attended, to: 20)])
    sketch.graph.outputs = [try sketch.node(.add, [sketch.dense(hidden, to: 10), attended])]
    let groups = try ChannelGroups(sketch.graph)
    #expect(groups.groups.map(\.count) == [4, 20])
    #expect(groups.groups[0].members.first { $0.isWeight }?.indices[1] == [3, 4, 5])
    #expect(groups.whole.map(\.count) == [10])
    #expect(groups.whole[0].why.reason == "normalizes by the mean and the variance of all of it")
    var options = ChannelPruningOptions()
    options.target?.share = 0.7
    let pass = ChannelPruning(options)
    let plan = try pass.plan(pass.collect(from: sketch.graph), for: sketch.graph)
    let (pruned, _) = try pass.apply(plan, to: sketch.graph)
    try expectEqualWithoutContributions(sketch.graph, pruned, plan, sketch.random.tensor([2, 3, 4]))
  }

  @Test func reshapeThatDividesAcrossAxesLeavesTheChannelsWhole() throws {
    var sketch = ChannelSketch(seed: 3)
    let image = sketch.input([2, 3, 2, 3])
    let x = try sketch.conv(image, to: 6)
    // [6, 2, 3] as [4, 9]: no axis of one is a product of parts of the other.
    let regrouped = try sketch.reshaped(x, [2, 4, 9])
    sketch.graph.outputs = [try sketch.dense(regrouped, to: 5)]
    let groups = try ChannelGroups(sketch.graph)
    #expect(groups.groups.isEmpty)
    let why = try #require(groups.whole.first).why
    #expect(why.node.hasPrefix("Reshape") && why.reason == "regroups its elements among other axes")
    #expect(throws: ChannelPruningError.self) { try ChannelPruning().collect(from: sketch.graph) }
  }
}
