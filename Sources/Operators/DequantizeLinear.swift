import HostTensors
import TensorTypes

/// ONNX DequantizeLinear: (x - zero point) * scale, the difference exact and the product in Float.
///
/// Inputs: x of type uint8, int8, uint16, int16 or int32; a scale, one in all, one per index of
/// `axis` or one per block of it; an optional zero point of the type of x. The output has the type of
/// the scale.
public struct DequantizeLinear: Operator {
  public static let kind = OperatorKind.dequantizeLinear

  public let axis: Int
  /// Elements of the axis that share a scale; 0 where there is one per index or per tensor.
  public let blockSize: Int

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(2...3)
    try definition.requireOutputs(1...1)
    axis = try definition.int("axis", default: 1)
    blockSize = try Operators.blockSize(definition)
  }

  public var attributes: [String: AttributeValue] {
    var written: [String: AttributeValue] = [:]
    if axis != 1 { written["axis"] = .int(axis) }
    if blockSize != 0 { written["block_size"] = .int(blockSize) }
    return written
  }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    let input = try inputs.required(0, "x")
    try input.require(0, "uint8, int8, uint16, int16 or int32") { dtype in
      switch dtype {
      case .uint8, .int8, .uint16, .int16, .int32: true
      case .int64, .uint32, .uint64, .bool, .float16, .bfloat16, .float32, .float64: false
      }
    }
    let (scale, zeroPoint) = try checkQuantization(inputs)
    try zeroPoint?.requireType(2, input.dtype)
    let output = try ValueInfo.checked(scale.dtype, input.shape)
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
    func dequantize<T: FixedWidthInteger & TensorElement>(_: T.Type) -> Tensor {
      let zeroPoints = zeroPoints.map { Int32(truncatingIfNeeded: $0) }
      return dequantized(input, layout, scales: scale.floats, zeroPoints: zeroPoints, T.self)
    }
    let result =
      switch input.dtype {
      case .int8: dequantize(Int8.self)
      case .uint16: dequantize(UInt16.self)
      case .int16: dequantize(Int16.self)
      case .int32: dequantize(Int32.self)
      default: dequantize(UInt8.self)
      }
    return [result.cast(to: output.dtype)]
  }

  private func dequantized<T: FixedWidthInteger & TensorElement>(
    _ input: Tensor, _ layout: QuantizationLayout, scales: [Float], zeroPoints: [Int32], _: T.Type
  ) -> Tensor {
    input.withElements(as: T.self) { source in
      Tensor(shape: input.shape, of: Float.self) { target in
        layout.forEachRun { elements, first, step in
          var parameter = first
          for index in elements {
            // Wraps, as onnxruntime does, for the extremes of int32.
            target[index] = Float(Int32(source[index]) &- zeroPoints[parameter]) * scales[parameter]
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
    guard inputs.optional(1)?.dtype == .float32 else { return .stops(reason: "does not give float32 values") }
    return .flows(
      GradientRule(inputs: [0, 1], reads: .inputs(0, 1, 2)) { call throws(OperatorError) in
        try straightThrough(call)
      })
  }
}
