import Graph
import HostTensors
import Operators
import Packing
import TensorTypes
import Testing

/// Which steps QuantizeLinear/DequantizeLinear graphs become, and that they compute the same values.
@Suite struct QuantizedLoweringTests {
  private let scales: [Float] = [0x1p-7, 0x1p-8, 0x1p-6, 0x1p-7]

  /// Quantized input, convolution with bias, then whatever `finish` adds, quantized at the end.
  private func convolution(
    bias: (inout GraphUnderTest) throws -> ValueID?, finish: (inout GraphUnderTest, ValueID) throws -> ValueID
  ) throws -> (GraphUnderTest, ValueID) {
    var numbers = TestNumbers(seed: 11)
    var test = GraphUnderTest()
    let x = try test.quantized(test.input([1, 3, 5, 5]), scale: 0x1p-7)
    let w = try test.weight(numbers.int8s([4, 3, 3, 3]), scales: scales, axis: 0)
    let inputs = try [x, w] + (bias(&test).map { [$0] } ?? [])
    let y = try test.add(.conv, inputs)
    let result = try test.quantized(finish(&test, y), scale: 0x1p-4, zeroPoint: 100)
    return (test, result)
  }

  @Test func convolutionBecomesOneIntegerStep() throws {
    let (test, y) = try convolution { test in
      try test.bias([100, -200, 300, 0], scales: scales.map { 0x1p-7 * $0 })
    } finish: { test, y in
      try test.add(.relu, [y])
    }
    let packed = try test.packed(outputs: y)
    #expect(packed.kinds == ["quantize", "copy", "convolution-int8", "copy", "dequantize"])
    #expect(!packed.notes.contains { if case .biasRequantized = $0 { true } else { false } })
    // Scales are powers of two, so float evaluation is exact and the bytes must agree.
    try expectAgreement(test.withOutputs([y]), tolerance: 0)
  }

  @Test func floatBiasIsRoundedAndNoted() throws {
    let (test, y) = try convolution { test in
      test.constant(Tensor(shape: [4], elements: [Float(0.5), -0.25, 0, 1]))
    } finish: { _, y in
      y
    }
    let packed = try test.packed(outputs: y)
    #expect(packed.notes.contains { if case .biasRequantized = $0 { true } else { false } })
    try expectAgreement(test.withOutputs([y]), tolerance: 0)
  }

  @Test func biasThatIsNotFiniteStaysFloat() throws {
    let (test, y) = try convolution { test in
      test.constant(Tensor(shape: [4], elements: [Float.nan, 0, 0, 0]))
    } finish: { _, y in
      y
    }
    #expect(try test.packed(outputs: y).kinds.contains("convolution-float"))
  }

  @Test func weightsWithZeroPointStayFloatWithAReason() throws {
    var numbers = TestNumbers(seed: 12)
    var test = GraphUnderTest()
    let x = try test.quantized(test.input([2, 6]), scale: 0x1p-7)
    let w = try test.weight(numbers.int8s([4, 6]), scales: scales, axis: 0, zeroPoint: 3)
    let y = try test.quantized(test.add(.gemm, [x, w], ["transB": .int(1)]), scale: 0x1p-4)
    let packed = try test.packed(outputs: y)
    #expect(packed.kinds == ["quantize", "dequantize", "convolution-float", "quantize", "dequantize"])
    #expect(packed.notes.contains { if case .weightsDequantized = $0 { true } else { false } })
    #expect(packed.notes.contains { if case .stayedFloat(_, .gemm, _) = $0 { true } else { false } })
    try expectAgreement(test.withOutputs([y]), tolerance: 0)
  }

