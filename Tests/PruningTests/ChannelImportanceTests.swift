import Graph
import HostTensors
import Operators
import Pruning
import TensorTypes
import Testing

@Suite struct ChannelImportanceTests {
  /// x [1, 2] -> 3 hidden units -> ReLU -> 1 output, all weights known.
  private func network() throws -> (graph: Graph, hidden: ValueID, output: ValueID) {
    var sketch = ChannelSketch(seed: 1)
    let x = sketch.input([1, 2])
    let hidden = sketch.graph.addConstant(
      name: "hidden", Tensor(shape: [2, 3], elements: [1, 3, -2, 2, 0, 1] as [Float]))
    let output = sketch.graph.addConstant(name: "output", Tensor(shape: [3, 1], elements: [1, -2, 4] as [Float]))
    let sums = try sketch.node(.relu, [sketch.node(.matMul, [x, hidden])])
    sketch.graph.outputs = [try sketch.node(.matMul, [sums, output])]
    return (sketch.graph, hidden, output)
  }

  private func importance(_ criterion: ChannelCriterion, _ graph: Graph) throws -> [Double] {
    var options = ChannelPruningOptions()
    options.criterion = criterion
    return try #require(ChannelPruning(options).collect(from: graph).importance.first)
  }

  private func expectClose(_ values: [Double], _ expected: [Double]) {
    #expect(values.count == expected.count)
    // Float weights, sums in Double.
    for (a, b) in zip(values, expected) { #expect(abs(a - b) < 1e-6) }
  }

  @Test func magnitudesCountWhatMakesAndWhatReadsAChannel() throws {
    let graph = try network().graph
    // |1| + |2| + |1|, |3| + |0| + |-2|, |-2| + |1| + |4|, over their mean.
    expectClose(try importance(.l1, graph), [4, 5, 7].map { $0 / (16 / 3) })
    let roots = [6.0, 13, 21].map { $0.squareRoot() }
    let mean = roots.reduce(0, +) / 3
    expectClose(try importance(.l2, graph), roots.map { $0 / mean })
  }

  /// The loss being the output, each hidden unit's effect is what it adds to it: 3 * 1, 3 * -2 and 0, behind the ReLU.
  @Test func firstOrderEffectIsTheChannelsContribution() throws {
    let network = try network()
    var options = ChannelPruningOptions()
    options.criterion = .taylor
    let survey = try ChannelPruning(options).collect(from: network.graph, batches: 2) { batch in
      let x = Tensor(shape: [1, 2], elements: batch == 0 ? [1, 1] : [2, 0] as [Float])
      return try network.graph.parameterGradients([x]) { _ in [Tensor(shape: [1, 1], repeating: Float(1))] }
    }
    // [1, 1]: hidden 3, 3, 0 (-1 cut off); [2, 0]: hidden 2, 6, 0. Times 1, -2, 4.
    let effects = [(3 + 2) / 2.0, (6 + 12) / 2.0, 0]
    expectClose(try #require(survey.importance.first), effects.map { $0 / (11.5 / 3) })
  }

  @Test func scalesOfBatchNormalizationDecideAndGroupsWithoutAreNamed() throws {
    var sketch = ChannelSketch(seed: 5)
    let image = sketch.input([1, 2, 3, 3])
    let first = try sketch.conv(image, to: 3)
    let scale = sketch.graph.addConstant(name: "scale", Tensor(shape: [3], elements: [0.5, -2, 0.5] as [Float]))
    let rest = [sketch.vector(3), sketch.vector(3), sketch.vector(3, around: 1)]
    let second = try sketch.conv(sketch.node(.batchNormalization, [first, scale] + rest), to: 4)
    sketch.graph.outputs = [try sketch.conv(second, to: 2)]
    expectClose(try importance(.batchNormScale, sketch.graph), [0.5, 2, 0.5])
    var options = ChannelPruningOptions()
    options.criterion = .batchNormScale
    let survey = try ChannelPruning(options).collect(from: sketch.graph)
    #expect(survey.groups.map(\.count) == [3])
    #expect(survey.whole.contains { $0.count == 4 && $0.why.reason.hasPrefix("has no batch normalization") })
  }

  @Test func refusalsCarryTheFacts() throws {
    let graph = try network().graph
    func failure(_ change: (inout ChannelPruningOptions) -> Void) throws -> ChannelPruningError? {
      var options = ChannelPruningOptions()
      change(&options)
      let pass = ChannelPruning(options)
      do throws(ChannelPruningError) {
        _ = try pass.plan(pass.collect(from: graph), for: graph)
        return nil
      } catch { return error }
    }
    guard case .noGradients? = try failure({ $0.criterion = .taylor }) else { throw Unexpected() }
    guard case .noScales? = try failure({ $0.criterion = .batchNormScale }) else { throw Unexpected() }
    guard case .invalidOption("macs", _, "0.0")? = try failure({ $0.target?.share = 0 }) else { throw Unexpected() }
    guard case .invalidOption("multiple", _, "0")? = try failure({ $0.multiple = 0 }) else { throw Unexpected() }
    // One hidden unit of three stays.
    guard case .targetUnreachable(_, let lowest)? = try failure({ $0.target?.share = 0.2 }) else { throw Unexpected() }
    #expect(abs(lowest - 1.0 / 3) < 1e-9)
    #expect(try failure { $0.target?.share = 0.34 } == nil)
  }

  private struct Unexpected: Error {}
}
