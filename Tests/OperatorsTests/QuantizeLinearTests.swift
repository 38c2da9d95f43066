import HostTensors
import Operators
import TensorTypes
import Testing

@Suite struct QuantizeLinearTests {
  private func quantize(
    _ x: Tensor, _ scale: Tensor, _ zeroPoint: Tensor?, _ attributes: [String: AttributeValue] = [:]
  ) throws -> Tensor {
    try OperatorCase("QuantizeLinear", [x, scale, zeroPoint], attributes).output()
  }

  @Test func tiesRoundToEvenAndTheRestSaturates() throws {
    let x = floats([0, 1, 3, 5, -1, -3, 1e9, -1e9, .infinity, -.infinity, .nan, 509, 511])
    let signed = try quantize(x, floats([2]), Tensor(shape: [1], elements: [Int8(0)]))
    #expect(signed.elements(as: Int8.self) == [0, 0, 2, 2, 0, -2, 127, -128, 127, -128, 0, 127, 127])
    let unsigned = try quantize(x, floats([2]), Tensor(shape: [1], elements: [UInt8(3)]))
    #expect(unsigned.elements(as: UInt8.self) == [3, 3, 5, 5, 3, 1, 255, 0, 255, 0, 3, 255, 255])
    let plain = try OperatorCase("QuantizeLinear", [x, floats([2])]).output()
    #expect(plain.elements(as: UInt8.self) == [0, 0, 2, 2, 0, 0, 255, 0, 255, 0, 0, 254, 255])
  }

  /// The operator and the device's rule are one rule, for values around every step and tie.
  @Test(arguments: [Float(0.1), 0.0078125, 3, 1e-20, 1e20], [Int32(-128), -3, 0, 127])
  func equalsTheRuleOfTensorTypes(_ scale: Float, _ zeroPoint: Int32) throws {
    let rule = QuantizationParameters(scale: scale, zeroPoint: zeroPoint, dtype: .int8)
    let values = (-1200...1200).map { Float($0) * 0.25 * scale }.flatMap { [$0, $0.nextUp, $0.nextDown] }
    let output = try quantize(floats(values), floats([scale]), Tensor(shape: [1], elements: [Int8(zeroPoint)]))
    #expect(output.integers == values.map { Int(rule.quantize($0)) })
  }

  @Test(arguments: [DType.uint8, .int8, .uint16, .int16])
  func quantizingUndoesDequantizing(_ dtype: DType) throws {
    let (low, count): (Int, Int) =
      switch dtype {
      case .uint8: (0, 256)
      case .int8: (-128, 256)
      case .uint16: (0, 65536)
      default: (-32768, 65536)
      }
    let steps = int64s((low..<low + count).map { Int64($0) }).cast(to: dtype)
    let zeroPoint = int64s([Int64(low + count / 3)]).cast(to: dtype)
    let scale = floats([0.37])
    let real = try OperatorCase("DequantizeLinear", [steps, scale, zeroPoint]).output()
    #expect(real.floats[count / 3] == 0)
    #expect(try quantize(real, scale, zeroPoint).integers == steps.integers)
  }

  /// One scale per index of an axis is quantizing each slice with its own scale.
  @Test(arguments: [0, 1, 2, -1, -2])
  func perAxisEqualsSliceBySlice(_ axis: Int) throws {
    let shape = [2, 3, 4]
    let extent = shape[axis < 0 ? axis + 3 : axis]
    let x = smallWholes(shape, seed: 14)
    let scales = (0..<extent).map { 0.3 + 0.2 * Float($0) }
    let zeroPoints = (0..<extent).map { Int8($0 * 5 - 3) }
    let attributes: [String: AttributeValue] = ["axis": .int(axis)]
    let zeroPoint = Tensor(shape: [extent], elements: zeroPoints)
    let output = try quantize(x, floats(scales), zeroPoint, attributes)
    let stride = shape.rowMajorStrides[axis < 0 ? axis + 3 : axis]
    let real = try OperatorCase("DequantizeLinear", [output, floats(scales), zeroPoint], attributes).output()
    for (index, value) in x.floats.enumerated() {
      let slice = index / stride % extent
      let rule = QuantizationParameters(scale: scales[slice], zeroPoint: Int32(zeroPoints[slice]), dtype: .int8)
      #expect(output.integers[index] == Int(rule.quantize(value)))
      #expect(real.floats[index] == rule.dequantize(rule.quantize(value)))
    }
  }

