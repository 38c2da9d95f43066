import CMicrokernels
import ModelFormat
import TensorTypes

/// The rows and columns of an image that lie under one window: taps outside the image left out.
struct WindowTaps {
  let rows: Range<Int>
  let columns: Range<Int>

  /// Tap ranges of output pixel (row, column).
  @inline(__always)
  init(_ window: WindowGeometry, row: Int, column: Int) {
    rows = WindowTaps.inside(
      row * window.strideHeight - window.padTop, window.dilationHeight, window.kernelHeight, window.inHeight)
    columns = WindowTaps.inside(
      column * window.strideWidth - window.padLeft, window.dilationWidth, window.kernelWidth, window.inWidth)
  }

  @inline(__always)
  private static func inside(_ start: Int, _ dilation: Int, _ kernel: Int, _ extent: Int) -> Range<Int> {
    let first = start >= 0 ? 0 : (-start + dilation - 1) / dilation
    let last = start >= extent ? 0 : min(kernel, (extent - 1 - start) / dilation + 1)
    return first < last ? first..<last : first..<first
  }
}

/// Extents of a pool, checked against its operands.
struct PoolPlan {
  let window: WindowGeometry
  let dtype: DType
  let input: UnsafeRawPointer
  let output: UnsafeMutableRawPointer

  init(_ window: WindowGeometry, _ input: TensorIndex, _ output: TensorIndex, _ loader: Loader) throws(StepProblem) {
    try window.check()
    guard window.inChannels == window.outChannels else { throw .value(.channels, found: window.outChannels) }
    self.window = window
    dtype = try loader.record(input, .input).dtype
    self.input = try loader.input(
      input, .input, dtype,
      count: product(
        product(window.batch, window.inHeight, .inputExtents),
        product(window.inWidth, window.inChannels, .inputExtents), .inputExtents))
    self.output = try loader.output(
      output, .output, dtype, count: ConvolutionPlan.outputCount(window))
  }

  /// Calls `body` for each output pixel with the address of the first channel of each tap in order.
  @inline(__always)
  func forEachPixel(
    _ begin: (Int) -> Void, tap: (UnsafeRawPointer) -> Void, end: (UnsafeMutableRawPointer, _ taps: Int) -> Void
  ) {
    let pixelBytes = window.inChannels * dtype.byteCount
    var out = output
    for image in 0..<window.batch {
      let base = input + image * window.inHeight * window.inWidth * pixelBytes
      for row in 0..<window.outHeight {
        for column in 0..<window.outWidth {
          let taps = WindowTaps(window, row: row, column: column)
          begin(row * window.outWidth + column)
          for y in taps.rows {
            let inputRow = row * window.strideHeight - window.padTop + y * window.dilationHeight
            for x in taps.columns {
              let inputColumn = column * window.strideWidth - window.padLeft + x * window.dilationWidth
              tap(base + (inputRow * window.inWidth + inputColumn) * pixelBytes)
            }
          }
          end(out, taps.rows.count * taps.columns.count)
          out += pixelBytes
        }
      }
    }
  }
}

/// `maxPool`: a window wholly in the padding gives the least value of the type.
final class MaxPoolStep: Step {
  private let plan: PoolPlan
  private let kernels: UnsafePointer<pare_kernels>

  init(_ record: MaxPoolRecord, _ loader: Loader) throws(StepProblem) {
    plan = try PoolPlan(record.window, record.input, record.output, loader)
    guard plan.dtype == .float32 || plan.dtype.isQuantized else {
      throw .typeNotSupported(.input, found: plan.dtype)
    }
    kernels = loader.kernels
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  override func run(_ workers: Workers) {
    let channels = plan.window.inChannels
    let table = kernels.pointee
    var out = plan.output
    let dtype = plan.dtype
    let bytes = channels * dtype.byteCount
    plan.forEachPixel { _ in
      switch dtype {
      case .float32: out.initializeMemory(as: Float.self, repeating: -.infinity, count: channels)
      case .int8: out.initializeMemory(as: Int8.self, repeating: -128, count: channels)
      default: out.initializeMemory(as: UInt8.self, repeating: 0, count: channels)
      }
    } tap: { tap in
      switch dtype {
      case .float32:
        table.max_f32(out.assumingMemoryBound(to: Float.self), tap.assumingMemoryBound(to: Float.self), channels)
      case .int8:
        table.max_s8(out.assumingMemoryBound(to: Int8.self), tap.assumingMemoryBound(to: Int8.self), channels)
      default:
        table.max_u8(out.assumingMemoryBound(to: UInt8.self), tap.assumingMemoryBound(to: UInt8.self), channels)
      }
    } end: { _, _ in
      out += bytes
    }
  }
}

/// `averagePoolFloat`.
final class AveragePoolFloatStep: Step {
  private let plan: PoolPlan
  private let divisors: PoolDivisors
  private let kernels: UnsafePointer<pare_kernels>

