import HostTensors
import Operators
import TensorTypes
import Testing

@Suite struct BatchNormalizationTests {
  private let scale = floats([2, -1, 0.5])
  private let bias = floats([1, 0, -3])
  private let mean = floats([4, -2, 0])
  // With the epsilon below, square roots of 4, 1 and 16.
  private let variance = floats([3.75, 0.75, 15.75])

  @Test(arguments: [[2, 3], [2, 3, 5], [2, 3, 2, 2], [1, 3, 2, 1, 2]], [7, 9, 14, 15])
  func normalizesEachChannel(_ shape: [Int], _ opset: Int) throws {
    let input = smallWholes(shape, seed: 13)
    let output = try OperatorCase(
      "BatchNormalization", [input, scale, bias, mean, variance], ["epsilon": .float(0.25)], opset: opset
    ).output()
    let block = shape.dropFirst(2).reduce(1, *)
    let roots: [Float] = [2, 1, 4]
    for (index, value) in output.floats.enumerated() {
      let channel = index / block % 3
      let centred = input.floats[index] - mean.floats[channel]
      // Quarters of small wholes: exact.
      #expect(value == scale.floats[channel] * centred / roots[channel] + bias.floats[channel])
    }
  }

  @Test func trainingUsesAndReturnsTheStatisticsOfTheBatch() throws {
    let input = floats([2, 1, 2], [1, 3, 5, 7])
    let outputs = try OperatorCase(
      "BatchNormalization", [input, floats([2]), floats([1]), floats([8]), floats([1])],
      ["epsilon": .float(0), "momentum": .float(0.75), "training_mode": .int(1)], outputCount: 3
    ).outputs()
    // Mean 4, population variance 5; running: 8 * 0.75 + 4 * 0.25 and 1 * 0.75 + 5 * 0.25.
    for (value, expected) in zip(outputs[0].floats, [-3, -1, 1, 3]) {
      #expect(abs(value - Float(1 + 2 * Double(expected) / 5.0.squareRoot())) < 1e-6)
    }
    #expect(outputs[1].floats == [7])
    #expect(outputs[2].floats == [2])
  }

  @Test func anInputOfRankOneHasOneChannel() throws {
    let output = try OperatorCase(
      "BatchNormalization", [floats([1, 2]), floats([3]), floats([1]), floats([1]), floats([1])], ["epsilon": .float(0)]
    ).output()
    #expect(output.floats == [1, 4])
  }

  @Test func wrongStatisticsAreErrors() {
    let input = counting([2, 3, 4])
    let good: [Tensor?] = [input, scale, bias, mean, variance]
    var cases: [OperatorCase] = []
    for index in 1...4 {
      var inputs = good
      inputs[index] = floats([1, 2])
      cases.append(OperatorCase("BatchNormalization", inputs))
      inputs[index] = nil
      cases.append(OperatorCase("BatchNormalization", inputs))
    }
    cases.append(OperatorCase("BatchNormalization", good, ["spatial": .int(0)], opset: 7))
    cases.append(OperatorCase("BatchNormalization", good, opset: 9, outputCount: 5))
    cases.append(OperatorCase("BatchNormalization", [int64s([1]), scale, bias, mean, variance]))
    cases.append(OperatorCase("BatchNormalization", [Tensor(scalar: Float(1)), scale, bias, mean, variance]))
    for operatorCase in cases { #expect(operatorCase.evaluationError() != nil) }
  }
}
