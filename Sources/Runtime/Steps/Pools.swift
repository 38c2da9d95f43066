import CMicrokernels
import ModelFormat
import TensorTypes

/// The taps of a window along one axis that lie inside the image.
///
/// Nothing here overflows: `WindowGeometry.check` has bounded every extent, stride and pad by 2^24 and the reach
/// of all windows by 2^30.
struct WindowTaps {
  /// Where the first of them lies in the image.
  let start: Int
  let count: Int

  /// Of the window that begins at `origin`, before the image where that is negative.
  @inline(never)
  init(_ origin: Int, dilation: Int, kernel: Int, extent: Int) {
    let first = origin >= 0 ? 0 : (dilation &- 1 &- origin) / dilation
    let last = origin >= extent ? 0 : min(kernel, (extent &- 1 &- origin) / dilation &+ 1)
    start = origin &+ first &* dilation
    count = max(0, last &- first)
  }
}

/// Extents of a pool, checked against its operands.
struct PoolPlan {
  let window: WindowGeometry
  let dtype: DType
  let input: UnsafeRawPointer
  let output: UnsafeMutableRawPointer

  init(_ window: WindowGeometry, _ input: TensorIndex, _ output: TensorIndex, _ loader: borrowing Loader)
    throws(StepProblem)
  {
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
}

/// The walk over windows that all pools share; what is done with the taps is the subclass's.
class PoolStep: Step {
  final let plan: PoolPlan
  final let kernels: UnsafePointer<pare_kernels>

  init(_ plan: PoolPlan, output: TensorIndex, _ loader: borrowing Loader) throws(StepProblem) {
    self.plan = plan
    kernels = loader.kernels
    super.init(outputBytes: try loader.outputSpan(output))
  }

  /// Starts the output pixel at `out`.
  func begin(_ out: UnsafeMutableRawPointer) {}

  /// Takes in `count` taps, `stride` bytes apart.
  func take(_ taps: UnsafeRawPointer, _ count: Int, stride: Int, _ out: UnsafeMutableRawPointer) {}

  /// Completes the pixel, which stands at `pixel` in its image and had `taps` taps inside it.
  func end(_ out: UnsafeMutableRawPointer, pixel: Int, taps: Int) {}

  // Addresses lie within the input, whose count was checked, and positions are bounded as in `WindowTaps`.
  final override func run(_ workers: Workers) {
    let pixelBytes = plan.window.inChannels &* plan.dtype.byteCount
    var out = plan.output
    for image in 0..<plan.window.batch {
      let base = plan.input + image &* plan.window.inHeight &* plan.window.inWidth &* pixelBytes
      var pixel = 0
      for row in 0..<plan.window.outHeight {
        let rows = WindowTaps(
          row &* plan.window.strideHeight &- plan.window.padTop, dilation: plan.window.dilationHeight,
          kernel: plan.window.kernelHeight, extent: plan.window.inHeight)
        for column in 0..<plan.window.outWidth {
          let columns = WindowTaps(
            column &* plan.window.strideWidth &- plan.window.padLeft, dilation: plan.window.dilationWidth,
            kernel: plan.window.kernelWidth, extent: plan.window.inWidth)
          begin(out)
          var line = base + (rows.start &* plan.window.inWidth &+ columns.start) &* pixelBytes
          for _ in 0..<rows.count {
            take(line, columns.count, stride: plan.window.dilationWidth &* pixelBytes, out)
            line += plan.window.dilationHeight &* plan.window.inWidth &* pixelBytes
          }
          end(out, pixel: pixel, taps: rows.count &* columns.count)
          out += pixelBytes
          pixel &+= 1
        }
      }
    }
  }
}

/// `maxPool`: a window wholly in the padding gives the least value of the type.
final class MaxPoolStep: PoolStep {
  init(_ record: MaxPoolRecord, _ loader: borrowing Loader) throws(StepProblem) {
    let plan = try PoolPlan(record.window, record.input, record.output, loader)
    guard plan.dtype == .float32 || plan.dtype.isQuantized else {
      throw .typeNotSupported(.input, found: plan.dtype)
    }
    try super.init(plan, output: record.output, loader)
  }

  override func begin(_ out: UnsafeMutableRawPointer) {
    let channels = plan.window.inChannels
    switch plan.dtype {
    case .float32: out.initializeMemory(as: Float.self, repeating: -.infinity, count: channels)
    case .int8: out.initializeMemory(as: Int8.self, repeating: -128, count: channels)
    default: out.initializeMemory(as: UInt8.self, repeating: 0, count: channels)
    }
  }

