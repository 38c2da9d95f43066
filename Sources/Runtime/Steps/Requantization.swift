import ModelFormat
import TensorTypes

/// The types of a quantized convolution's operands, with its affine fields checked.
struct QuantizedTypes {
  let input: DType
  let output: DType

  init(_ record: ConvolutionInt8Record, _ loader: borrowing Loader) throws(StepProblem) {
    input = try loader.record(record.input, .input).dtype
    output = try loader.record(record.output, .output).dtype
    try record.inputAffine.check(.input, input)
    try record.outputAffine.check(.output, output)
    try checkClamp(record.low, record.high, output)
  }
}

extension AffineRecord {
  /// Scale finite and positive, zero point a value of the type, the type quantized.
  @inline(never)
  func check(_ name: FieldName, _ dtype: DType) throws(StepProblem) {
    guard dtype.isQuantized else { throw .typeNotSupported(name, found: dtype) }
    guard scale > 0, scale < .infinity else { throw .notFinite(name) }
    guard dtype.quantizedRange.contains(zeroPoint) else { throw .value(name, found: Int(zeroPoint)) }
  }
}

extension DType {
  /// Least and greatest value of int8, else of uint8.
  var quantizedRange: ClosedRange<Int32> { self == .int8 ? -128...127 : 0...255 }
}

/// Checks that the clamp of a quantized result is a range of its type.
@inline(never)
func checkClamp(_ low: Int32, _ high: Int32, _ dtype: DType) throws(StepProblem) {
  guard low <= high else { throw .value(.clamp, found: Int(low)) }
  guard dtype.quantizedRange.contains(low), dtype.quantizedRange.contains(high) else {
    throw .value(.clamp, found: Int(high))
  }
}

/// Bias and multiplier of every output channel, padded to the inner loop's blocks.
///
/// Positions lie below the bytes of the weights or of these blocks, both checked, so computing them is not.
struct RequantizedChannels {
  /// [groups * paddedPerGroup].
  let bias: UnsafeMutablePointer<Int32>
  let multipliers: UnsafeMutablePointer<Float>
  private let count: Int
  private let paddedPerGroup: Int

  init(_ record: ConvolutionInt8Record, groups: Int, paddedPerGroup: Int, _ loader: borrowing Loader)
    throws(StepProblem)
  {
    let channels = record.window.outChannels
    let perGroup = channels / groups
    let bias = loader.memory.allocate(groups * paddedPerGroup, of: Int32.self)
    let multipliers = loader.memory.allocate(groups * paddedPerGroup, of: Float.self)
    if !record.bias.isNone {
      try loader.withConstant(record.bias, .bias, .int32, count: channels) { (source) throws(StepProblem) in
        for channel in 0..<channels {
          bias[RequantizedChannels.slot(channel, perGroup: perGroup, padded: paddedPerGroup)] =
            source.assumingMemoryBound(to: Int32.self)[channel]
        }
      }
    }
    try loader.withConstant(record.weightScales, .weightScales, .float32, count: channels) {
      (source) throws(StepProblem) in
      for channel in 0..<channels {
        let multiplier = requantizationMultiplier(
          input: record.inputAffine.scale, weight: source.assumingMemoryBound(to: Float.self)[channel],
          output: record.outputAffine.scale)
        guard multiplier.isFinite else { throw .notFinite(.weightScales) }
        multipliers[RequantizedChannels.slot(channel, perGroup: perGroup, padded: paddedPerGroup)] = multiplier
      }
    }
    self.bias = bias
    self.multipliers = multipliers
    self.paddedPerGroup = paddedPerGroup
    count = channels
  }

  /// Where a channel's bias and multiplier stand.
  @inline(never)
  private static func slot(_ channel: Int, perGroup: Int, padded: Int) -> Int {
    channel / perGroup &* padded &+ channel % perGroup
  }

  /// Takes the staged zero point out of the sums: bias -= zeroPoint * (sum of the channel's weights).
  ///
  /// Weight t of channel c is weights[c * channelStride + t * stride], t below `perChannel`.
  func fold(
    zeroPoint: Int32, _ weights: UnsafePointer<Int8>, perChannel: Int, stride: Int, channelStride: Int,
    channelsPerGroup: Int
  ) {
    guard zeroPoint != 0 else { return }
    for channel in 0..<count {
      var sum: Int32 = 0
      for tap in 0..<perChannel { sum &+= Int32(weights[channel &* channelStride &+ tap &* stride]) }
      let slot = RequantizedChannels.slot(channel, perGroup: channelsPerGroup, padded: paddedPerGroup)
      bias[slot] = bias[slot] &- zeroPoint &* sum
    }
  }
}
