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
    func means<T: RealElement>(_: T.Type) -> Tensor {
      Tensor(writing: output.shape, of: T.self) { target in
        input.withBase(as: T.self) { source in
          pool.forEachPlane(output.shape[0] * output.shape[1]) { plane in
            let (from, to) = (source + plane * pool.inputPlane, target + plane * pool.outputPlane)
            pool.forEachPosition { position, z, y, x in
              var sum: T = 0
              pool.forEachInput(z, y, x) { sum += from[$0] }
              let count = T(divisor(z, y, x))
              to[position] = count == 0 ? 0 : sum / count
            }
          }
        }
      }
    }
    return [output.dtype == .float64 ? means(Double.self) : means(Float.self).cast(to: output.dtype)]
  }

  /// How many elements the sum at one position is divided by, 0 where it sees none. In Float, since padding is
  /// bounded only axis by axis.
  private func divisor(_ z: PoolingWindow.Reach, _ y: PoolingWindow.Reach, _ x: PoolingWindow.Reach) -> Float {
    countsPadding
      ? Float(z.paddedCount) * Float(y.paddedCount) * Float(x.paddedCount) : Float(z.count * y.count * x.count)
  }

  /// Rescaled: a mean spans less than its terms, so it deserves a scale of its own. TFLite insists on
  /// the input's scale; onnxruntime's QLinearAveragePool takes either.
  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .forFloatData(inputs, .rescaled) }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .planewise(inputs, outputs)
  }

  /// Every element gets its share of the means that it went into.
  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flowsToData(inputs) { call, upstream throws(OperatorError) in
      let shape = try call.shape(0)
      let pool = PoolingWindow(try resolvedWindow(input: shape))
      func shares<T: RealElement>(_: T.Type) -> Tensor {
        Tensor(writing: shape, of: T.self) { target in
          upstream.withBase(as: T.self) { upstream in
            pool.forEachPlane(shape[0] * shape[1]) { plane in
              let (from, to) = (upstream + plane * pool.outputPlane, target + plane * pool.inputPlane)
              to.update(repeating: 0, count: pool.inputPlane)
              pool.forEachPosition { position, z, y, x in
                let count = T(divisor(z, y, x))
                let share = count == 0 ? 0 : from[position] / count
                pool.forEachInput(z, y, x) { to[$0] += share }
              }
            }
          }
        }
      }
      return upstream.dtype == .float64 ? shares(Double.self) : shares(Float.self)
    }
  }
}
