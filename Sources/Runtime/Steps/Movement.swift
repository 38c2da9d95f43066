import ModelFormat
import TensorTypes

/// `copy`: transposes, slices, concatenations, expansions.
final class CopyStep: Step {
  private let input: UnsafeRawPointer
  private let output: UnsafeMutableRawPointer
  private let record: CopyRecord
  private let count: Int
  private let elementBytes: Int

  init(_ record: CopyRecord, _ loader: Loader) throws(StepProblem) {
    let source = try loader.record(record.input, "input")
    let target = try loader.checked(record.output, "output", source.dtype, count: nil)
    count = try record.extents.checkedCount()
    try record.extents.check(record.inStrides, offset: record.inOffset, count: source.count, "input")
    try record.extents.check(record.outStrides, offset: record.outOffset, count: target.count, "output")
    elementBytes = source.dtype.byteCount
    input = try loader.input(record.input, "input") + record.inOffset * elementBytes
    output = try loader.output(record.output, "output") + record.outOffset * elementBytes
    self.record = record
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  override func run(_ workers: Workers) {
    switch elementBytes {
    case 1: copy(UInt8.self)
    case 2: copy(UInt16.self)
    case 4: copy(UInt32.self)
    default: copy(UInt64.self)
    }
  }

  @inline(__always)
  private func copy<T: BitwiseCopyable>(_ type: T.Type) {
    let source = input.assumingMemoryBound(to: type)
    let target = output.assumingMemoryBound(to: type)
    let last = StridedExtents.rank - 1
    let inner = record.extents[last]
    let (inStride, outStride) = (record.inStrides[last], record.outStrides[last])
    var position = StridedPosition()
    var done = 0
    while done < count {
      let from = source + position.offset(record.inStrides)
      let to = target + position.offset(record.outStrides)
      if inStride == 1 && outStride == 1 {
        to.update(from: from, count: inner)
      } else {
        for index in 0..<inner { to[index * outStride] = from[index * inStride] }
      }
      done += inner
      position.advance(record.extents)
    }
  }
}

/// `fill`.
final class FillStep: Step {
  private let output: UnsafeMutableRawPointer
  private let count: Int
  private let elementBytes: Int
  private let pattern: UInt64

  init(_ record: FillRecord, _ loader: Loader) throws(StepProblem) {
    let tensor = try loader.record(record.output, "output")
    output = try loader.output(record.output, "output")
    count = tensor.count
    elementBytes = tensor.dtype.byteCount
    pattern = UInt64(record.patternHigh) << 32 | UInt64(record.patternLow)
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  override func run(_ workers: Workers) {
    switch elementBytes {
    case 1: fill(UInt8(truncatingIfNeeded: pattern))
    case 2: fill(UInt16(truncatingIfNeeded: pattern))
    case 4: fill(UInt32(truncatingIfNeeded: pattern))
    default: fill(pattern)
    }
  }

  @inline(__always)
  private func fill<T: BitwiseCopyable>(_ value: T) {
    output.assumingMemoryBound(to: T.self).update(repeating: value, count: count)
  }
}

/// `gather`.
final class GatherStep: Step {
  private let input: UnsafeRawPointer
  private let indices: UnsafeRawPointer
  private let output: UnsafeMutableRawPointer
  private let record: GatherRecord
  private let indexCount: Int
  private let indicesAreWide: Bool
  private let rowBytes: Int

  init(_ record: GatherRecord, _ loader: Loader) throws(StepProblem) {
    guard record.outer > 0, record.axis > 0, record.inner > 0 else { throw .value("extents", found: record.axis) }
    let dtype = try loader.record(record.input, "input").dtype
    input = try loader.input(
      record.input, "input", dtype, count: product(record.outer, record.axis, record.inner, "input extents"))
    let index = try loader.record(record.indices, "indices")
    guard index.dtype == .int32 || index.dtype == .int64 else {
      throw .typeNotSupported("indices", found: index.dtype)
    }
    indices = try loader.input(record.indices, "indices")
    indexCount = index.count
    indicesAreWide = index.dtype == .int64
    output = try loader.output(
      record.output, "output", dtype, count: product(record.outer, indexCount, record.inner, "output extents"))
    rowBytes = record.inner * dtype.byteCount
    self.record = record
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  override func run(_ workers: Workers) {
    var out = output
    for outer in 0..<record.outer {
      let base = input + outer * record.axis * rowBytes
      for slot in 0..<indexCount {
        out.copyMemory(from: base + index(slot) * rowBytes, byteCount: rowBytes)
        out += rowBytes
      }
    }
  }

  /// The index itself comes from data, so it is clamped here rather than checked at load.
  @inline(__always)
  private func index(_ slot: Int) -> Int {
    let raw =
      indicesAreWide
      ? indices.assumingMemoryBound(to: Int64.self)[slot]
      : Int64(indices.assumingMemoryBound(to: Int32.self)[slot])
    let axis = Int64(record.axis)
    let counted = raw < 0 && raw >= -axis ? raw + axis : raw
    return Int(min(max(counted, 0), axis - 1))
  }
}

/// `select` (ONNX Where).
final class SelectStep: Step {
  private let condition: UnsafePointer<UInt8>
  private let a: UnsafeRawPointer
  private let b: UnsafeRawPointer
  private let output: UnsafeMutableRawPointer
  private let record: SelectRecord
  private let count: Int
  private let elementBytes: Int

