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
    let shape = try convolution(input: input.shape, weight: weight.shape)
    try checkProductExtents([weight.count, output.shape.elementCount / Swift.max(output.shape[0], 1)])
    func convolved<T: RealElement>(_: T.Type) -> Tensor {
      Tensor(writing: output.shape, of: T.self) { target in
        input.withBase(as: T.self) { source in
          weight.withBase(as: T.self) { weights in
            inputs.optional(2).withBase(as: T.self) { bias in
              shape.run(input: source, weight: weights, bias: bias, output: target)
            }
          }
        }
      }
    }
    return [output.dtype == .float64 ? convolved(Double.self) : convolved(Float.self).cast(to: output.dtype)]
  }

  /// The convolution of an input and a weight of these full shapes, which fit.
  private func convolution(input: [Int], weight: [Int]) throws(OperatorError) -> Convolution {
    Convolution(
      window: try resolvedWindow(input: input, weight: weight), batch: input[0], inChannels: input[1],
      outChannels: weight[0], groups: group)
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    guard let weight = inputs.optional(1), weight.constant != nil else {
      return .floatOnly(reason: "the weight is not constant")
    }
    return .accumulate(weightInput: 1, channelAxis: 0)
  }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    guard let x = inputs.optional(0), let weight = inputs.optional(1), x.rank > 2, weight.rank > 2 else {
      return .opaque(reason: "has no weight")
    }
    let groups = ConvolutionGroups(count: group, inputs: x.shape[1] / group, outputs: weight.shape[0] / group)
    let sliced = groups.within(
      input: [.input(1, axis: 1)], output: [.input(1, axis: 0, blocks: group)], hasBias: inputs.optional(2) != nil)
    let removed = groups.whole([.input(1, axis: 0, run: groups.outputs)], hasBias: inputs.optional(2) != nil)
    return groups.coupling(batch: x.shape[0], within: sliced, whole: removed)
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flows(
      inputs,
      GradientRule(inputs: [0, 1, 2], reads: .inputs(0, 1)) { call throws(OperatorError) in
        let shape = try convolution(input: call.shape(0), weight: call.shape(1))
        let upstream = try call.outputGradient
        return try call.gradients { input throws(OperatorError) in
          if input == 2 { return try upstream.channelSums() }
          let other = try call.inputs.required(1 - input, input == 0 ? "W" : "X")
          let extents = try call.shape(input)
          return upstream.dtype == .float64
            ? shape.gradient(input, extents, upstream, other, Double.self)
            : shape.gradient(input, extents, upstream, other, Float.self)
        }
      })
  }
}

extension Convolution {
  /// The gradient of shape `extents` by input 0, the other tensor being the weight, or by input 1, it being the input.
  fileprivate func gradient<T: RealElement>(
    _ input: Int, _ extents: [Int], _ upstream: Tensor, _ other: Tensor, _: T.Type
  ) -> Tensor {
    Tensor(writing: extents, of: T.self) { target in
      upstream.withBase(as: T.self) { upstream in
        other.withBase(as: T.self) { other in
          if input == 0 {
            inputGradient(output: upstream, weight: other, input: target)
          } else {
            weightGradient(input: other, output: upstream, weight: target)
          }
        }
      }
    }
  }
}

extension Tensor {
  /// For [N, C, ...] the sums over all axes but the second: [C], the gradient by a bias.
  func channelSums() throws(OperatorError) -> Tensor {
    try summed(to: [shape[1]] + shape.dropFirst(2).map { _ in 1 }).reshaped([shape[1]])
  }
}
