import CMicrokernels
import ModelFormat
import TensorTypes

/// What the int8 and the float convolution share: windows, runs and groups over a staged image.
struct ConvolutionPlan {
  let image: StagedImage
  let groups: Int
  let weights: ProductWeights
  let runs: UnsafeMutablePointer<Int32>
  let output: UnsafeMutableRawPointer
  let outputElementBytes: Int
  /// The prepacked product of every group; image and output are set for each band.
  let products: UnsafeMutablePointer<pare_product>

  var window: WindowGeometry { image.window }
  var bandCount: Int { window.batch * image.bandsPerImage }

  init(
    _ image: StagedImage, groups: Int, nr: Int, elementsPerGroup: Int, output: UnsafeMutableRawPointer,
    outputElementBytes: Int, _ loader: borrowing Loader
  ) throws(StepProblem) {
    let window = image.window
    guard groups > 0, window.inChannels % groups == 0, window.outChannels % groups == 0 else {
      throw .value(.groups, found: groups)
    }
    self.image = image
    self.groups = groups
    self.output = output
    self.outputElementBytes = outputElementBytes
    // Neighbouring taps of a row are neighbours in memory, so a whole kernel row is one run, unless
    // dilation or grouping takes them apart.
    let rowIsOneRun = window.dilationWidth == 1 && groups == 1
    let runCount = rowIsOneRun ? window.kernelHeight : window.kernelHeight * window.kernelWidth
    let runElements = rowIsOneRun ? window.kernelWidth * window.inChannels : window.inChannels / groups
    weights = ProductWeights(
      nr: nr, elementsPerGroup: elementsPerGroup, runCount: runCount, runElements: runElements,
      channels: window.outChannels / groups)
    _ = try product(
      product(weights.paddedChannels, runCount, .weights), product(weights.groupsPerRun, 4 * groups, .weights),
      .weights)
    runs = loader.memory.allocate(runCount, of: Int32.self)
    for run in 0..<runCount {
      let row = rowIsOneRun ? run : run / window.kernelWidth
      let column = rowIsOneRun ? 0 : run % window.kernelWidth
      let offset =
        row * window.dilationHeight * image.rowBytes
        + column * window.dilationWidth * window.inChannels * image.elementBytes
      runs[run] = Int32(truncatingIfNeeded: offset)
    }
    products = loader.memory.allocate(groups, of: pare_product.self)
    for group in 0..<groups {
      products[group].windows = UnsafePointer(image.windows)
      products[group].runs = UnsafePointer(runs)
      products[group].run_count = runCount
      products[group].groups_per_run = weights.groupsPerRun
      products[group].channels = weights.channels
      products[group].output_stride = window.outChannels * outputElementBytes
    }
  }

  /// Weights in the file: as many as the windows multiply.
  static func weightCount(_ window: WindowGeometry, groups: Int) throws(StepProblem) -> Int {
    guard groups > 0 else { throw .value(.groups, found: groups) }
    return try product(
      product(window.outChannels, window.inChannels / groups, .weights),
      product(window.kernelHeight, window.kernelWidth, .weights), .weights)
  }

  static func outputCount(_ window: WindowGeometry) throws(StepProblem) -> Int {
    try product(
      product(window.batch, window.outHeight, .outputExtents),
      product(window.outWidth, window.outChannels, .outputExtents), .outputExtents)
  }

  /// Computes one band with `loop`.
  @inline(__always)
  func run(band: Int, worker: Int, _ loop: @convention(c) (UnsafePointer<pare_product>?) -> Void) {
    let base = image.band(band, worker: worker)
    let imageIndex = band / image.bandsPerImage
    let firstRow = (band % image.bandsPerImage) * image.bandRows
    let pixel = (imageIndex * window.outHeight + firstRow) * window.outWidth
    let target = output + pixel * window.outChannels * outputElementBytes
    let groupInputBytes = window.inChannels / groups * image.elementBytes
    let groupOutputBytes = weights.channels * outputElementBytes
    for group in 0..<groups {
      var product = products[group]
      product.image = (base + group * groupInputBytes).assumingMemoryBound(to: UInt8.self)
      product.pixels = image.rows(ofBand: band) * window.outWidth
      product.output = target + group * groupOutputBytes
      loop(&product)
    }
  }
}

/// Convolution and dense layer on float32.
final class ConvolutionFloatStep: Step {
  private let plan: ConvolutionPlan
  private let loop: @convention(c) (UnsafePointer<pare_product>?) -> Void