  @Test func blocksShareTheirScales() throws {
    // Axis 1 of [2, 5, 2] in blocks of 2: parameters [2, 3, 2].
    let x = smallWholes([2, 5, 2], seed: 15)
    let scale = Tensor(shape: [2, 3, 2], elements: (0..<12).map { 0.25 + 0.25 * Float($0) })
    let zeroPoint = Tensor(shape: [2, 3, 2], elements: (0..<12).map { UInt8(100 + $0) })
    let attributes: [String: AttributeValue] = ["axis": .int(1), "block_size": .int(2)]
    let output = try quantize(x, scale, zeroPoint, attributes)
    let real = try OperatorCase("DequantizeLinear", [output, scale, zeroPoint], attributes).output()
    for index in 0..<20 {
      let parameter = (index / 10 * 3 + index / 2 % 5 / 2) * 2 + index % 2
      let rule = QuantizationParameters(
        scale: scale.floats[parameter], zeroPoint: Int32(100 + parameter), dtype: .uint8)
      #expect(output.integers[index] == Int(rule.quantize(x.floats[index])))
      #expect(real.floats[index] == rule.dequantize(rule.quantize(x.floats[index])))
    }
  }

  @Test func biasesDequantizeFrom32Bits() throws {
    let bias = Tensor(shape: [3], elements: [Int32.max, -5, 1 << 24 + 1])
    let output = try OperatorCase("DequantizeLinear", [bias, floats([0.5, 2, 1])], ["axis": .int(0)]).output()
    // The integer rounds to Float before the product, as onnxruntime computes it.
    #expect(output.floats == [Float(Int32.max) * 0.5, -10, Float(Int32(1 << 24 + 1))])
  }

  @Test func otherFloatTypesAreComputedInFloat() throws {
    let half = floats([1, 2.5, -3]).cast(to: .float16)
    let scale = floats([0.5]).cast(to: .float16)
    let output = try quantize(half, scale, Tensor(shape: [1], elements: [Int8(1)]))
    #expect(output.elements(as: Int8.self) == [3, 6, -5])
    let real = try OperatorCase("DequantizeLinear", [output, scale]).output()
    #expect(real.dtype == .float16 && real.floats == [1.5, 3, -2.5])
    let whole = Tensor(shape: [2], elements: [Int32(7), -7])
    #expect(try quantize(whole, floats([2]), nil, ["output_dtype": .int(3)]).elements(as: Int8.self) == [4, -4])
  }

  @Test func scaleOfZeroGivesTheEndsOfTheRange() throws {
    let output = try quantize(floats([1, -1, 0]), floats([0]), Tensor(shape: [1], elements: [Int8(5)]))
    #expect(output.elements(as: Int8.self) == [127, -128, 5])
  }

  @Test func wrongParametersAreErrors() {
    let x = counting([2, 3])
    let bytes = x.cast(to: .int8)
    let zero = Tensor(shape: [1], elements: [Int8(0)])
    let cases = [
      OperatorCase("QuantizeLinear", [x]), OperatorCase("QuantizeLinear", [x, nil]),
      OperatorCase("QuantizeLinear", [x, int64s([1])]), OperatorCase("QuantizeLinear", [x, floats([1, 2])]),
      OperatorCase("QuantizeLinear", [x, floats([1]), int64s([0])]),
      OperatorCase("QuantizeLinear", [x, floats([1, 2, 3]), zero]),
      OperatorCase("QuantizeLinear", [x, floats([1, 2])], ["axis": .int(2)]),
      OperatorCase("QuantizeLinear", [x, floats([1, 2])], ["axis": .int(Int.min)]),
      OperatorCase("QuantizeLinear", [x, floats([1])], ["output_dtype": .int(17)]),
      OperatorCase("QuantizeLinear", [x, floats([1])], ["output_dtype": .int(-1)]),
      OperatorCase("QuantizeLinear", [x, floats([1]), zero], ["output_dtype": .int(2)]),
      OperatorCase("QuantizeLinear", [x, floats([1])], ["block_size": .int(-1)]),
      OperatorCase("QuantizeLinear", [x, floats([2, 2], [1, 1, 1, 1])], ["block_size": .int(Int.max)]),
      OperatorCase("QuantizeLinear", [bytes, floats([1])]), OperatorCase("DequantizeLinear", [x, floats([1])]),
      OperatorCase("DequantizeLinear", [bytes, floats([1]), Tensor(shape: [1], elements: [UInt8(0)])]),
      OperatorCase("DequantizeLinear", [bytes, floats([1, 2])]),
      OperatorCase("DequantizeLinear", [bytes, int64s([1])]),
      OperatorCase("DequantizeLinear", [int64s([1]), floats([1])]),
    ]
    for operatorCase in cases {
      #expect(operatorCase.error() != nil)
      #expect(operatorCase.evaluationError() != nil)
    }
  }
}
