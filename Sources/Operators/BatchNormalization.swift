import HostTensors
import TensorTypes

/// ONNX BatchNormalization: scale * (x - mean) / sqrt(variance + epsilon) + bias per channel, the
/// channel being axis 1.
///
/// Inputs: X [N, C, ...], scale [C], bias [C], mean [C], variance [C]. With `training_mode` 1 mean and
/// variance are those of the batch, and the outputs are Y, the running mean and the running variance.
public struct BatchNormalization: Operator {
  public static let kind = OperatorKind.batchNormalization

  public let epsilon: Float
  public let momentum: Float
  public let isTraining: Bool
  let outputCount: Int

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(5)
    epsilon = try definition.float("epsilon", default: 1e-5)
    momentum = try definition.float("momentum", default: 0.9)
    isTraining = try definition.flag("training_mode", default: false)
    outputCount = definition.outputCount
    try definition.requireOutputs(1...(isTraining ? 3 : 5))
    guard isTraining || definition.outputCount == 1 else {
      throw .invalid("BatchNormalization with \(definition.outputCount) outputs trains, which opset 7 to 13 leave open")
    }
    guard try definition.int("spatial", default: 1) == 1 else {
      throw .invalidAttribute("spatial", expected: "1: one statistic per channel", found: "0")
    }
  }

  public var attributes: [String: AttributeValue] {
    var written: [String: AttributeValue] = ["epsilon": .float(epsilon)]
    if isTraining {
      written["momentum"] = .float(momentum)
      written["training_mode"] = .int(1)
    }
    return written
  }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    let input = try inputs.required(0, "X")
    try input.requireFloat(0)
    guard input.rank >= 1 else { throw .inputShape(0, expected: "rank 1 or more", found: input.shape) }
    let channels = channelCount(input.shape)
    for (index, name) in [(1, "scale"), (2, "B"), (3, "input_mean"), (4, "input_var")] {
      let statistic = try inputs.required(index, name)
      try statistic.requireFloat(index)
      guard statistic.shape == [channels] else {
        throw .inputShape(index, expected: "[\(channels)], one per channel", found: statistic.shape)
      }
    }
    let running = ValueInfo(dtype: try inputs.required(3, "input_mean").dtype, shape: [channels])
    let outputs = [try ValueInfo.checked(input.dtype, input.shape), running, running]
    return Array(outputs.prefix(outputCount))
  }

  /// ONNX: an input of rank 1 is a batch of one channel.
  private func channelCount(_ shape: [Int]) -> Int { shape.count == 1 ? 1 : shape[1] }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let outputs = try inferOutputs(inputs.infos)
    if isTraining {
      let result =
        outputs[0].dtype == .float64
        ? try normalized(inputs, Double.self) : try normalized(inputs, Float.self)
      return zip(result.outputs, outputs).map { $0.cast(to: $1.dtype) }
    }
    let result = outputs[0].dtype == .float64 ? try scaled(inputs, Double.self) : try scaled(inputs, Float.self)
    return [result.cast(to: outputs[0].dtype)]
  }

  /// Normalized with the given statistics, which makes one factor and one shift per channel.
  private func scaled<T: RealElement>(_ inputs: [Tensor?], _: T.Type) throws(OperatorError) -> Tensor {
    let input = try inputs.required(0, "X")
    let scale = try inputs.required(1, "scale").reals
    let bias = try inputs.required(2, "B").reals
    let mean = try inputs.required(3, "input_mean").reals
    let variance = try inputs.required(4, "input_var").reals
    let factors = scale.indices.map { scale[$0] / (variance[$0] + Double(epsilon)).squareRoot() }
    let shifts = bias.indices.map { bias[$0] - factors[$0] * mean[$0] }
    let blocks = ChannelBlocks(shape: input.shape, channels: scale.count)
    return Tensor(writing: input.shape, of: T.self) { target in
      input.withBase(as: T.self) { source in
        blocks.forEachRun { channel, range in
          let (factor, shift) = (factors[channel], shifts[channel])
          for index in range { target[index] = T(Double(source[index]) * factor + shift) }
        }
      }
    }
  }

  /// Normalized with the statistics of the batch; saved are their mean and 1 / sqrt(variance + epsilon).
  private func normalized<T: RealElement>(_ inputs: [Tensor?], _: T.Type) throws(OperatorError) -> ForwardResult {
    let input = try inputs.required(0, "X")
    let scale = try inputs.required(1, "scale").reals
    let bias = try inputs.required(2, "B").reals
    let blocks = ChannelBlocks(shape: input.shape, channels: scale.count)
    let (mean, variance) = input.withBase(as: T.self) { blocks.statistics($0) }
    let inverse = variance.map { 1 / ($0 + Double(epsilon)).squareRoot() }
    let result = Tensor(writing: input.shape, of: T.self) { target in
      input.withBase(as: T.self) { source in
        blocks.forEachRun { channel, range in
          let (centre, factor, shift) = (T(mean[channel]), T(scale[channel] * inverse[channel]), T(bias[channel]))
          for index in range { target[index] = (source[index] - centre) * factor + shift }
        }
      }
    }
    func running(_ index: Int, _ name: String, _ current: [Double]) throws(OperatorError) -> Tensor {
      let given = try inputs.required(index, name)
      let mixed = zip(given.reals, current).map { $0 * Double(momentum) + $1 * (1 - Double(momentum)) }
      return Tensor(shape: [mixed.count], elements: mixed).cast(to: given.dtype)
    }
    let updates = [
      3: try running(3, "input_mean", mean), 4: try running(4, "input_var", variance),
    ]
    let outputs = [result] + [3, 4].compactMap { updates[$0] }
    let saved = [mean, inverse].map { Tensor(shape: [blocks.channels], elements: $0) }
    return ForwardResult(outputs: Array(outputs.prefix(outputCount)), saved: saved, updates: updates)
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    .floatOnly(reason: "a batch normalization that no convolution absorbs")
  }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    guard let shape = inputs.optional(0)?.shape, shape.count > 1 else {
      return .opaque(reason: "takes a list as a single channel")
    }
    let statistics = (1...4).map { ChannelPlaces.input($0, axis: 0) }
    let running = [1, 2].filter { outputs.optional($0) != nil }.map { ChannelPlaces.output($0, axis: 0) }
    let ties = shape.indices.filter { $0 == 1 || !isTraining }.map { axis in
      ChannelTie(
        count: shape[axis],
        [.input(0, axis: axis), .output(0, axis: axis)] + (axis == 1 ? statistics + running : []))
    }
    return ChannelCoupling(ties: ties, otherwise: "takes the mean over it")
  }

  /// Training normalizes with the statistics of the batch, whatever `training_mode` says, and moves the running
  /// ones towards them (Ioffe and Szegedy, 2015).
  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    let rule = GradientRule(
      inputs: [0, 1, 2], reads: .inputs(0, 1),
      forward: { call throws(OperatorError) in
        _ = try inferOutputs(call.inputs.infos)
        let isDouble = try call.inputs.required(0, "X").dtype == .float64
        return isDouble ? try normalized(call.inputs, Double.self) : try normalized(call.inputs, Float.self)
      },
      backward: { call throws(OperatorError) in
        try call.outputGradient.dtype == .float64 ? gradients(call, Double.self) : gradients(call, Float.self)
      })
    return .flows(inputs, rule)
  }

  /// With n the normalized input, g the upstream and means over a channel: bias gets the sum of g, scale that of
  /// g * n, and the input scale / sqrt(variance + epsilon) * (g - mean(g) - n * mean(g * n)).
  private func gradients<T: RealElement>(_ call: BackwardCall, _: T.Type) throws(OperatorError) -> [Tensor?] {
    let (input, upstream) = (try call.inputs.required(0, "X"), try call.outputGradient)
    let scale = try call.inputs.required(1, "scale")
    let saved = call.saved.map(\.reals)
    let (mean, inverse) = (saved[0], saved[1])
    let blocks = ChannelBlocks(shape: input.shape, channels: scale.count)
    return try input.withBase(as: T.self) { source in
      upstream.withBase(as: T.self) { upstream in
        Result { () throws(OperatorError) in
          let sums = blocks.sums { index, channel in
            let gradient = Double(upstream[index])
            return (gradient, gradient * ((Double(source[index]) - mean[channel]) * inverse[channel]))
          }
          return try call.gradients { index throws(OperatorError) in
            if index > 0 {
              let sum = index == 1 ? sums.second : sums.first
              return Tensor(shape: [sum.count], elements: sum).cast(to: scale.dtype)
            }
            let scales = scale.reals
            return Tensor(writing: input.shape, of: T.self) { target in
              blocks.forEachRun { channel, range in
                let factor = T(scales[channel] * inverse[channel])
                let share = T(sums.first[channel] / blocks.count)
                let slope = T(sums.second[channel] / blocks.count * inverse[channel])
                let centre = T(mean[channel])
                for index in range {
                  target[index] = factor * (upstream[index] - share - (source[index] - centre) * slope)
                }
              }
            }
          }
        }
      }
    }.get()
  }
}

