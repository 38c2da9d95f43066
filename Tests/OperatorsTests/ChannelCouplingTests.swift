import HostTensors
import Operators
import TensorTypes
import Testing

@Suite struct ChannelCouplingTests {
  private func coupling(
    _ type: String, _ shapes: [[Int]], _ attributes: [String: AttributeValue] = [:], constants: [Int: Tensor] = [:]
  ) throws -> ChannelCoupling {
    let op = try makeOperator(NodeDefinition(opType: type, attributes: attributes, inputCount: shapes.count))
    let inputs = shapes.enumerated().map { index, shape in
      Optional(constants[index].map { ValueInfo($0) } ?? ValueInfo(dtype: .float32, shape: shape))
    }
    return op.channelCoupling(inputs, [try op.inferOutputs(inputs)[0]])
  }

  private func reshape(_ from: [Int], _ to: [Int]) throws -> ChannelCoupling {
    try coupling("Reshape", [from, [to.count]], constants: [1: Tensor(integers: to)])
  }

  @Test func flattenGivesAChannelTheRunOfItsPlane() throws {
    let flat = try coupling("Flatten", [[2, 3, 4, 5]])
    #expect(flat.ties == [ChannelTie(count: 2, [.input(0, axis: 0), .output(0, axis: 0)])])
    let channels = try #require(flat.choices.first?.first?.first)
    #expect(channels.places == [.input(0, axis: 1), .output(0, axis: 1, run: 20)])
    #expect(channels.places[1].indices(of: 2, count: channels.count) == Array(40..<60))
    // Rows and columns are the alternatives.
    #expect(flat.choices[0].map { $0[0].places[0].axis } == [1, 2, 3])
  }

  @Test func reshapeOffersHeadsBeforeWhatIsInThem() throws {
    let heads = try reshape([2, 7, 12], [2, 7, 3, 4])
    #expect(heads.ties.count == 2)
    #expect(heads.choices.count == 1)
    let (head, inner) = (heads.choices[0][0][0], heads.choices[0][1][0])
    #expect(head.places == [.input(0, axis: 2, run: 4), .output(0, axis: 2)])
    #expect(inner.places == [.input(0, axis: 2, blocks: 3), .output(0, axis: 3)])
    #expect(inner.places[0].indices(of: 1, count: inner.count) == [1, 5, 9])
  }

  @Test(arguments: [([6, 4], [4, 6]), ([2, 3, 5], [10, 3]), ([6, 10], [4, 15])])
  func reshapeThatDividesNoAxisTiesNone(_ from: [Int], _ to: [Int]) throws {
    let coupling = try reshape(from, to)
    #expect(coupling == .opaque(reason: "regroups its elements among other axes"))
  }

  @Test func blocksThatDivideAreTiedBesideOnesThatDoNot() throws {
    let coupling = try reshape([5, 6, 4, 7], [5, 4, 6, 7])
    #expect(
      coupling.ties == [
        ChannelTie(count: 5, [.input(0, axis: 0), .output(0, axis: 0)]),
        ChannelTie(count: 7, [.input(0, axis: 3), .output(0, axis: 3)]),
      ])
    #expect(coupling.choices.isEmpty)
  }

  @Test func depthwiseGroupsGoWholeAndOthersLosePositions() throws {
    let depthwise = try coupling("Conv", [[1, 4, 5, 5], [8, 1, 3, 3]], ["group": .int(4)])
    #expect(
      depthwise.ties.last
        == ChannelTie(count: 4, [.input(0, axis: 1), .output(0, axis: 1, run: 2), .input(1, axis: 0, run: 2)]))
    let grouped = try coupling("Conv", [[1, 6, 5, 5], [4, 3, 1, 1], [4]], ["group": .int(2)])
    let within = try #require(grouped.choices.first?.first)
    #expect(within[0] == ChannelTie(.mixes, count: 3, [.input(0, axis: 1, blocks: 2), .input(1, axis: 1)]))
    #expect(
      within[1].places == [
        .output(0, axis: 1, blocks: 2), .input(1, axis: 0, blocks: 2), .input(2, axis: 0, blocks: 2),
      ])
  }

  @Test func broadcastAxesAreTiedWhereAnOperandHasThem() throws {
    let sum = try coupling("Add", [[2, 3, 4], [3, 1]])
    #expect(
      sum.ties.map(\.places) == [
        [.output(0, axis: 0), .input(0, axis: 0)], [.output(0, axis: 1), .input(0, axis: 1), .input(1, axis: 0)],
        [.output(0, axis: 2), .input(0, axis: 2)],
      ])
  }

  @Test func whatIsNormalizedTogetherSaysSo() throws {
    let softmax = try coupling("Softmax", [[2, 3, 4]], ["axis": .int(1)])
    #expect(softmax.ties.map(\.count) == [2, 4])
    #expect(softmax.otherwise == "normalizes by a sum over all of it")
  }
}
