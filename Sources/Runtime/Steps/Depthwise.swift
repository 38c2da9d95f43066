import CMicrokernels
import ModelFormat
import TensorTypes

/// What the int8 and the float depthwise convolution share.
struct DepthwisePlan {
  let image: StagedImage
  var template: pare_depthwise
  let output: UnsafeMutableRawPointer
  let outputElementBytes: Int

  var bandCount: Int { image.window.batch * image.bandsPerImage }

  init(
    _ image: StagedImage, output: UnsafeMutableRawPointer, outputElementBytes: Int, _ loader: borrowing Loader
  ) throws(StepProblem) {
    let window = image.window
    guard window.inChannels == window.outChannels else { throw .value(.channels, found: window.outChannels) }
    self.image = image
    self.output = output
    self.outputElementBytes = outputElementBytes
    let tapCount = window.kernelHeight * window.kernelWidth
    let taps = loader.memory.allocate(tapCount, of: Int32.self)
    for tap in 0..<tapCount {
      let offset =
        tap / window.kernelWidth * window.dilationHeight * image.rowBytes
        + tap % window.kernelWidth * window.dilationWidth * window.inChannels * image.elementBytes
      taps[tap] = Int32(truncatingIfNeeded: offset)
    }
    template = pare_depthwise()
    template.windows = UnsafePointer(image.windows)
    template.taps = UnsafePointer(taps)
    template.tap_count = tapCount
    template.channels = window.inChannels
    template.output_stride = window.outChannels * outputElementBytes
  }

  @inline(__always)
  func run(band: Int, worker: Int, _ loop: @convention(c) (UnsafePointer<pare_depthwise>?) -> Void) {
    let window = image.window
    let firstRow = (band % image.bandsPerImage) * image.bandRows
    let pixel = (band / image.bandsPerImage * window.outHeight + firstRow) * window.outWidth
    var depthwise = template
    depthwise.image = image.band(band, worker: worker).assumingMemoryBound(to: UInt8.self)
    depthwise.pixels = image.rows(ofBand: band) * window.outWidth
    depthwise.output = output + pixel * window.outChannels * outputElementBytes
    loop(&depthwise)
  }
}

/// Depthwise convolution on float32.
final class DepthwiseFloatStep: Step {
  private let plan: DepthwisePlan
  private let loop: @convention(c) (UnsafePointer<pare_depthwise>?) -> Void

  @inline(never)
  init(_ record: ConvolutionFloatRecord, _ loader: borrowing Loader) throws(StepProblem) {
    let kernels = loader.kernels.pointee
    let window = record.window
    let image = try StagedImage(
      window, form: PARE_FORM_F32, bandRows: record.bandRows, input: record.input, inputDType: .float32,
      inputZeroPoint: 0, scratch: record.scratch, loader)
    let output = try loader.output(record.output, .output, .float32, count: ConvolutionPlan.outputCount(window))
    var plan = try DepthwisePlan(image, output: output, outputElementBytes: 4, loader)
    let channels = window.inChannels
    let padded = (channels + kernels.depthwise_f32_nr - 1) / kernels.depthwise_f32_nr * kernels.depthwise_f32_nr
    let taps = plan.template.tap_count
    let weights = loader.memory.allocate(
      try product(taps, padded, .weights), of: Float.self)
    try loader.withConstant(record.weights, .weights, .float32, count: product(taps, channels, .weights)) {
      (source) throws(StepProblem) in
      for tap in 0..<taps {
        for channel in 0..<channels {
          weights[tap * padded + channel] = source.assumingMemoryBound(to: Float.self)[tap * channels + channel]
        }
      }
    }
    let bias = loader.memory.allocate(padded, of: Float.self)
    if !record.bias.isNone {
      try loader.withConstant(record.bias, .bias, .float32, count: channels) { (source) throws(StepProblem) in
        bias.update(from: source.assumingMemoryBound(to: Float.self), count: channels)
      }
    }
    plan.template.weights = UnsafeRawPointer(weights)
    plan.template.bias = UnsafeRawPointer(bias)
    plan.template.low = record.low
    plan.template.high = record.high
    self.plan = plan
    loop = kernels.depthwise_f32
    super.init(
      outputBytes: try loader.outputSpan(record.output),
      multiplyAccumulates: try window.checkedMultiplyAccumulates(channelsPerOutput: 1))
  }

  override func run(_ workers: Workers) {
    workers.run(plan.bandCount, Unmanaged.passUnretained(self).toOpaque()) { context, band, worker in
      let step = Unmanaged<DepthwiseFloatStep>.fromOpaque(context!).takeUnretainedValue()
      step.plan.run(band: band, worker: worker, step.loop)
    }
  }
}

/// Depthwise convolution on int8 or uint8 with int8 weights.
final class DepthwiseInt8Step: Step {
  private let plan: DepthwisePlan
  private let loop: @convention(c) (UnsafePointer<pare_depthwise>?) -> Void

  @inline(never)
  init(_ record: ConvolutionInt8Record, _ loader: borrowing Loader) throws(StepProblem) {
    let kernels = loader.kernels.pointee
    let window = record.window
    let types = try QuantizedTypes(record, loader)
    let image = try StagedImage(
      window, form: kernels.depthwise_form, bandRows: record.bandRows, input: record.input,
      inputDType: types.input, inputZeroPoint: record.inputAffine.zeroPoint, scratch: record.scratch, loader)
    let output = try loader.output(
      record.output, .output, types.output, count: ConvolutionPlan.outputCount(window))
    var plan = try DepthwisePlan(image, output: output, outputElementBytes: 1, loader)
    let channels = window.inChannels
    let taps = plan.template.tap_count
    let padded = (channels + kernels.depthwise_nr - 1) / kernels.depthwise_nr * kernels.depthwise_nr
    _ = try product(taps, product(padded, 4, .weights), .weights)
    let requantized = try RequantizedChannels(record, groups: 1, paddedPerGroup: padded, loader)
    let packed = loader.memory.allocate(kernels.depthwise_i8_bytes(taps, channels)).baseAddress!
    try loader.withConstant(record.weights, .weights, .int8, count: product(taps, channels, .weights)) {
      (source) throws(StepProblem) in
      let weights = source.assumingMemoryBound(to: Int8.self)
      requantized.fold(
        zeroPoint: image.stagedZeroPoint, weights, perChannel: taps, stride: channels, channelStride: 1,
        channelsPerGroup: channels)
      kernels.prepack_depthwise_i8(weights, taps, channels, packed, requantized.bias, requantized.multipliers)
    }
    plan.template.weights = UnsafeRawPointer(packed)
    plan.template.bias = UnsafeRawPointer(requantized.bias)
    plan.template.multipliers = UnsafePointer(requantized.multipliers)
    plan.template.low = Float(record.low - record.outputAffine.zeroPoint)
    plan.template.high = Float(record.high - record.outputAffine.zeroPoint)
    plan.template.zero_point = record.outputAffine.zeroPoint
    self.plan = plan
    loop = kernels.depthwise_i8
    super.init(
      outputBytes: try loader.outputSpan(record.output),
      multiplyAccumulates: try window.checkedMultiplyAccumulates(channelsPerOutput: 1))
  }

  override func run(_ workers: Workers) {
    workers.run(plan.bandCount, Unmanaged.passUnretained(self).toOpaque()) { context, band, worker in
      let step = Unmanaged<DepthwiseInt8Step>.fromOpaque(context!).takeUnretainedValue()
      step.plan.run(band: band, worker: worker, step.loop)
    }
  }
}
