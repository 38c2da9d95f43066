import HostTensors
import Packing
import Testing

@Suite struct LayoutTests {
  @Test func mergesFactorsThatNeighbourInBothOrders() {
    #expect(Layout(shape: [2, 3, 4, 5], order: [0, 1, 2, 3]) == .plain(120))
    #expect(Layout(shape: [2, 3, 4, 5], order: [0, 2, 3, 1]) == .channelsLast([2, 3, 4, 5]))
    #expect(Layout(shape: [2, 3, 20], order: [0, 2, 1]) == .channelsLast([2, 3, 4, 5]))
  }

  @Test func ignoresExtentsOfOne() {
    #expect(Layout.channelsLast([1, 7, 1, 1]) == .plain(7))
    #expect(Layout.channelsLast([1, 1, 9, 4]) == .plain(36))
  }

  @Test(arguments: [[0, 2, 3, 1], [3, 1, 0, 2], [2, 3, 0, 1], [1, 0, 3, 2]])
  func transposingTheLayoutMovesNoBytes(permutation: [Int]) throws {
    var numbers = TestNumbers(seed: 7)
    let shape = [2, 3, 4, 5]
    let tensor = numbers.floats(shape)
    let layout = try #require(Layout.plain(120).transposed(permutation, of: shape))
    // The transposed value, written out in the relabelled layout, is the original's bytes.
    let strides = shape.rowMajorStrides
    let newShape = permutation.map { shape[$0] }
    var index = [0, 0, 0, 0]
    var elements: [Float] = []
    for _ in 0..<tensor.count {
      elements.append(tensor.floats[zip(permutation, index).reduce(0) { $0 + strides[$1.0] * $1.1 }])
      for axis in (0..<4).reversed() {
        index[axis] += 1
        if index[axis] < newShape[axis] { break }
        index[axis] = 0
      }
    }
    let transposed = Tensor(shape: newShape, elements: elements)
    #expect(transposed.bytes(in: layout) == tensor.bytes(in: .plain(120)))
  }

  @Test func findsTheOrderOfAxesAfterAReshape() {
    // [2, 3, 4, 5] with channels last, read as [2, 3, 20]: still channels last.
    #expect(Layout.channelsLast([2, 3, 4, 5]).axisOrder(of: [2, 3, 20]) == [0, 2, 1])
    // Read as [2, 60], the second axis is scattered.
    #expect(Layout.channelsLast([2, 3, 4, 5]).axisOrder(of: [2, 60]) == nil)
  }
}