  @Test func resultWantedAsFloatStaysFloat() throws {
    var numbers = TestNumbers(seed: 13)
    var test = GraphUnderTest()
    let x = try test.quantized(test.input([2, 6]), scale: 0x1p-7)
    let w = try test.weight(numbers.int8s([6, 4]), scales: scales, axis: 1)
    let product = try test.add(.matMul, [x, w])
    let packed = try test.packed(outputs: product)
    #expect(packed.kinds == ["quantize", "dequantize", "convolution-float"])
    try expectAgreement(test.withOutputs([product]))
  }

  @Test func denseLayerWithBiasAdditionBecomesOneIntegerStep() throws {
    var numbers = TestNumbers(seed: 14)
    var test = GraphUnderTest()
    let x = try test.quantized(test.input([3, 6]), scale: 0x1p-7)
    let w = try test.weight(numbers.int8s([6, 4]), scales: scales, axis: 1)
    let bias = try test.bias([5, -5, 50, 500], scales: scales.map { 0x1p-7 * $0 })
    let y = try test.quantized(test.add(.add, [test.add(.matMul, [x, w]), bias]), scale: 0x1p-5)
    #expect(try test.packed(outputs: y).kinds == ["quantize", "convolution-int8", "dequantize"])
    try expectAgreement(test.withOutputs([y]), tolerance: 0)
  }

  @Test(arguments: [OperatorKind.add, .mul])
  func sumsAndProductsBecomeIntegerSteps(kind: OperatorKind) throws {
    var test = GraphUnderTest()
    let a = try test.quantized(test.input([2, 8]), scale: 0x1p-7)
    let b = try test.quantized(test.input([2, 8]), scale: 0x1p-6, zeroPoint: 120)
    let y = try test.quantized(test.add(.relu, [test.add(kind, [a, b])]), scale: 0x1p-6)
    let packed = try test.packed(outputs: y)
    #expect(packed.kinds == ["quantize", "quantize", kind == .add ? "add-int8" : "mul-int8", "dequantize"])
    try expectAgreement(test.withOutputs([y]), tolerance: 0)
  }