extension Tensor {
  /// The elements of a small float tensor as Double.
  fileprivate var reals: [Double] { cast(to: .float64).elements(as: Double.self) }
}

/// The contiguous runs of elements that belong to one channel of [N, C, ...].
private struct ChannelBlocks {
  let batch: Int
  let channels: Int
  let block: Int

  init(shape: [Int], channels: Int) {
    batch = shape[0]
    self.channels = channels
    block = shape.dropFirst(2).reduce(1, *)
  }

  /// Elements of one channel.
  var count: Double { Double(batch * block) }

  /// Calls `body` for every run, those of one channel in their order; channels are shared among threads.
  @inline(__always)
  func forEachRun(_ body: (_ channel: Int, _ range: Range<Int>) -> Void) {
    Parallel.forEachRange(channels, grain: max(1, elementGrain / max(1, batch * block))) { shared in
      for image in 0..<batch {
        for channel in shared {
          let start = (image * channels + channel) * block
          body(channel, start..<start + block)
        }
      }
    }
  }

  /// For each channel the sums in Double of two terms of every element.
  @inline(__always)
  func sums(_ terms: (_ index: Int, _ channel: Int) -> (Double, Double)) -> (first: [Double], second: [Double]) {
    var first = [Double](repeating: 0, count: channels)
    var second = first
    first.withUnsafeMutableBufferPointer { first in
      second.withUnsafeMutableBufferPointer { second in
        // Threads write to different channels.
        nonisolated(unsafe) let (first, second) = (first, second)
        forEachRun { channel, range in
          var sum = (0.0, 0.0)
          for index in range {
            let term = terms(index, channel)
            sum.0 += term.0
            sum.1 += term.1
          }
          first[channel] += sum.0
          second[channel] += sum.1
        }
      }
    }
    return (first, second)
  }

  /// Mean and population variance of each channel, summed in Double.
  func statistics<T: RealElement>(_ elements: UnsafePointer<T>) -> (mean: [Double], variance: [Double]) {
    let mean = sums { index, _ in (Double(elements[index]), 0) }.first.map { $0 / count }
    let squares = sums { index, channel in
      let distance = Double(elements[index]) - mean[channel]
      return (distance * distance, 0)
    }.first
    return (mean, squares.map { $0 / count })
  }
}
