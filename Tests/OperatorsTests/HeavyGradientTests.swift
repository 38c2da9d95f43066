import HostTensors
import Operators
import TensorTypes
import Testing

/// Gradients of convolutions, products, pools and normalizations against central differences.
@Suite struct HeavyGradientTests {
  static let convolutions = [
    convolution([2, 3, 5, 6], [4, 3, 3, 2], bias: true),
    convolution([3, 1, 6, 5], [2, 1, 2, 3], bias: true),
    convolution([1, 2, 4, 4], [3, 2, 1, 1]),
    convolution([2, 2, 3, 3], [3, 2, 1, 1], ["strides": .ints([2, 2])]),
    convolution([2, 2, 7, 6], [3, 2, 3, 3], ["strides": .ints([2, 3]), "pads": .ints([1, 2, 0, 1])], bias: true),
    convolution([2, 2, 8, 7], [2, 2, 2, 3], ["dilations": .ints([3, 2]), "pads": .ints([0, 1, 2, 0])]),
    convolution([2, 2, 6, 5], [2, 2, 3, 2], ["auto_pad": .string("SAME_UPPER"), "strides": .ints([2, 2])]),
    // Groups of two channels; depthwise, with and without a multiplier; a multiplier that is worth products.
    convolution([2, 4, 4, 3], [6, 2, 2, 2], ["group": .int(2)], bias: true),
    convolution([2, 3, 5, 5], [3, 1, 3, 3], ["group": .int(3), "pads": .ints([1, 1, 1, 1])], bias: true),
    convolution(
      [2, 2, 6, 5], [4, 1, 3, 2], ["group": .int(2), "strides": .ints([2, 2]), "pads": .ints([1, 0, 0, 1])]),
    convolution([1, 2, 4, 4], [10, 1, 2, 2], ["group": .int(2)]),
    // One and three spatial axes; more images than there are partial sums.
    convolution([2, 3, 9], [2, 3, 4], ["strides": .ints([2]), "pads": .ints([2, 1])], bias: true),
    convolution([1, 2, 3, 4, 3], [2, 2, 2, 2, 3], ["pads": .ints([1, 0, 1, 0, 1, 0])]),
    convolution([11, 2, 3, 3], [2, 2, 2, 2], bias: true),
  ]

  static let transposedConvolutions = [
    transposed([2, 3, 3, 4], [3, 2, 3, 2], bias: 2),
    transposed([2, 2, 3, 3], [2, 3, 3, 3], ["strides": .ints([2, 3]), "pads": .ints([1, 0, 0, 2])], bias: 3),
    transposed([2, 2, 3, 2], [2, 2, 2, 2], ["strides": .ints([2, 2]), "output_padding": .ints([1, 1])]),
    transposed([1, 4, 3, 3], [4, 2, 2, 3], ["group": .int(2), "dilations": .ints([2, 1])], bias: 4),
    transposed([2, 3, 4, 3], [3, 1, 3, 3], ["group": .int(3), "strides": .ints([2, 2])]),
    transposed([2, 2, 5], [2, 3, 3], ["strides": .ints([2])], bias: 3),
    transposed([1, 2, 2, 3, 2], [2, 2, 2, 1, 2]),
  ]

  private static func convolution(
    _ input: [Int], _ weight: [Int], _ attributes: [String: AttributeValue] = [:], bias: Bool = false
  ) -> GradientCheck {
    let inputs = [spread(input, seed: 1), spread(weight, seed: 2)] + (bias ? [spread([weight[0]], seed: 3)] : [])
    // Each output is linear in each input.
    return GradientCheck("Conv", inputs, attributes, thirdDerivative: 0)
  }

  private static func transposed(
    _ input: [Int], _ weight: [Int], _ attributes: [String: AttributeValue] = [:], bias: Int? = nil
  ) -> GradientCheck {
    let inputs = [spread(input, seed: 1), spread(weight, seed: 2)] + (bias.map { [spread([$0], seed: 3)] } ?? [])
    return GradientCheck("ConvTranspose", inputs, attributes, thirdDerivative: 0)
  }

  @Test(arguments: convolutions + transposedConvolutions)
  func convolutionsFollowDifferences(_ check: GradientCheck) throws { try check.verify() }

