import CMicrokernels
import ModelFormat
import TensorTypes

/// How a convolution's input is laid out for the inner loops: in bands of rows, padded, each element in
/// the form the instruction set multiplies.
///
/// With padding written out, every window of a band is the same list of offsets, so the loops need no
/// special case at the borders and every instruction set sees the same operands in the same order.
struct StagedImage {
  let form: pare_form
  let window: WindowGeometry
  let bandRows: Int
  let bandsPerImage: Int
  let elementBytes: Int
  /// Bytes from one row of the image that the loops see to the next.
  let rowBytes: Int
  /// Byte offset in a band of each output pixel's window, row by row: bandRows * outWidth entries.
  let windows: UnsafeMutablePointer<Int32>

  private let input: UnsafeRawPointer
  private let inputRowBytes: Int
  private let stagesBands: Bool
  private let inputIsSigned: Bool
  private let inputZeroPoint: Int32
  private let kernels: UnsafePointer<pare_kernels>
  private let scratch: UnsafeMutableRawPointer?
  private let scratchBytes: Int
  private let workerScratch: UnsafeMutableRawPointer?

  /// The zero point in the staged form: what padding holds and what the bias must correct for.
  var stagedZeroPoint: Int32 {
    switch form {
    case PARE_FORM_U8: inputIsSigned ? inputZeroPoint + 128 : inputZeroPoint
    case PARE_FORM_S8: inputIsSigned ? inputZeroPoint : inputZeroPoint - 128
    default: 0
    }
  }

  init(
    _ window: WindowGeometry, form: pare_form, bandRows: Int, input: TensorIndex, inputDType: DType,
    inputZeroPoint: Int32, scratch: TensorIndex, _ loader: borrowing Loader
  ) throws(StepProblem) {
    try window.check()
    guard bandRows >= 1, bandRows <= window.outHeight else { throw .value(.bandRows, found: bandRows) }
    self.form = form
    self.window = window
    self.bandRows = bandRows
    bandsPerImage = (window.outHeight + bandRows - 1) / bandRows
    kernels = loader.kernels
    elementBytes = form == PARE_FORM_F32 ? 4 : form == PARE_FORM_CENTERED16 ? 2 : 1
    inputIsSigned = inputDType == .int8
    self.inputZeroPoint = inputZeroPoint
    let pixels = try product(window.batch, window.inHeight, window.inWidth, .inputExtents)
    self.input = try loader.input(
      input, .input, inputDType, count: product(pixels, window.inChannels, .inputExtents))
    inputRowBytes = window.inWidth * window.inChannels * inputDType.byteCount

    let alreadyInForm =
      form == PARE_FORM_F32 || (form == PARE_FORM_U8 && !inputIsSigned) || (form == PARE_FORM_S8 && inputIsSigned)
    stagesBands = window.hasPadding || !alreadyInForm
    rowBytes = stagesBands ? window.stagedRowBytes(elementBytes: elementBytes) : inputRowBytes
    if stagesBands {
      scratchBytes = window.scratchBytes(bandRows: bandRows, elementBytes: elementBytes)
      let record = try loader.record(scratch, .scratch)
      guard let available = record.byteCount, available >= scratchBytes else {
        throw .tooSmall(.scratch, expected: scratchBytes, found: record.byteCount ?? 0)
      }
      // The record holds bytes, at any offset: the elements staged there are wider.
      guard record.offset % elementBytes == 0 else { throw .value(.scratch, found: record.offset) }
      self.scratch = try loader.output(scratch, .scratch)
      let extra = loader.workerCount - 1
      workerScratch = extra > 0 ? loader.memory.allocate(extra * scratchBytes).baseAddress! : nil
    } else {
      scratchBytes = 0
      self.scratch = nil
      workerScratch = nil
    }
    // From here on nothing overflows: `check` has bounded the staged image, and the input was counted.
    windows = loader.memory.allocate(bandRows &* window.outWidth, of: Int32.self)
    for row in 0..<bandRows {
      for column in 0..<window.outWidth {
        let offset =
          row &* window.strideHeight &* rowBytes &+ column &* window.strideWidth &* window.inChannels &* elementBytes
        windows[row &* window.outWidth &+ column] = Int32(truncatingIfNeeded: offset)
      }
    }
  }

  /// Output rows of a band: the last one of an image may be shorter.
  @inline(__always)
  func rows(ofBand band: Int) -> Int { min(bandRows, window.outHeight &- (band % bandsPerImage) &* bandRows) }

  /// The band's image as the loops read it, staged first if it has to be.
  func band(_ band: Int, worker: Int) -> UnsafeRawPointer {
    let image = band / bandsPerImage
    let firstRow = (band % bandsPerImage) &* bandRows &* window.strideHeight
    let base = input + image &* window.inHeight &* inputRowBytes
    guard stagesBands, let shared = scratch else { return base + firstRow &* inputRowBytes }
    let target = worker == 0 ? shared : workerScratch! + (worker &- 1) &* scratchBytes
    stage(firstRow &- window.padTop, window.stagedRows(outRows: rows(ofBand: band)), from: base, to: target)
    return UnsafeRawPointer(target)
  }

