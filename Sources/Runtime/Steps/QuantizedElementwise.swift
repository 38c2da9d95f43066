import CMicrokernels
import ModelFormat
import TensorTypes

/// Operands of an int8 binary step, checked.
struct BinaryInt8Plan {
  let a: UnsafeRawPointer
  let b: UnsafeRawPointer
  let output: UnsafeMutableRawPointer
  let count: Int
  let bCount: Int
  let aIsSigned: Bool
  let bIsSigned: Bool

  init(_ record: BinaryInt8Record, _ loader: borrowing Loader) throws(StepProblem) {
    let out = try loader.record(record.output, .output)
    let aType = try loader.record(record.a, .firstOperand).dtype
    let bType = try loader.record(record.b, .secondOperand).dtype
    try record.aAffine.check(.firstOperand, aType)
    try record.bAffine.check(.secondOperand, bType)
    try record.outputAffine.check(.output, out.dtype)
    try checkClamp(record.low, record.high, out.dtype)
    guard record.bCount > 0, out.count % record.bCount == 0 else { throw .value(.repetition, found: record.bCount) }
    count = out.count
    bCount = record.bCount
    a = try loader.input(record.a, .firstOperand, aType, count: count)
    b = try loader.input(record.b, .secondOperand, bType, count: bCount)
    output = try loader.output(record.output, .output)
    aIsSigned = aType == .int8
    bIsSigned = bType == .int8
  }
}

/// `addInt8`.
final class AddInt8Step: Step {
  private var add: pare_add
  private let plan: BinaryInt8Plan
  private let kernels: UnsafePointer<pare_kernels>

  init(_ record: BinaryInt8Record, _ loader: borrowing Loader) throws(StepProblem) {
    plan = try BinaryInt8Plan(record, loader)
    kernels = loader.kernels
    add = pare_add()
    add.count = plan.bCount
    add.a_signed = plan.aIsSigned ? 1 : 0
    add.b_signed = plan.bIsSigned ? 1 : 0
    add.ratio_a = record.aAffine.scale / record.outputAffine.scale
    add.ratio_b = record.bAffine.scale / record.outputAffine.scale
    add.fixed =
      Float(record.outputAffine.zeroPoint)
      - (add.ratio_a * Float(record.aAffine.zeroPoint) + add.ratio_b * Float(record.bAffine.zeroPoint))
    guard add.ratio_a.isFinite, add.ratio_b.isFinite, add.fixed.isFinite else { throw .notFinite(.scales) }
    add.low = Float(record.low)
    add.high = Float(record.high)
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  override func run(_ workers: Workers) {
    var chunk = add
    chunk.b = plan.b.assumingMemoryBound(to: UInt8.self)
    for start in stride(from: 0, to: plan.count, by: plan.bCount) {
      chunk.a = (plan.a + start).assumingMemoryBound(to: UInt8.self)
      chunk.output = (plan.output + start).assumingMemoryBound(to: UInt8.self)
      kernels.pointee.add_i8(&chunk)
    }
  }
}

/// `mulInt8`.
final class MulInt8Step: Step {
  private let plan: BinaryInt8Plan
  private let record: BinaryInt8Record
  private let multiplier: Float