  static let products: [GradientCheck] = {
    var checks: [GradientCheck] = []
    for (transA, transB) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
      for addend in [nil, [3, 5], [5], [3, 1], [1, 5], []] as [[Int]?] {
        let inputs = [
          spread(transA == 0 ? [3, 4] : [4, 3], seed: 1), spread(transB == 0 ? [4, 5] : [5, 4], seed: 2),
        ]
        checks.append(
          GradientCheck(
            "Gemm", inputs + (addend.map { [spread($0, seed: 3)] } ?? []),
            ["transA": .int(transA), "transB": .int(transB), "alpha": .float(0.75), "beta": .float(-1.5)],
            thirdDerivative: 0))
      }
    }
    let shapes: [([Int], [Int])] = [
      ([3, 4], [4, 2]), ([4], [4, 3]), ([3, 4], [4]), ([4], [4]), ([2, 3, 4], [4, 5]), ([3, 4], [2, 4, 5]),
      ([2, 1, 3, 4], [3, 4, 2]), ([2, 3, 2, 4], [1, 3, 4, 1]), ([4], [2, 4, 3]), ([2, 3, 4], [4]),
    ]
    for (a, b) in shapes {
      checks.append(GradientCheck("MatMul", [spread(a, seed: 4), spread(b, seed: 5)], thirdDerivative: 0))
    }
    return checks
  }()

  @Test(arguments: products)
  func productsFollowDifferences(_ check: GradientCheck) throws { try check.verify() }

  static let maxPools = [
    pool("MaxPool", [2, 2, 6, 4], [2, 2], ["strides": .ints([2, 2])]),
    pool("MaxPool", [1, 3, 7, 5], [2, 2], ["strides": .ints([2, 2])]),
    pool("MaxPool", [1, 2, 7, 5], [2, 2], ["strides": .ints([2, 2]), "ceil_mode": .int(1)]),
    pool("MaxPool", [2, 1, 5, 6], [3, 2], ["pads": .ints([1, 0, 2, 1])]),
    pool("MaxPool", [1, 2, 7, 7], [2, 2], ["dilations": .ints([2, 3]), "strides": .ints([2, 1])]),
    pool("MaxPool", [2, 2, 9], [3], ["strides": .ints([2])]),
    pool("MaxPool", [2, 1, 4, 3, 4], [2, 2, 2], ["strides": .ints([2, 1, 2])]),
    pool("MaxPool", [1, 2, 4, 4], [2, 2], ["strides": .ints([2, 2])], outputCount: 2),
    pool("GlobalMaxPool", [2, 3, 3, 4], nil),
    pool("GlobalMaxPool", [2, 3, 5], nil),
  ]

  static let averagePools = [
    pool("AveragePool", [2, 2, 6, 5], [2, 3], ["strides": .ints([2, 1])]),
    pool("AveragePool", [1, 2, 5, 6], [3, 3], ["pads": .ints([1, 2, 0, 1])]),
    pool("AveragePool", [1, 2, 5, 6], [3, 3], ["pads": .ints([1, 2, 0, 1]), "count_include_pad": .int(1)]),
    pool("AveragePool", [1, 2, 7, 6], [2, 4], ["strides": .ints([2, 3]), "ceil_mode": .int(1)]),
    pool(
      "AveragePool", [1, 1, 7, 6], [3, 4],
      ["strides": .ints([3, 3]), "ceil_mode": .int(1), "pads": .ints([1, 1, 1, 1]), "count_include_pad": .int(1)]),
    pool("AveragePool", [1, 2, 7, 6], [2, 2], ["dilations": .ints([2, 3])]),
    pool("AveragePool", [2, 2, 7], [3], ["strides": .ints([2])]),
    pool("AveragePool", [1, 2, 3, 4, 3], [2, 2, 2]),
    pool("GlobalAveragePool", [2, 3, 3, 4], nil),
    pool("GlobalAveragePool", [2, 3, 5], nil),
  ]

  private static func pool(
    _ opType: String, _ input: [Int], _ kernel: [Int]?, _ attributes: [String: AttributeValue] = [:],
    outputCount: Int = 1
  ) -> GradientCheck {
    var attributes = attributes
    if let kernel { attributes["kernel_shape"] = .ints(kernel) }
    // Elements further apart than the step of the differences: no other one wins within it.
    return GradientCheck(
      opType, [distinct(input)], attributes, outputCount: outputCount, reading: [0], thirdDerivative: 0)
  }

  @Test(arguments: maxPools + averagePools)
  func poolsFollowDifferences(_ check: GradientCheck) throws { try check.verify() }

  @Test func theFirstOfEqualElementsGetsTheGradient() throws {
    let attributes: [String: AttributeValue] = ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]
    let input = floats([1, 1, 2, 4], [5, 5, 1, 7, 5, 5, 7, 7])
    for outputCount in [1, 2] {
      let pass = try TrainingPass(OperatorCase("MaxPool", [input], attributes, outputCount: outputCount), trained: [0])
      let upstream: [Tensor?] = [floats([1, 1, 1, 2], [3, 4])]
      let gradient = try #require(pass.gradients(by: [0], upstream)[0])
      #expect(gradient.floats == [3, 0, 0, 4, 0, 0, 0, 0])
    }
  }

  @Test(arguments: [[5, 3], [4, 3, 2], [3, 2, 2, 3], [2, 2, 1, 2, 2], [7]], [0, 1])
  func batchNormalizationFollowsDifferences(_ shape: [Int], _ mode: Int) throws {
    let channels = shape.count == 1 ? 1 : shape[1]
    let inputs = [
      spread(shape, seed: 6), spread([channels], seed: 7), spread([channels], seed: 8), spread([channels], seed: 9),
      spread([channels], seed: 10, in: 0.5...2),
    ]
    // With few elements to a channel and an epsilon of 0.25 the third derivative stays below some hundreds.
    try GradientCheck(
      "BatchNormalization", inputs, ["epsilon": .float(0.25), "training_mode": .int(mode)],
      outputCount: mode == 1 ? 3 : 1, by: [0, 1, 2], reading: [0], thirdDerivative: 1000
    ).verify()
  }

  @Test(arguments: [0, 1]) func batchNormalizationUpdatesTheRunningStatistics(_ mode: Int) throws {
    let inputs: [Tensor?] = [
      floats([2, 2, 2], [1, 3, 10, 10, 5, 7, 14, 14]), floats([2, 1]), floats([1, 0]), floats([8, 2]), floats([1, 3]),
    ]
    let op = try OperatorCase(
      "BatchNormalization", inputs,
      ["epsilon": .float(0), "momentum": .float(0.75), "training_mode": .int(mode)], outputCount: mode == 1 ? 3 : 1
    ).makeOperator()
    guard case .flows(let rule) = op.differentiation(inputs.infos), let forward = rule.forward else {
      Issue.record("no forward pass of its own")
      return
    }
    let result = try forward(ForwardCall(inputs: inputs, seed: 1))
    // Channel 0: mean 4, population variance 5; channel 1: mean 12, population variance 4.
    let distances: [Double] = [-3, -1, 0, 0, 1, 3, 0, 0]
    for (index, value) in result.outputs[0].floats.enumerated() {
      let expected = index / 2 % 2 == 0 ? 1 + 2 * distances[index] / 5.0.squareRoot() : index < 4 ? -1 : 1
      #expect(abs(Double(value) - expected) < 1e-6)
    }
    #expect(result.updates.keys.sorted() == [3, 4])
    // 8 * 0.75 + 4 * 0.25 and 2 * 0.75 + 12 * 0.25; 1 * 0.75 + 5 * 0.25 and 3 * 0.75 + 4 * 0.25.
    #expect(result.updates[3]?.floats == [7, 4.5])
    #expect(result.updates[4]?.floats == [2, 3.25])
    #expect(result.outputs.count == (mode == 1 ? 3 : 1))
    if mode == 1 { #expect(result.outputs[1].floats == [7, 4.5]) }
  }

  @Test func elementWiseRulesFollowDifferences() throws {
    // Relu away from its kink; sums with broadcasting to and fro.
    try GradientCheck("Relu", [spread([3, 5], avoiding: [0])], thirdDerivative: 0).verify()
    for (a, b) in [([2, 3], [2, 3]), ([2, 3, 4], [3, 1]), ([4], [2, 1, 4]), ([1, 3], [2, 1]), ([], [2, 2])] {
      try GradientCheck("Add", [spread(a, seed: 1), spread(b, seed: 2)], thirdDerivative: 0).verify()
    }
  }
}