  init(_ record: SelectRecord, _ loader: Loader) throws(StepProblem) {
    count = try record.extents.checkedCount()
    let out = try loader.checked(record.output, "output", nil, count: count)
    let mask = try loader.checked(record.condition, "condition", .bool, count: nil)
    let first = try loader.checked(record.a, "first operand", out.dtype, count: nil)
    let second = try loader.checked(record.b, "second operand", out.dtype, count: nil)
    try record.extents.check(record.conditionStrides, offset: 0, count: mask.count, "condition")
    try record.extents.check(record.aStrides, offset: 0, count: first.count, "first operand")
    try record.extents.check(record.bStrides, offset: 0, count: second.count, "second operand")
    condition = try loader.input(record.condition, "condition").assumingMemoryBound(to: UInt8.self)
    a = try loader.input(record.a, "first operand")
    b = try loader.input(record.b, "second operand")
    output = try loader.output(record.output, "output")
    elementBytes = out.dtype.byteCount
    self.record = record
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  override func run(_ workers: Workers) {
    switch elementBytes {
    case 1: select(UInt8.self)
    case 2: select(UInt16.self)
    case 4: select(UInt32.self)
    default: select(UInt64.self)
    }
  }

  @inline(__always)
  private func select<T: BitwiseCopyable>(_ type: T.Type) {
    let target = output.assumingMemoryBound(to: type)
    let last = StridedExtents.rank - 1
    var position = StridedPosition()
    var done = 0
    while done < count {
      let mask = condition + position.offset(record.conditionStrides)
      let first = a.assumingMemoryBound(to: type) + position.offset(record.aStrides)
      let second = b.assumingMemoryBound(to: type) + position.offset(record.bStrides)
      for index in 0..<record.extents[last] {
        target[done + index] =
          mask[index * record.conditionStrides[last]] != 0
          ? first[index * record.aStrides[last]] : second[index * record.bStrides[last]]
      }
      done += record.extents[last]
      position.advance(record.extents)
    }
  }
}

/// `cast` between float32, int32, int64, int8, uint8 and bool.
final class CastStep: Step {
  private let input: UnsafeRawPointer
  private let output: UnsafeMutableRawPointer
  private let from: DType
  private let to: DType
  private let count: Int

  init(_ record: CastRecord, _ loader: Loader) throws(StepProblem) {
    let source = try loader.record(record.input, "input")
    let target = try loader.checked(record.output, "output", nil, count: source.count)
    for (name, dtype) in [(StaticName("input"), source.dtype), (StaticName("output"), target.dtype)] {
      switch dtype {
      case .float32, .int32, .int64, .int8, .uint8, .bool: break
      case .uint16, .int16, .float16, .float64, .uint32, .uint64, .bfloat16:
        throw .typeNotSupported(name, found: dtype)
      }
    }
    input = try loader.input(record.input, "input")
    output = try loader.output(record.output, "output")
    from = source.dtype
    to = target.dtype
    count = source.count
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  override func run(_ workers: Workers) {
    for index in 0..<count {
      if from == .float32 {
        let value = input.assumingMemoryBound(to: Float.self)[index]
        if to == .float32 {
          output.assumingMemoryBound(to: Float.self)[index] = value
        } else if to == .bool {
          store(value != 0 ? 1 : 0, index)
        } else {
          store(truncated(value), index)
        }
      } else if to == .float32 {
        output.assumingMemoryBound(to: Float.self)[index] = Float(integer(index))
      } else {
        store(to == .bool ? (integer(index) != 0 ? 1 : 0) : integer(index), index)
      }
    }
  }

  /// Toward zero; outside int64 saturated, NaN 0.
  @inline(__always)
  private func truncated(_ value: Float) -> Int64 {
    if value != value { return 0 }
    if value >= 9_223_372_036_854_775_808 { return .max }
    if value <= -9_223_372_036_854_775_808 { return .min }
    return Int64(value)
  }

  @inline(__always)
  private func integer(_ index: Int) -> Int64 {
    switch from {
    case .int32: Int64(input.assumingMemoryBound(to: Int32.self)[index])
    case .int64: input.assumingMemoryBound(to: Int64.self)[index]
    case .int8: Int64(input.assumingMemoryBound(to: Int8.self)[index])
    case .bool, .uint8, .float32, .uint16, .int16, .float16, .float64, .uint32, .uint64, .bfloat16:
      Int64(input.assumingMemoryBound(to: UInt8.self)[index])
    }
  }

  @inline(__always)
  private func store(_ value: Int64, _ index: Int) {
    switch to {
    case .int32: output.assumingMemoryBound(to: Int32.self)[index] = Int32(truncatingIfNeeded: value)
    case .int64: output.assumingMemoryBound(to: Int64.self)[index] = value
    case .bool, .uint8, .int8, .float32, .uint16, .int16, .float16, .float64, .uint32, .uint64, .bfloat16:
      output.assumingMemoryBound(to: UInt8.self)[index] = UInt8(truncatingIfNeeded: value)
    }
  }
}
