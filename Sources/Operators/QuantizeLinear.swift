import HostTensors
import TensorTypes

/// ONNX QuantizeLinear: saturate(roundTiesToEven(x / scale) + zero point), computed in Float.
///
/// Inputs: x; a scale, one in all, one per index of `axis` or one per block of it; an optional zero
/// point of the output's type. The output is uint8, int8, uint16 or int16. NaN gives the zero point.
public struct QuantizeLinear: Operator {
  public static let kind = OperatorKind.quantizeLinear

  public let axis: Int
  /// Elements of the axis that share a scale; 0 where there is one per index or per tensor.
  public let blockSize: Int
  /// The output's type as an attribute; nil where the zero point gives it, or uint8.
  public let outputType: DType?

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(2...3)
    try definition.requireOutputs(1...1)
    axis = try definition.int("axis", default: 1)
    blockSize = try Operators.blockSize(definition)
    let number = try definition.int("output_dtype", default: 0)
    outputType = number == 0 ? nil : UInt8(exactly: number).flatMap { DType(rawValue: $0) }
    guard number == 0 || outputType.map(Self.isSupported) == true else {
      throw .invalidAttribute("output_dtype", expected: "uint8, int8, uint16 or int16", found: "type \(number)")
    }
  }

  private static func isSupported(_ dtype: DType) -> Bool {
    switch dtype {
    case .uint8, .int8, .uint16, .int16: true
    case .int32, .int64, .uint32, .uint64, .bool, .float16, .bfloat16, .float32, .float64: false
    }
  }

  public var attributes: [String: AttributeValue] {
    var written: [String: AttributeValue] = [:]
    if axis != 1 { written["axis"] = .int(axis) }
    if blockSize != 0 { written["block_size"] = .int(blockSize) }
    if let outputType { written["output_dtype"] = .int(Int(outputType.rawValue)) }
    return written
  }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    let input = try inputs.required(0, "x")
    try input.require(0, "a float type or int32") { $0.isFloat || $0 == .int32 }
    let (scale, zeroPoint) = try checkQuantization(inputs)
    try zeroPoint?.require(2, "uint8, int8, uint16 or int16", Self.isSupported)
    if let zeroPoint, let outputType, zeroPoint.dtype != outputType {
      throw .inputType(2, expected: "\(outputType.name), as output_dtype", found: zeroPoint.dtype)
    }
    let output = try ValueInfo.checked(zeroPoint?.dtype ?? outputType ?? .uint8, input.shape)
    _ = try QuantizationLayout(shape: input.shape, scale: scale.shape, axis: axis, block: blockSize)
    return [output]
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let output = try inferOutputs(inputs.infos)[0]
    let input = try inputs.required(0, "x")
    let scale = try inputs.required(1, "scale")
    let layout = try QuantizationLayout(shape: input.shape, scale: scale.shape, axis: axis, block: blockSize)
    let zeroPoints = inputs.optional(2)?.integers ?? [Int](repeating: 0, count: scale.count)
    func quantize<T: FixedWidthInteger & TensorElement>(_: T.Type) -> Tensor {
      quantized(
        input, layout, scales: scale.floats, zeroPoints: zeroPoints.map { Int32(truncatingIfNeeded: $0) }, T.self)
    }
    switch output.dtype {
    case .int8: return [quantize(Int8.self)]
    case .uint16: return [quantize(UInt16.self)]
    case .int16: return [quantize(Int16.self)]
    default: return [quantize(UInt8.self)]
    }
  }

  private func quantized<T: FixedWidthInteger & TensorElement>(
    _ input: Tensor, _ layout: QuantizationLayout, scales: [Float], zeroPoints: [Int32], _: T.Type
  ) -> Tensor {
    input.cast(to: .float32).withElements(as: Float.self) { source in
      Tensor(shape: input.shape, of: T.self) { (target: UnsafeMutableBufferPointer<T>) in
        layout.forEachRun { elements, first, step in
          var parameter = first
          for index in elements {
            let zeroPoint = zeroPoints[parameter]
            let scaled = source[index] / scales[parameter]
            // Clamping before rounding equals clamping after it, since the bounds are integers.
            let low = Float(Int32(T.min) - zeroPoint)
            let high = Float(Int32(T.max) - zeroPoint)
            let rounded = scaled == scaled ? roundTiesToEven(Swift.min(Swift.max(scaled, low), high)) : 0
            target[index] = T(truncatingIfNeeded: Int32(rounded) + zeroPoint)
            parameter += step
          }
        }
      }
    }
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    .floatOnly(reason: "it is part of a graph that is quantized already")
  }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    quantizationCoupling(inputs, outputs, axis: axis, blockSize: blockSize)
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    guard blockSize == 0 else { return .stops(reason: "has a scale for each block") }
    guard inputs.optional(0)?.dtype == .float32, inputs.optional(1)?.dtype == .float32 else {
      return .stops(reason: "does not round float32 values")
    }
    let levels: ClosedRange<Int32> =
      switch inputs.optional(2)?.dtype ?? outputType ?? .uint8 {
      case .int8: -128...127
      case .uint16: 0...65_535
      case .int16: -32_768...32_767
      default: 0...255
      }
    return .flows(
      GradientRule(inputs: [0, 1], reads: .inputs(0, 1, 2)) { call throws(OperatorError) in
        try straightThrough(call, levels: levels)
      })
  }
}