  private func stage(
    _ firstRow: Int, _ rows: Int, from image: UnsafeRawPointer, to target: UnsafeMutableRawPointer
  ) {
    let copied = max(0, min(window.inWidth, window.stagedWidth &- window.padLeft)) &* window.inChannels
    let left = min(window.padLeft, window.stagedWidth) &* window.inChannels &* elementBytes
    let right = rowBytes &- left &- copied &* elementBytes
    if left == 0, right == 0, firstRow >= 0, firstRow &+ rows <= window.inHeight, copied &* elementBytes == rowBytes,
      copied == window.inWidth &* window.inChannels
    {
      convert(image + firstRow &* inputRowBytes, to: target, count: rows &* copied)
      return
    }
    for row in 0..<rows {
      let out = target + row &* rowBytes
      let source = firstRow &+ row
      guard source >= 0, source < window.inHeight else {
        pad(out, byteCount: rowBytes)
        continue
      }
      pad(out, byteCount: left)
      convert(image + source &* inputRowBytes, to: out + left, count: copied)
      pad(out + left + copied &* elementBytes, byteCount: right)
    }
  }

  @inline(__always)
  private func pad(_ out: UnsafeMutableRawPointer, byteCount: Int) {
    // Zero in every form but u8 and s8, whose one byte is the staged zero point itself.
    let byte = elementBytes == 1 ? UInt8(truncatingIfNeeded: stagedZeroPoint) : 0
    out.initializeMemory(as: UInt8.self, repeating: byte, count: byteCount)
  }

  @inline(__always)
  private func convert(_ source: UnsafeRawPointer, to out: UnsafeMutableRawPointer, count: Int) {
    switch form {
    case PARE_FORM_F32:
      out.copyMemory(from: source, byteCount: count &* 4)
    case PARE_FORM_CENTERED16:
      kernels.pointee.stage_centered16(
        out.assumingMemoryBound(to: Int16.self), source.assumingMemoryBound(to: UInt8.self), count,
        inputIsSigned ? 1 : 0, inputZeroPoint)
    default:
      let flip: UInt8 = (form == PARE_FORM_U8) == inputIsSigned ? 0x80 : 0
      kernels.pointee.stage_flip(
        out.assumingMemoryBound(to: UInt8.self), source.assumingMemoryBound(to: UInt8.self), count, flip)
    }
  }
}

extension WindowGeometry {
  /// Checks that extents are positive, that no derived size overflows, and that every window starts
  /// within the padded image.
  func check() throws(StepProblem) {
    guard batch > 0, inHeight > 0, inWidth > 0, inChannels > 0 else { throw .value(.inputExtents, found: 0) }
    guard outHeight > 0, outWidth > 0, outChannels > 0 else { throw .value(.outputExtents, found: 0) }
    guard kernelHeight > 0, kernelWidth > 0 else { throw .value(.kernelExtents, found: 0) }
    guard strideHeight > 0, strideWidth > 0 else { throw .value(.strides, found: 0) }
    guard dilationHeight > 0, dilationWidth > 0 else { throw .value(.dilations, found: 0) }
    // Above this no activation of an edge network lies; below it the sums of products that follow
    // (offsets into a staged band) stay far from overflow.
    let limit = 1 << 24
    for extent in [
      inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, kernelHeight, kernelWidth, strideHeight,
      strideWidth, dilationHeight, dilationWidth,
    ] where extent > limit { throw .value(.extent, found: extent) }
    guard padTop < limit, padLeft < limit else { throw .value(.padding, found: max(padTop, padLeft)) }
    let height = try checkedReach(outHeight, strideHeight, kernelHeight, dilationHeight)
    let width = try checkedReach(outWidth, strideWidth, kernelWidth, dilationWidth)
    let staged = try product(
      product(height, width, .stagedImage), product(inChannels, 4, .stagedImage), .stagedImage)
    guard Int64(staged) < Int64(1) << 31 else { throw .value(.stagedImage, found: staged) }
    _ = try product(
      product(batch, outHeight, .outputExtents), product(outWidth, outChannels, .outputExtents), .outputExtents)
  }

  /// `multiplyAccumulates`, its overflow a problem of the step.
  func checkedMultiplyAccumulates(channelsPerOutput: Int) throws(StepProblem) -> Int {
    guard let count = multiplyAccumulates(channelsPerOutput: channelsPerOutput) else {
      throw .value(.products, found: channelsPerOutput)
    }
    return count
  }

  private func checkedReach(_ out: Int, _ stride: Int, _ kernel: Int, _ dilation: Int) throws(StepProblem) -> Int {
    let reach = try product(out - 1, stride, .windowReach)
    let span = try product(kernel - 1, dilation, .windowReach)
    let (sum, overflow) = reach.addingReportingOverflow(span)
    guard !overflow, sum < 1 << 30 else { throw .value(.windowReach, found: reach) }
    return sum + 1
  }
}