  init(_ record: BinaryInt8Record, _ loader: borrowing Loader) throws(StepProblem) {
    plan = try BinaryInt8Plan(record, loader)
    self.record = record
    multiplier = (record.aAffine.scale * record.bAffine.scale) / record.outputAffine.scale
    guard multiplier.isFinite else { throw .notFinite(.scales) }
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  override func run(_ workers: Workers) {
    let low = Float(record.low - record.outputAffine.zeroPoint)
    let high = Float(record.high - record.outputAffine.zeroPoint)
    let out = plan.output.assumingMemoryBound(to: UInt8.self)
    var repeated = 0
    for index in 0..<plan.count {
      let a = plan.aIsSigned ? Int32(load(plan.a, index, Int8.self)) : Int32(load(plan.a, index, UInt8.self))
      let b = plan.bIsSigned ? Int32(load(plan.b, repeated, Int8.self)) : Int32(load(plan.b, repeated, UInt8.self))
      let centered = (a - record.aAffine.zeroPoint) * (b - record.bAffine.zeroPoint)
      let rounded = roundTiesToEven(min(max(Float(centered) * multiplier, low), high))
      out[index] = UInt8(truncatingIfNeeded: Int32(rounded) + record.outputAffine.zeroPoint)
      repeated += 1
      if repeated == plan.bCount { repeated = 0 }
    }
  }

  @inline(__always)
  private func load<T>(_ base: UnsafeRawPointer, _ index: Int, _ type: T.Type) -> T {
    base.assumingMemoryBound(to: type)[index]
  }
}

/// `table`: any unary function of an 8-bit value, and any change of scale.
final class TableStep: Step {
  private let input: UnsafeRawPointer
  private let output: UnsafeMutableRawPointer
  private let table: UnsafeRawPointer
  private let count: Int
  private let kernels: UnsafePointer<pare_kernels>

  init(_ record: TableRecord, _ loader: borrowing Loader) throws(StepProblem) {
    let tensor = try loader.record(record.input, .input)
    guard tensor.dtype.byteCount == 1 else { throw .typeNotSupported(.input, found: tensor.dtype) }
    count = tensor.count
    input = try loader.input(record.input, .input)
    let out = try loader.checked(record.output, .output, nil, count: count)
    guard out.dtype.byteCount == 1 else { throw .typeNotSupported(.output, found: out.dtype) }
    output = try loader.output(record.output, .output)
    let entries = try loader.checked(record.table, .table, nil, count: 256)
    guard entries.dtype.byteCount == 1 else { throw .typeNotSupported(.table, found: entries.dtype) }
    table = try loader.input(record.table, .table)
    kernels = loader.kernels
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  override func run(_ workers: Workers) {
    kernels.pointee.table_u8(
      output.assumingMemoryBound(to: UInt8.self), input.assumingMemoryBound(to: UInt8.self), count,
      table.assumingMemoryBound(to: UInt8.self))
  }
}

/// `quantize`: float32 to int8 or uint8.
final class QuantizeStep: Step {
  private let input: UnsafeRawPointer
  private let output: UnsafeMutableRawPointer
  private let count: Int
  private let affine: AffineRecord
  private let isSigned: Bool
  private let kernels: UnsafePointer<pare_kernels>

  init(_ record: AffineMapRecord, _ loader: borrowing Loader) throws(StepProblem) {
    let out = try loader.record(record.output, .output)
    try record.affine.check(.output, out.dtype)
    count = out.count
    input = try loader.input(record.input, .input, .float32, count: count)
    output = try loader.output(record.output, .output)
    affine = record.affine
    isSigned = out.dtype == .int8
    kernels = loader.kernels
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  override func run(_ workers: Workers) {
    kernels.pointee.quantize(
      output.assumingMemoryBound(to: UInt8.self), input.assumingMemoryBound(to: Float.self), count, affine.scale,
      affine.zeroPoint, isSigned ? 1 : 0)
  }
}

/// `dequantize`: int8 or uint8 to float32.
final class DequantizeStep: Step {
  private let input: UnsafeRawPointer
  private let output: UnsafeMutableRawPointer
  private let count: Int
  private let affine: AffineRecord
  private let isSigned: Bool
  private let kernels: UnsafePointer<pare_kernels>

  init(_ record: AffineMapRecord, _ loader: borrowing Loader) throws(StepProblem) {
    let tensor = try loader.record(record.input, .input)
    try record.affine.check(.input, tensor.dtype)
    count = tensor.count
    input = try loader.input(record.input, .input)
    output = try loader.output(record.output, .output, .float32, count: count)
    affine = record.affine
    isSigned = tensor.dtype == .int8
    kernels = loader.kernels
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  override func run(_ workers: Workers) {
    kernels.pointee.dequantize(
      output.assumingMemoryBound(to: Float.self), input.assumingMemoryBound(to: UInt8.self), count, affine.scale,
      affine.zeroPoint, isSigned ? 1 : 0)
  }
}
