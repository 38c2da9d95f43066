import HostTensors
import TensorTypes

/// ONNX ConvTranspose: input [N, C, spatial...], weight [C, M / group, kernel...], optional bias [M].
///
/// One to three spatial axes. Every input position adds its value times the kernel to the window of
/// outputs it belongs to; the output extent is
/// stride * (input - 1) + output_padding + (kernel - 1) * dilation + 1 - pads.
public struct ConvTranspose: Operator {
  public static let kind = OperatorKind.convTranspose

  public let window: WindowAttributes
  public let group: Int
  /// Extra extent at the end of each axis; empty for none.
  public let outputPadding: [Int]
  /// Extents that the pads are chosen for; nil where the pads decide.
  public let outputShape: [Int]?

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(2...3)
    try definition.requireOutputs(1...1)
    window = try WindowAttributes(definition)
    group = try definition.int("group", default: 1)
    guard group >= 1 else { throw .invalidAttribute("group", expected: "1 or more", found: "\(group)") }
    outputPadding = try definition.ints("output_padding") ?? []
    outputShape = try definition.ints("output_shape")
    let limit = WindowAttributes.maximumExtent
    guard outputPadding.allSatisfy({ (0...limit).contains($0) }) else {
      throw .invalidAttribute("output_padding", expected: "numbers from 0 to \(limit)", found: "\(outputPadding)")
    }
    guard outputShape?.allSatisfy({ (1...limit).contains($0) }) ?? true else {
      throw .invalidAttribute("output_shape", expected: "numbers from 1 to \(limit)", found: "\(outputShape ?? [])")
    }
  }

  public var attributes: [String: AttributeValue] {
    var written = window.attributes
    if group != 1 { written["group"] = .int(group) }
    if !outputPadding.isEmpty { written["output_padding"] = .ints(outputPadding) }
    if let outputShape { written["output_shape"] = .ints(outputShape) }
    return written
  }

  /// The window with which a convolution would map the output back onto the input: in each axis,
  /// `input` is the extent of this operator's output and `output` that of its input.
  public func resolvedWindow(input: [Int], weight: [Int]) throws(OperatorError) -> SpatialWindow {
    guard (3...5).contains(input.count) else {
      throw .inputShape(0, expected: "[N, C] and one to three spatial axes", found: input)
    }
    guard weight.count == input.count else {
      throw .inputShape(1, expected: "rank \(input.count), as the input", found: weight)
    }
    let rank = input.count - 2
    let lists = try window.checkedLists(rank: rank, kernel: Array(weight[2...]))
    for (name, list) in [("output_padding", outputPadding), ("output_shape", outputShape ?? [])]
    where !list.isEmpty && list.count != rank {
      throw .invalidAttribute(name, expected: "\(rank) numbers", found: "\(list)")
    }
    let limit = WindowAttributes.maximumExtent
    var axes: [SpatialAxis] = []
    for index in 0..<rank {
      let extent = input[2 + index]
      guard (1...limit).contains(extent), lists.kernel[index] <= limit else {
        throw .invalid("a spatial extent of \(extent) under a kernel of \(lists.kernel[index]) is not supported")
      }
      let stride = lists.strides[index]
      let span = (lists.kernel[index] - 1) * lists.dilations[index] + 1
      let reach = stride * (extent - 1) + (outputPadding.isEmpty ? 0 : outputPadding[index]) + span
      let pads = (begin: lists.pads[index], end: lists.pads[rank + index])
      let placed = try place(reach: reach, wanted: outputShape?[index], grown: extent * stride, pads: pads)
      axes.append(
        SpatialAxis(
          input: placed.extent, kernel: lists.kernel[index], stride: stride, dilation: lists.dilations[index],
          padBegin: placed.begin, padEnd: placed.end, output: extent))
    }
    return SpatialWindow(axes: axes)
  }

  /// Output extent and pads of one axis, whose windows reach over `reach` elements before cropping.
  ///
  /// Where the extent is given, the pads make up the difference, the larger half at the end for
  /// SAME_UPPER and at the beginning otherwise (ONNX ConvTranspose).
  private func place(
    reach: Int, wanted: Int?, grown: Int, pads: (begin: Int, end: Int)
  ) throws(OperatorError) -> (extent: Int, begin: Int, end: Int) {
    let sought: Int? =
      switch window.autoPad {
      // As onnxruntime, where a kernel shorter than its stride does not reach so far.
      case .sameUpper, .sameLower: wanted ?? Swift.min(grown, reach)
      case .notSet, .valid: wanted
      }
    if let extent = sought {
      let total = Swift.max(0, reach - extent)
      let begin = window.autoPad == .sameUpper ? total / 2 : total - total / 2
      return (extent, begin, reach - extent - begin)
    }
    let (begin, end) = window.autoPad == .valid ? (0, 0) : pads
    let extent = reach - begin - end
    guard extent >= 1 else { throw .invalid("pads \(begin) and \(end) leave nothing of \(reach) elements") }
    return (extent, begin, end)
  }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    let input = try inputs.required(0, "X")
    let weight = try inputs.required(1, "W")
    try input.requireFloat(0)
    try weight.requireType(1, input.dtype)
    try checkedElementCount(input.shape, of: input.dtype)
    try checkedElementCount(weight.shape, of: weight.dtype)
    let resolved = try resolvedWindow(input: input.shape, weight: weight.shape)
    guard weight.shape[0] == input.shape[1], weight.shape[0] % group == 0 else {
      throw .inputShape(1, expected: "\(input.shape[1]) input channels in \(group) equal groups", found: weight.shape)
    }
    let outChannels = try checkedProduct(weight.shape[1], group)
    try checkBias(inputs.optional(2), index: 2, channels: outChannels, dtype: input.dtype)
    return [try .checked(input.dtype, [input.shape[0], outChannels] + resolved.inputExtents)]
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int {
    guard let input = inputs.optional(0), let weight = inputs.optional(1), weight.rank >= 2 else { return 0 }
    return saturatingProduct(input.shape + weight.shape[1...])
  }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let output = try inferOutputs(inputs.infos)[0]
    let input = try inputs.required(0, "X")
    let weight = try inputs.required(1, "W")
    let shape = try convolution(input: input.shape, weight: weight.shape)
    try checkProductExtents([weight.count, input.shape.elementCount / Swift.max(input.shape[0], 1)])
    func transposed<T: RealElement>(_: T.Type) -> Tensor {
      Tensor(writing: output.shape, of: T.self) { target in
        input.withBase(as: T.self) { source in
          weight.withBase(as: T.self) { shape.inputGradient(output: source, weight: $0, input: target) }
        }
        inputs.optional(2).withBase(as: T.self) { addBias($0, to: target, output.shape) }
      }
    }
    return [output.dtype == .float64 ? transposed(Double.self) : transposed(Float.self).cast(to: output.dtype)]
  }

  /// The convolution that maps the output back onto an input of this full shape.
  private func convolution(input: [Int], weight: [Int]) throws(OperatorError) -> Convolution {
    Convolution(
      window: try resolvedWindow(input: input, weight: weight), batch: input[0], inChannels: weight[1] * group,
      outChannels: weight[0], groups: group)
  }

  private func addBias<T: RealElement>(_ bias: UnsafePointer<T>?, to output: UnsafeMutablePointer<T>, _ shape: [Int]) {
    guard let bias else { return }
    let plane = shape[2...].reduce(1, *)
    Parallel.forEachRange(shape[0] * shape[1], grain: elementGrain / Swift.max(plane, 1)) { channels in
      for channel in channels {
        let (target, value) = (output + channel * plane, bias[channel % shape[1]])
        for index in 0..<plane { target[index] += value }
      }
    }
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    guard let weight = inputs.optional(1), weight.constant != nil else {
      return .floatOnly(reason: "the weight is not constant")
    }
    guard group == 1 else {
      return .floatOnly(reason: "the output channels of a grouped transposed weight do not lie on one axis")
    }
    return .accumulate(weightInput: 1, channelAxis: 1)
  }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    guard let x = inputs.optional(0), let weight = inputs.optional(1), x.rank > 2, weight.rank > 2 else {
      return .opaque(reason: "has no weight")
    }
    let groups = ConvolutionGroups(count: group, inputs: x.shape[1] / group, outputs: weight.shape[1])
    let sliced = groups.within(
      input: [.input(1, axis: 0, blocks: group)], output: [.input(1, axis: 1)], hasBias: inputs.optional(2) != nil)
    let removed = groups.whole([.input(1, axis: 0, run: groups.inputs)], hasBias: inputs.optional(2) != nil)
    return groups.coupling(batch: x.shape[0], within: sliced, whole: removed)
  }

  /// The way back is the convolution that this operator is the transpose of.
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
            ? shape.transposedGradient(input, extents, upstream, other, Double.self)
            : shape.transposedGradient(input, extents, upstream, other, Float.self)
        }
      })
  }
}

extension Convolution {
  /// The gradient of the transpose of shape `extents` by its input 0, the other tensor being the weight, or by its
  /// input 1, it being the input.
  fileprivate func transposedGradient<T: RealElement>(
    _ input: Int, _ extents: [Int], _ upstream: Tensor, _ other: Tensor, _: T.Type
  ) -> Tensor {
    Tensor(writing: extents, of: T.self) { target in
      upstream.withBase(as: T.self) { upstream in
        other.withBase(as: T.self) { other in
          if input == 0 {
            run(input: upstream, weight: other, bias: nil, output: target)
          } else {
            weightGradient(input: upstream, output: other, weight: target)
          }
        }
      }
    }
  }
}