  init(_ record: AveragePoolFloatRecord, _ loader: Loader) throws(StepProblem) {
    plan = try PoolPlan(record.window, record.input, record.output, loader)
    guard plan.dtype == .float32 else { throw .type(.input, expected: .float32, found: plan.dtype) }
    divisors = try PoolDivisors(record)
    kernels = loader.kernels
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  override func run(_ workers: Workers) {
    let channels = plan.window.inChannels
    var sums = plan.output.assumingMemoryBound(to: Float.self)
    var pixel = 0
    plan.forEachPixel { index in
      pixel = index
      sums.update(repeating: 0, count: channels)
    } tap: { tap in
      kernels.pointee.accumulate_f32(sums, tap.assumingMemoryBound(to: Float.self), channels)
    } end: { _, taps in
      let divisor = Float(divisors.divisor(pixel, taps: taps))
      for channel in 0..<channels { sums[channel] = sums[channel] / divisor }
      sums += channels
    }
  }
}

/// How many taps a window's sum is divided by.
struct PoolDivisors {
  private let window: WindowGeometry
  private let countsPadding: Bool
  private let paddedHeight: Int
  private let paddedWidth: Int

  init(_ record: AveragePoolFloatRecord) throws(StepProblem) {
    guard record.countPadding <= 1 else { throw .value(.countPadding, found: Int(record.countPadding)) }
    window = record.window
    countsPadding = record.countPadding == 1
    let limit = 1 << 24
    guard record.padBottom < limit, record.padRight < limit else { throw .value(.padding, found: record.padBottom) }
    paddedHeight = window.inHeight + window.padTop + record.padBottom
    paddedWidth = window.inWidth + window.padLeft + record.padRight
  }

  /// Taps inside the image, or inside the padded image: a ceiling-mode window may reach further still,
  /// and those taps never count.
  @inline(__always)
  func divisor(_ pixel: Int, taps: Int) -> Int {
    guard countsPadding else { return max(taps, 1) }
    let top = pixel / window.outWidth * window.strideHeight
    let left = pixel % window.outWidth * window.strideWidth
    let rows = min(window.kernelHeight, max(0, (paddedHeight - 1 - top) / window.dilationHeight + 1))
    let columns = min(window.kernelWidth, max(0, (paddedWidth - 1 - left) / window.dilationWidth + 1))
    return max(rows * columns, 1)
  }
}

/// `averagePoolInt8`: the sum is exact; one multiplication and one rounding follow.
final class AveragePoolInt8Step: Step {
  private let plan: PoolPlan
  private let divisors: PoolDivisors
  private let sums: UnsafeMutablePointer<Int32>
  private let kernels: UnsafePointer<pare_kernels>
  private let inputZeroPoint: Int32
  private let outputZeroPoint: Int32
  private let scaleRatio: Float
  private let low: Float
  private let high: Float

  init(_ record: AveragePoolInt8Record, _ loader: Loader) throws(StepProblem) {
    plan = try PoolPlan(record.pool.window, record.pool.input, record.pool.output, loader)
    try record.inputAffine.check(.input, plan.dtype)
    try record.outputAffine.check(.output, plan.dtype)
    // 255 times this stays within int32, so a window's sum is exact.
    let taps = plan.window.kernelHeight * plan.window.kernelWidth
    guard taps < 1 << 22 else { throw .value(.kernelExtents, found: taps) }
    divisors = try PoolDivisors(record.pool)
    sums = loader.memory.allocate(plan.window.inChannels, of: Int32.self)
    kernels = loader.kernels
    inputZeroPoint = record.inputAffine.zeroPoint
    outputZeroPoint = record.outputAffine.zeroPoint
    scaleRatio = record.inputAffine.scale / record.outputAffine.scale
    guard scaleRatio.isFinite else { throw .notFinite(.scales) }
    let range = plan.dtype.quantizedRange
    low = Float(range.lowerBound - outputZeroPoint)
    high = Float(range.upperBound - outputZeroPoint)
    super.init(outputBytes: try loader.outputSpan(record.pool.output))
  }

  override func run(_ workers: Workers) {
    let channels = plan.window.inChannels
    let isSigned = plan.dtype == .int8
    var pixel = 0
    plan.forEachPixel { index in
      pixel = index
      sums.update(repeating: 0, count: channels)
    } tap: { tap in
      if isSigned {
        kernels.pointee.accumulate_s8(sums, tap.assumingMemoryBound(to: Int8.self), channels)
      } else {
        kernels.pointee.accumulate_u8(sums, tap.assumingMemoryBound(to: UInt8.self), channels)
      }
    } end: { out, taps in
      let multiplier = scaleRatio / Float(divisors.divisor(pixel, taps: taps))
      let bytes = out.assumingMemoryBound(to: UInt8.self)
      for channel in 0..<channels {
        let centered = sums[channel] - Int32(truncatingIfNeeded: taps) * inputZeroPoint
        let rounded = roundTiesToEven(min(max(Float(centered) * multiplier, low), high))
        bytes[channel] = UInt8(truncatingIfNeeded: Int32(rounded) + outputZeroPoint)
      }
    }
  }
}