  @inline(never)
  init(_ record: ConvolutionFloatRecord, _ loader: borrowing Loader) throws(StepProblem) {
    let kernels = loader.kernels.pointee
    let window = record.window
    let image = try StagedImage(
      window, form: PARE_FORM_F32, bandRows: record.bandRows, input: record.input, inputDType: .float32,
      inputZeroPoint: 0, scratch: record.scratch, loader)
    let output = try loader.output(
      record.output, .output, .float32, count: ConvolutionPlan.outputCount(window))
    let plan = try ConvolutionPlan(
      image, groups: record.groups, nr: kernels.product_f32_nr, elementsPerGroup: 1, output: output,
      outputElementBytes: 4, loader)
    let packing = plan.weights
    let groups = record.groups
    let packed = loader.memory.allocate(groups * packing.byteCount).baseAddress!
    try loader.withConstant(
      record.weights, .weights, .float32, count: ConvolutionPlan.weightCount(window, groups: groups)
    ) { (source) throws(StepProblem) in
      let perGroup = packing.channels * packing.runCount * packing.runElements
      for group in 0..<groups {
        packing.prepackFloat(
          source.assumingMemoryBound(to: Float.self) + group * perGroup,
          into: (packed + group * packing.byteCount).assumingMemoryBound(to: Float.self))
      }
    }
    let bias = loader.memory.allocate(groups * packing.paddedChannels, of: Float.self)
    if !record.bias.isNone {
      try loader.withConstant(record.bias, .bias, .float32, count: window.outChannels) {
        (source) throws(StepProblem) in
        for channel in 0..<window.outChannels {
          let slot = channel / packing.channels * packing.paddedChannels + channel % packing.channels
          bias[slot] = source.assumingMemoryBound(to: Float.self)[channel]
        }
      }
    }
    for group in 0..<groups {
      plan.products[group].weights = UnsafeRawPointer(packed + group * packing.byteCount)
      plan.products[group].bias = UnsafeRawPointer(bias + group * packing.paddedChannels)
      plan.products[group].low = record.low
      plan.products[group].high = record.high
    }
    self.plan = plan
    loop = kernels.product_f32
    super.init(
      outputBytes: try loader.outputSpan(record.output),
      multiplyAccumulates: try window.checkedMultiplyAccumulates(channelsPerOutput: window.inChannels / groups))
  }

  override func run(_ workers: Workers) {
    workers.run(plan.bandCount, Unmanaged.passUnretained(self).toOpaque()) { context, band, worker in
      let step = Unmanaged<ConvolutionFloatStep>.fromOpaque(context!).takeUnretainedValue()
      step.plan.run(band: band, worker: worker, step.loop)
    }
  }
}

/// Convolution and dense layer on int8 or uint8 with int8 weights.
final class ConvolutionInt8Step: Step {
  private let plan: ConvolutionPlan
  private let loop: @convention(c) (UnsafePointer<pare_product>?) -> Void

  @inline(never)
  init(_ record: ConvolutionInt8Record, _ loader: borrowing Loader) throws(StepProblem) {
    let kernels = loader.kernels.pointee
    let window = record.window
    let types = try QuantizedTypes(record, loader)
    let image = try StagedImage(
      window, form: kernels.product_form, bandRows: record.bandRows, input: record.input,
      inputDType: types.input, inputZeroPoint: record.inputAffine.zeroPoint, scratch: record.scratch, loader)
    let output = try loader.output(
      record.output, .output, types.output, count: ConvolutionPlan.outputCount(window))
    let plan = try ConvolutionPlan(
      image, groups: record.groups, nr: kernels.product_nr, elementsPerGroup: kernels.product_k, output: output,
      outputElementBytes: 1, loader)
    let packing = plan.weights
    let groups = record.groups
    let packed = loader.memory.allocate(groups * packing.byteCount).baseAddress!
    let channels = try RequantizedChannels(
      record, groups: groups, paddedPerGroup: packing.paddedChannels, loader)
    try loader.withConstant(
      record.weights, .weights, .int8, count: ConvolutionPlan.weightCount(window, groups: groups)
    ) { (source) throws(StepProblem) in
      let elements = source.assumingMemoryBound(to: Int8.self)
      let perChannel = packing.runCount * packing.runElements
      for group in 0..<groups {
        packing.prepackInt8(
          elements + group * packing.channels * perChannel, into: packed + group * packing.byteCount)
      }
      channels.fold(
        zeroPoint: image.stagedZeroPoint, elements, perChannel: perChannel, stride: 1,
        channelStride: perChannel, channelsPerGroup: packing.channels)
    }
    for group in 0..<groups {
      plan.products[group].weights = UnsafeRawPointer(packed + group * packing.byteCount)
      plan.products[group].bias = UnsafeRawPointer(channels.bias + group * packing.paddedChannels)
      plan.products[group].multipliers = UnsafePointer(channels.multipliers + group * packing.paddedChannels)
      plan.products[group].low = Float(record.low - record.outputAffine.zeroPoint)
      plan.products[group].high = Float(record.high - record.outputAffine.zeroPoint)
      plan.products[group].zero_point = record.outputAffine.zeroPoint
    }
    self.plan = plan
    loop = kernels.product_i8
    super.init(
      outputBytes: try loader.outputSpan(record.output),
      multiplyAccumulates: try window.checkedMultiplyAccumulates(channelsPerOutput: window.inChannels / groups))
  }

  override func run(_ workers: Workers) {
    workers.run(plan.bandCount, Unmanaged.passUnretained(self).toOpaque()) { context, band, worker in
      let step = Unmanaged<ConvolutionInt8Step>.fromOpaque(context!).takeUnretainedValue()
      step.plan.run(band: band, worker: worker, step.loop)
    }
  }
}
