import HostTensors
import TensorTypes

/// ONNX AveragePool: the mean under a sliding window of [N, C, spatial...].
///
/// Padding counts as zeros where `count_include_pad` is 1 and not at all otherwise; what a last
/// window of ceil mode covers beyond the padding never counts (ONNX 19).
public struct AveragePool: Operator {
  public static let kind = OperatorKind.averagePool

  public let window: WindowAttributes
  public let countsPadding: Bool

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1)
    try definition.requireOutputs(1...1)
    _ = try definition.requiredInts("kernel_shape")
    window = try WindowAttributes(definition)
    countsPadding = try definition.flag("count_include_pad", default: false)
  }

  public var attributes: [String: AttributeValue] {
    var written = window.attributes
    if countsPadding { written["count_include_pad"] = .int(1) }
    return written
  }

  /// The window with its pads and extents resolved, for an input of this full shape.
  public func resolvedWindow(input: [Int]) throws(OperatorError) -> SpatialWindow {
    try window.resolvedPool(input: input)
  }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    let input = try inputs.required(0, "X")
    try input.requireFloat(0)
    try checkedElementCount(input.shape, of: input.dtype)
    let shape = try Array(input.shape[..<2]) + resolvedWindow(input: input.shape).outputExtents
    return [try .checked(input.dtype, shape)]
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let output = try inferOutputs(inputs.infos)[0]
    let input = try inputs.required(0, "X")
    let pool = PoolingWindow(try resolvedWindow(input: input.shape))
    let planes = output.shape[0] * output.shape[1]
    let result = Tensor(shape: output.shape, of: Float.self) { target in
      input.cast(to: .float32).withElements(as: Float.self) { source in
        for plane in 0..<planes where !source.isEmpty {
          let elements = source[(plane * pool.inputPlane)...]
          let base = elements.startIndex
          pool.forEachPosition { position, z, y, x in
            var sum: Float = 0
            pool.forEachInput(z, y, x) { sum += elements[base + $0] }
            let count = countsPadding ? paddedCount(z, y, x) : Float(z.count * y.count * x.count)
            target[plane * pool.outputPlane + position] = count == 0 ? 0 : sum / count
          }
        }
      }
    }
    return [result.cast(to: output.dtype)]
  }

  /// In Float, since padding is bounded only axis by axis.
  private func paddedCount(_ z: PoolingWindow.Reach, _ y: PoolingWindow.Reach, _ x: PoolingWindow.Reach) -> Float {
    Float(z.paddedCount) * Float(y.paddedCount) * Float(x.paddedCount)
  }

  /// Rescaled: a mean spans less than its terms, so it deserves a scale of its own. TFLite insists on
  /// the input's scale; onnxruntime's QLinearAveragePool takes either.
  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .forFloatData(inputs, .rescaled) }
}
