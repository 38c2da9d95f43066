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
    let output = try inferOutputs(inputs.infos)
    let input = try inputs.required(0, "X")
    let scale = try inputs.required(1, "scale").floats
    let bias = try inputs.required(2, "B").floats
    let givenMean = try inputs.required(3, "input_mean").floats
    let givenVariance = try inputs.required(4, "input_var").floats
    let source = input.floats
    let blocks = ChannelBlocks(shape: input.shape, channels: scale.count)
    let batch = isTraining ? blocks.statistics(source) : nil
    let mean = batch?.mean ?? givenMean
    let variance = batch?.variance ?? givenVariance
    let result = Tensor(shape: input.shape, of: Float.self) { target in
      blocks.forEachRun { channel, range in
        let factor = Double(scale[channel]) / (Double(variance[channel]) + Double(epsilon)).squareRoot()
        let shift = Double(bias[channel]) - factor * Double(mean[channel])
        for index in range { target[index] = Float(Double(source[index]) * factor + shift) }
      }
    }
    func running(_ given: [Float], _ current: [Float]) -> Tensor {
      let mixed = zip(given, current).map { $0 * momentum + $1 * (1 - momentum) }
      return Tensor(shape: [mixed.count], elements: mixed)
    }
    let results = [result, running(givenMean, mean), running(givenVariance, variance)]
    return zip(output, results).map { $1.cast(to: $0.dtype) }
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    .floatOnly(reason: "a batch normalization that no convolution absorbs")
  }
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

  func forEachRun(_ body: (_ channel: Int, _ range: Range<Int>) -> Void) {
    for image in 0..<batch {
      for channel in 0..<channels {
        let start = (image * channels + channel) * block
        body(channel, start..<start + block)
      }
    }
  }

  /// Mean and population variance of each channel, summed in Double.
  func statistics(_ elements: [Float]) -> (mean: [Float], variance: [Float]) {
    let count = Double(batch * block)
    var sums = [Double](repeating: 0, count: channels)
    forEachRun { channel, range in for index in range { sums[channel] += Double(elements[index]) } }
    let means = sums.map { $0 / count }
    var squares = [Double](repeating: 0, count: channels)
    forEachRun { channel, range in
      for index in range {
        let distance = Double(elements[index]) - means[channel]
        squares[channel] += distance * distance
      }
    }
    return (means.map { Float($0) }, squares.map { Float($0 / count) })
  }
}