  @Test func channelVectorIsTheSecondOperand() throws {
    var test = GraphUnderTest()
    let x = try test.quantized(test.input([1, 4, 3, 3]), scale: 0x1p-7)
    let gate = try test.quantized(test.add(.globalAveragePool, [x]), scale: 0x1p-9, zeroPoint: 128)
    let y = try test.quantized(test.add(.mul, [gate, x]), scale: 0x1p-9)
    #expect(
      try test.packed(outputs: y).kinds
        == ["quantize", "copy", "average-pool-int8", "mul-int8", "copy", "dequantize"])
    // A mean of nine values is rounded once in float and once in the step, so one step of the output's
    // scale may differ: 2^-9 of at most 1/4 in magnitude is 2^-7.
    try expectAgreement(test.withOutputs([y]), tolerance: 0x1p-6)
  }

  @Test(arguments: [OperatorKind.sigmoid, .tanh, .hardSwish, .gelu, .relu, .exp, .erf])
  func unaryFunctionsBecomeTables(kind: OperatorKind) throws {
    var test = GraphUnderTest()
    let x = try test.quantized(test.input([64]), scale: 0x1p-6)
    let y = try test.quantized(test.add(kind, [x]), scale: 0x1p-6)
    #expect(try test.packed(outputs: y).kinds == ["quantize", "table", "dequantize"])
    try expectAgreement(test.withOutputs([y]), tolerance: 0)
  }

  @Test func operatorWithAScalarConstantBecomesATable() throws {
    var test = GraphUnderTest()
    let x = try test.quantized(test.input([64]), scale: 0x1p-6)
    let three = test.constant(Tensor(shape: [1], elements: [Float(3)]))
    let y = try test.quantized(test.add(.div, [x, three]), scale: 0x1p-7)
    #expect(try test.packed(outputs: y).kinds == ["quantize", "table", "dequantize"])
    try expectAgreement(test.withOutputs([y]), tolerance: 0)
  }

  @Test func movingOperatorsRunOnBytes() throws {
    var test = GraphUnderTest()
    let x = try test.quantized(test.input([1, 4, 6, 6]), scale: 0x1p-7)
    let pooled = try test.add(.maxPool, [x], ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])])
    let parts = try test.add(
      .slice, [pooled, test.integers([1]), test.integers([4]), test.integers([1])])
    let y = try test.quantized(parts, scale: 0x1p-7)
    #expect(try test.packed(outputs: y).kinds == ["quantize", "copy", "max-pool", "copy", "copy", "dequantize"])
    try expectAgreement(test.withOutputs([y]), tolerance: 0)
  }

  @Test func concatenationRequantizesOnlyWhereScalesDiffer() throws {
    var test = GraphUnderTest()
    let a = try test.quantized(test.input([1, 4]), scale: 0x1p-7)
    let b = try test.quantized(test.input([1, 4]), scale: 0x1p-6)
    let y = try test.quantized(
      test.add(.concat, [a, b], ["axis": .int(1)]), scale: 0x1p-6)
    let kinds = try test.packed(outputs: y).kinds
    #expect(kinds.count { $0 == "table" } == 1 && kinds.count { $0 == "copy" } == 2)
    #expect(!kinds.contains("binary-float"))
    try expectAgreement(test.withOutputs([y]), tolerance: 0)
  }

  @Test func severalEqualQuantizationsCountAsOne() throws {
    var numbers = TestNumbers(seed: 15)
    var test = GraphUnderTest()
    let x = try test.quantized(test.input([1, 6]), scale: 0x1p-7)
    let product = try test.add(.matMul, [x, test.weight(numbers.int8s([6, 4]), scales: scales, axis: 1)])
    let first = try test.quantized(product, scale: 0x1p-5)
    let second = try test.quantized(product, scale: 0x1p-5)
    #expect(
      try test.packed(outputs: first, second).kinds.filter { $0 != "dequantize" } == ["quantize", "convolution-int8"])
    try expectAgreement(test.withOutputs([first, second]), tolerance: 0)
  }

  @Test func requantizationIsATable() throws {
    var test = GraphUnderTest()
    let x = try test.quantized(test.input([64]), scale: 0x1p-7)
    let y = try test.quantized(x, scale: 0x1p-5, zeroPoint: 90)
    #expect(try test.packed(outputs: y).kinds == ["quantize", "table", "dequantize"])
    try expectAgreement(test.withOutputs([y]), tolerance: 0)
  }

  @Test func meanOverAxesBecomesAnIntegerPool() throws {
    var test = GraphUnderTest()
    let x = try test.quantized(test.input([1, 8, 4]), scale: 0x1p-7)
    let mean = try test.add(.reduceMean, [x, test.integers([1])], ["keepdims": .int(0)])
    let y = try test.quantized(mean, scale: 0x1p-8)
    #expect(try test.packed(outputs: y).kinds == ["quantize", "average-pool-int8", "dequantize"])
    // Eight terms: the mean is exact in Float, so both round the same number.
    try expectAgreement(test.withOutputs([y]), tolerance: 0)
  }

  @Test func transposedConvolutionRunsOnIntegers() throws {
    var numbers = TestNumbers(seed: 16)
    var test = GraphUnderTest()
    let x = try test.quantized(test.input([1, 3, 4, 4]), scale: 0x1p-7, zeroPoint: 111)
    let w = try test.weight(numbers.int8s([3, 4, 3, 3]), scales: scales, axis: 1)
    let y = try test.add(.convTranspose, [x, w], ["strides": .ints([2, 2]), "pads": .ints([1, 1, 0, 0])])
    let result = try test.quantized(y, scale: 0x1p-4)
    #expect(
      try test.packed(outputs: result).kinds
        == ["quantize", "copy", "fill", "copy", "convolution-int8", "copy", "dequantize"])
    try expectAgreement(test.withOutputs([result]), tolerance: 0)
  }
}
