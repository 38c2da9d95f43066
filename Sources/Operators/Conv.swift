import HostTensors
import TensorTypes

/// ONNX Conv: input [N, C, spatial...], weight [M, C / group, kernel...], optional bias [M].
///
/// One to three spatial axes; the output is [N, M, positions...].
public struct Conv: Operator {
  public static let kind = OperatorKind.conv

  public let window: WindowAttributes
  public let group: Int

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(2...3)
    try definition.requireOutputs(1...1)
    window = try WindowAttributes(definition)
    group = try definition.int("group", default: 1)
    guard group >= 1 else { throw .invalidAttribute("group", expected: "1 or more", found: "\(group)") }
  }

  public var attributes: [String: AttributeValue] {
    var written = window.attributes
    if group != 1 { written["group"] = .int(group) }
    return written
  }

  /// The window with its pads and extents resolved, for an input and a weight of these full shapes.
  public func resolvedWindow(input: [Int], weight: [Int]) throws(OperatorError) -> SpatialWindow {
    guard (3...5).contains(input.count) else {
      throw .inputShape(0, expected: "[N, C] and one to three spatial axes", found: input)
    }
    guard weight.count == input.count else {
      throw .inputShape(1, expected: "rank \(input.count), as the input", found: weight)
    }
    return try window.resolved(input: Array(input[2...]), kernel: Array(weight[2...]))
  }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    let input = try inputs.required(0, "X")
    let weight = try inputs.required(1, "W")
    try input.requireFloat(0)
    try weight.requireType(1, input.dtype)
    try checkedElementCount(input.shape, of: input.dtype)
    try checkedElementCount(weight.shape, of: weight.dtype)
    let resolved = try resolvedWindow(input: input.shape, weight: weight.shape)
    try checkChannels(input: input.shape[1], weight: weight.shape)
    try checkBias(inputs.optional(2), index: 2, channels: weight.shape[0], dtype: input.dtype)
    return [try .checked(input.dtype, [input.shape[0], weight.shape[0]] + resolved.outputExtents)]
  }

  private func checkChannels(input channels: Int, weight: [Int]) throws(OperatorError) {
    let (expected, overflow) = weight[1].multipliedReportingOverflow(by: group)
    guard !overflow, expected == channels else {
      throw .inputShape(1, expected: "\(channels) input channels over \(group) groups", found: weight)
    }
    guard weight[0] % group == 0 else {
      throw .inputShape(1, expected: "output channels in \(group) equal groups", found: weight)
    }
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int {
    guard let weight = inputs.optional(1), let output = outputs.first, weight.rank >= 2 else { return 0 }
    return saturatingProduct(output.shape + weight.shape[1...])
  }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let output = try inferOutputs(inputs.infos)[0]
    let input = try inputs.required(0, "X")
    let weight = try inputs.required(1, "W")
    let resolved = try resolvedWindow(input: input.shape, weight: weight.shape)
    try checkProductExtents([weight.count, output.shape.elementCount / Swift.max(output.shape[0], 1)])
    let convolution = FloatConvolution(
      window: resolved, batch: input.shape[0], inChannels: input.shape[1], outChannels: weight.shape[0], groups: group)
    let result = Tensor(shape: output.shape, of: Float.self) { target in
      withFloats(input, weight, inputs.optional(2)) { source, weights, bias in
        guard let source = source.baseAddress, let weights = weights.baseAddress, let out = target.baseAddress else {
          return
        }
        convolution.run(input: source, weight: weights, bias: bias?.baseAddress, output: out)
      }
    }
    return [result.cast(to: output.dtype)]
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    guard let weight = inputs.optional(1), weight.constant != nil else {
      return .floatOnly(reason: "the weight is not constant")
    }
    return .accumulate(weightInput: 1, channelAxis: 0)
  }
}
