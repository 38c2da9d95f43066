import HostTensors
import Operators
import TensorTypes
import Testing

@Suite struct LayerNormalizationTests {
  @Test func rowsHaveMeanZeroAndVarianceOne() throws {
    // Mean 3, variance 4, and 1 / sqrt(4 + 5) below.
    let outputs = try OperatorCase(
      "LayerNormalization", [floats([2, 2], [1, 5, -1, 3]), floats([3, 6]), floats([1, 0])], ["epsilon": .float(5)],
      outputCount: 3
    ).outputs()
    let third = Float(1) / 3
    for (found, wanted) in zip(outputs[0].floats, [-1, 4, -1, 4] as [Float]) { #expect(abs(found - wanted) < 1e-6) }
    #expect(outputs[1].floats == [3, 1])
    #expect(outputs[2].floats == [third, third])
    #expect(outputs[1].shape == [2, 1])
  }

  @Test(arguments: [0, 1, 2, -1, -2, -3])
  func everyAxisNormalizesFromThereOn(_ axis: Int) throws {
    let shape = [3, 4, 5]
    let front = axis < 0 ? axis + 3 : axis
    let length = shape[front...].reduce(1, *)
    let x = spread(shape)
    let ones = Tensor(shape: Array(shape[front...]), repeating: 1.0)
    let y = try OperatorCase("LayerNormalization", [x, ones], ["axis": .int(axis), "epsilon": .float(0)]).output()
      .doubles
    for row in 0..<60 / length {
      let part = y[row * length..<(row + 1) * length]
      #expect(abs(part.reduce(0, +)) < 1e-12)
      #expect(abs(part.reduce(0) { $0 + $1 * $1 } / Double(length) - 1) < 1e-12)
    }
  }

  @Test func halfPrecisionIsComputedInSingle() throws {
    let x = spread([2, 8]).cast(to: .float16)
    let ones = Tensor(shape: [8], elements: [Float16](repeating: 1, count: 8))
    let outputs = try OperatorCase("LayerNormalization", [x, ones], outputCount: 3).outputs()
    #expect(outputs.map(\.dtype) == [.float16, .float32, .float32])
  }

  @Test func whatDoesNotFitIsAnError() {
    let x = counting([2, 3])
    #expect(OperatorCase("LayerNormalization", [x, counting([3])]).error() == nil)
    #expect(
      OperatorCase("LayerNormalization", [x, counting([2])]).error()
        == .inputShape(1, expected: "a shape that broadcasts to [3]", found: [2]))
    #expect(OperatorCase("LayerNormalization", [x, counting([1, 3])]).error() != nil)
    #expect(OperatorCase("LayerNormalization", [x, counting([3]), counting([4])]).error() != nil)
    #expect(OperatorCase("LayerNormalization", [x, counting([3])], ["axis": .int(2)]).error() != nil)
    #expect(
      OperatorCase("LayerNormalization", [x, counting([3])], ["stash_type": .int(11)]).error()
        == .invalidAttribute("stash_type", expected: "1: statistics in float32", found: "11"))
  }
}