  override func take(_ taps: UnsafeRawPointer, _ count: Int, stride: Int, _ out: UnsafeMutableRawPointer) {
    let channels = plan.window.inChannels
    var tap = taps
    for _ in 0..<count {
      switch plan.dtype {
      case .float32:
        kernels.pointee.max_f32(
          out.assumingMemoryBound(to: Float.self), tap.assumingMemoryBound(to: Float.self), channels)
      case .int8:
        kernels.pointee.max_s8(out.assumingMemoryBound(to: Int8.self), tap.assumingMemoryBound(to: Int8.self), channels)
      default:
        kernels.pointee.max_u8(
          out.assumingMemoryBound(to: UInt8.self), tap.assumingMemoryBound(to: UInt8.self), channels)
      }
      tap += stride
    }
  }
}

/// `averagePoolFloat`.
final class AveragePoolFloatStep: PoolStep {
  private let divisors: PoolDivisors

  init(_ record: AveragePoolFloatRecord, _ loader: borrowing Loader) throws(StepProblem) {
    let plan = try PoolPlan(record.window, record.input, record.output, loader)
    guard plan.dtype == .float32 else { throw .type(.input, expected: .float32, found: plan.dtype) }
    divisors = try PoolDivisors(record)
    try super.init(plan, output: record.output, loader)
  }

  override func begin(_ out: UnsafeMutableRawPointer) {
    out.initializeMemory(as: Float.self, repeating: 0, count: plan.window.inChannels)
  }

  override func take(_ taps: UnsafeRawPointer, _ count: Int, stride: Int, _ out: UnsafeMutableRawPointer) {
    var tap = taps
    for _ in 0..<count {
      kernels.pointee.accumulate_f32(
        out.assumingMemoryBound(to: Float.self), tap.assumingMemoryBound(to: Float.self), plan.window.inChannels)
      tap += stride
    }
  }

  override func end(_ out: UnsafeMutableRawPointer, pixel: Int, taps: Int) {
    let divisor = Float(divisors.divisor(pixel, taps: taps))
    let sums = out.assumingMemoryBound(to: Float.self)
    for channel in 0..<plan.window.inChannels { sums[channel] = sums[channel] / divisor }
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
  @inline(never)
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
final class AveragePoolInt8Step: PoolStep {
  private let divisors: PoolDivisors
  private let sums: UnsafeMutablePointer<Int32>
  private let inputZeroPoint: Int32
  private let outputZeroPoint: Int32
  private let scaleRatio: Float
  private let low: Float
  private let high: Float

  init(_ record: AveragePoolInt8Record, _ loader: borrowing Loader) throws(StepProblem) {
    let plan = try PoolPlan(record.pool.window, record.pool.input, record.pool.output, loader)
    try record.inputAffine.check(.input, plan.dtype)
    try record.outputAffine.check(.output, plan.dtype)
    // 255 times this stays within int32, so a window's sum is exact.
    let taps = plan.window.kernelHeight * plan.window.kernelWidth
    guard taps < 1 << 22 else { throw .value(.kernelExtents, found: taps) }
    divisors = try PoolDivisors(record.pool)
    sums = loader.memory.allocate(plan.window.inChannels, of: Int32.self)
    inputZeroPoint = record.inputAffine.zeroPoint
    outputZeroPoint = record.outputAffine.zeroPoint
    scaleRatio = record.inputAffine.scale / record.outputAffine.scale
    guard scaleRatio.isFinite else { throw .notFinite(.scales) }
    let range = plan.dtype.quantizedRange
    low = Float(range.lowerBound - outputZeroPoint)
    high = Float(range.upperBound - outputZeroPoint)
    try super.init(plan, output: record.pool.output, loader)
  }

  override func begin(_ out: UnsafeMutableRawPointer) { sums.update(repeating: 0, count: plan.window.inChannels) }

  override func take(_ taps: UnsafeRawPointer, _ count: Int, stride: Int, _ out: UnsafeMutableRawPointer) {
    let channels = plan.window.inChannels
    var tap = taps
    for _ in 0..<count {
      if plan.dtype == .int8 {
        kernels.pointee.accumulate_s8(sums, tap.assumingMemoryBound(to: Int8.self), channels)
      } else {
        kernels.pointee.accumulate_u8(sums, tap.assumingMemoryBound(to: UInt8.self), channels)
      }
      tap += stride
    }
  }

  override func end(_ out: UnsafeMutableRawPointer, pixel: Int, taps: Int) {
    let multiplier = scaleRatio / Float(divisors.divisor(pixel, taps: taps))
    let bytes = out.assumingMemoryBound(to: UInt8.self)
    // At most 255 times 2^22 on either side, as `init` has checked.
    let zero = Int32(truncatingIfNeeded: taps) &* inputZeroPoint
    for channel in 0..<plan.window.inChannels {
      let rounded = roundTiesToEven(min(max(Float(sums[channel] &- zero) * multiplier, low), high))
      bytes[channel] = UInt8(truncatingIfNeeded: Int32(rounded) &+ outputZeroPoint)
    }
  }
}
