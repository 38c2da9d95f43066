import Graph
import HostTensors
import Operators
import Packing
import Testing

/// Which steps float graphs become.
@Suite struct FloatLoweringTests {
  @Test func convolutionTakesBiasAdditionAndClamp() throws {
    var numbers = TestNumbers(seed: 1)
    var test = GraphUnderTest()
    let x = test.input([1, 3, 6, 6])
    let w = test.constant(numbers.floats([4, 3, 3, 3]))
    let sum = try test.add(.add, [test.add(.conv, [x, w]), test.constant(numbers.floats([4, 1, 1]))])
    let y = try test.add(.relu, [sum])
    let packed = try test.packed(outputs: y)
    // The output is plain, so one copy brings channels in front; the input has to move behind.
    #expect(packed.kinds == ["copy", "convolution-float", "copy"])
    try expectAgreement(test.withOutputs([y]))
  }

  @Test func channelsLastImageCostsNoCopy() throws {
    var numbers = TestNumbers(seed: 2)
    var test = GraphUnderTest()
    let x = test.input([1, 6, 6, 3])
    let image = try test.add(.transpose, [x], ["perm": .ints([0, 3, 1, 2])])
    let y = try test.add(.conv, [image, test.constant(numbers.floats([4, 3, 3, 3]))])
    let back = try test.add(.transpose, [y], ["perm": .ints([0, 2, 3, 1])])
    #expect(try test.packed(outputs: back).kinds == ["convolution-float"])
    try expectAgreement(test.withOutputs([back]))
  }

  @Test func singleChannelImageCostsNoCopy() throws {
    var numbers = TestNumbers(seed: 3)
    var test = GraphUnderTest()
    let x = test.input([1, 49, 10, 1])
    let image = try test.add(.reshape, [x, test.integers([1, 1, 49, 10])])
    let w = test.constant(numbers.floats([2, 1, 10, 4]))
    let y = try test.add(.conv, [image, w], ["auto_pad": .string("SAME_UPPER"), "strides": .ints([2, 2])])
    let mean = try test.add(.globalAveragePool, [y])
    #expect(try test.packed(outputs: mean).kinds == ["convolution-float", "average-pool-float"])
    try expectAgreement(test.withOutputs([mean]))
  }

  @Test func flatteningAnImageReordersTheDenseWeightsInstead() throws {
    var numbers = TestNumbers(seed: 4)
    var test = GraphUnderTest()
    let x = test.input([1, 4, 4, 3])
    let image = try test.add(.transpose, [x], ["perm": .ints([0, 3, 1, 2])])
    let flat = try test.add(.flatten, [test.add(.maxPool, [image], ["kernel_shape": .ints([2, 2])])])
    let y = try test.add(
      .gemm, [flat, test.constant(numbers.floats([5, 27])), test.constant(numbers.floats([5]))], ["transB": .int(1)])
    #expect(try test.packed(outputs: y).kinds == ["max-pool", "convolution-float"])
    try expectAgreement(test.withOutputs([y]))
  }

  @Test func depthwiseAndGroupedConvolutionsDiffer() throws {
    var numbers = TestNumbers(seed: 5)
    for (outChannels, kind) in [(4, "depthwise-float"), (8, "convolution-float")] {
      var test = GraphUnderTest()
      let x = test.input([1, 5, 5, 4])
      let image = try test.add(.transpose, [x], ["perm": .ints([0, 3, 1, 2])])
      let w = test.constant(numbers.floats([outChannels, 1, 3, 3]))
      let y = try test.add(.conv, [image, w], ["group": .int(4), "pads": .ints([1, 1, 1, 1])])
      let mean = try test.add(.globalAveragePool, [y])
      #expect(try test.packed(outputs: mean).kinds == [kind, "average-pool-float"])
      try expectAgreement(test.withOutputs([mean]))
    }
  }

  @Test func additionTakesTheClampThatFollows() throws {
    var test = GraphUnderTest()
    let a = test.input([2, 3])
    let b = test.input([2, 3])
    let y = try test.add(.relu, [test.add(.add, [a, b])])
    #expect(try test.packed(outputs: y).kinds == ["binary-float"])
    try expectAgreement(test.withOutputs([y]))
  }

  @Test func clampThatSomeoneElseBypassesStaysAStep() throws {
    var test = GraphUnderTest()
    let a = test.input([2, 3])
    let sum = try test.add(.add, [a, a])
    let y = try test.add(.relu, [sum])
    #expect(try test.packed(outputs: sum, y).kinds == ["binary-float", "unary-float"])
    try expectAgreement(test.withOutputs([sum, y]))
  }

  @Test func crossingClampsKeepTheLaterMaximum() throws {
    var test = GraphUnderTest()
    let a = test.input([8])
    let sum = try test.add(.add, [a, a])
    let clip = try test.add(.clip, [sum, test.constant(Tensor(scalar: Float(0.5))), nil])
    let y = try test.add(.clip, [clip, nil, test.constant(Tensor(scalar: Float(-0.25)))])
    #expect(try test.packed(outputs: y).kinds == ["binary-float"])
    try expectAgreement(test.withOutputs([y]))
  }

  @Test func transposedReshapesCostOneCopyAtTheEnd() throws {
    var test = GraphUnderTest()
    let x = test.input([2, 3, 4])
    let turned = try test.add(.transpose, [x], ["perm": .ints([2, 0, 1])])
    let y = try test.add(.reshape, [turned, test.integers([4, 6])])
    #expect(try test.packed(outputs: y).kinds == ["copy"])
    try expectAgreement(test.withOutputs([y]))
  }

  @Test func unevenReshapeOfATransposeGoesThroughThePlainLayout() throws {
    var test = GraphUnderTest()
    let x = test.input([4, 6])
    let turned = try test.add(.transpose, [x], ["perm": .ints([1, 0])])
    let uneven = try test.add(.reshape, [turned, test.integers([8, 3])])
    let y = try test.add(.transpose, [uneven], ["perm": .ints([1, 0])])
    try expectAgreement(test.withOutputs([y]))
  }

  @Test func constantsAndInputsAsOutputsAreCopied() throws {
    var test = GraphUnderTest()
    let x = test.input([3])
    let same = try test.add(.identity, [x])
    let known = test.constant(Tensor(shape: [2], elements: [Float(3), 4]))
    #expect(try test.packed(outputs: same, known).kinds == ["copy", "copy"])
    try expectAgreement(test.withOutputs([same, known]))
  }
}
