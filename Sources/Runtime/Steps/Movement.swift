import ModelFormat
import TensorTypes

/// `copy`: transposes, slices, concatenations, expansions.
final class CopyStep: Step {
  private let input: UnsafeRawPointer
  private let output: UnsafeMutableRawPointer
  private let record: CopyRecord
  /// The record with its axes in the order of copying.
  private let walk: CopyRecord
  private let count: Int
  private let elementBytes: Int

  @inline(never)
  init(_ record: CopyRecord, _ loader: borrowing Loader) throws(StepProblem) {
    let source = try loader.record(record.input, .input)
    let target = try loader.checked(record.output, .output, source.dtype, count: nil)
    count = try record.extents.checkedCount()
    try record.extents.check(record.inStrides, offset: record.inOffset, count: source.count, .input)
    try record.extents.check(record.outStrides, offset: record.outOffset, count: target.count, .output)
    // Each element of the output is written once at most; more would be work without an end in view.
    guard count <= target.count else { throw .count(.output, expected: count, found: target.count) }
    elementBytes = source.dtype.byteCount
    input = try loader.input(record.input, .input) + record.inOffset * elementBytes
    output = try loader.output(record.output, .output) + record.outOffset * elementBytes
    self.record = record
    walk = CopyStep.withLongRows(record, elementBytes)
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  /// The longest axis becomes the row, since the order of copying does not matter; runs of bytes that are worth
  /// a call stay rows.
  private static func withLongRows(_ record: CopyRecord, _ elementBytes: Int) -> CopyRecord {
    let last = StridedExtents.rank - 1
    let isDense = record.inStrides[last] == 1 && record.outStrides[last] == 1
    if isDense && record.extents[last] * elementBytes >= 32 { return record }
    var longest = last
    for axis in 0..<last where record.extents[axis] > record.extents[longest] { longest = axis }
    var walk = record
    walk.extents.swapAt(longest, last)
    walk.inStrides.swapAt(longest, last)
    walk.outStrides.swapAt(longest, last)
    return walk
  }

  override func run(_ workers: Workers) {
    let last = StridedExtents.rank - 1
    let inner = walk.extents[last]
    let isDense = walk.inStrides[last] == 1 && walk.outStrides[last] == 1
    var position = StridedPosition()
    var from = 0
    var to = 0
    var done = 0
    while done < count {
      let source = input + from &* elementBytes
      let target = output + to &* elementBytes
      if isDense {
        target.copyMemory(from: source, byteCount: inner &* elementBytes)
      } else {
        copyRow(source, target)
      }
      done &+= inner
      position.advance(walk.extents, walk.inStrides, &from, walk.outStrides, &to)
    }
  }

  /// Of the elements it copied, in the order of the walk: concatenations are made of several copies.
  override func checksum() -> UInt32 {
    let last = StridedExtents.rank - 1
    let inner = record.extents[last]
    let isDense = record.outStrides[last] == 1
    var position = StridedPosition()
    var crc = CRC32()
    var done = 0
    while done < count {
      let row = UnsafeRawPointer(output) + position.offset(record.outStrides) &* elementBytes
      for run in 0..<(isDense ? 1 : inner) {
        let start = row + run &* record.outStrides[last] &* elementBytes
        crc.update(UnsafeRawBufferPointer(start: start, count: isDense ? inner &* elementBytes : elementBytes))
      }
      done &+= inner
      position.advance(record.extents)
    }
    return crc.value
  }

  private func copyRow(_ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer) {
    switch elementBytes {
    case 1: copyRow(from, to, UInt8.self)
    case 4: copyRow(from, to, UInt32.self)
    case 8: copyRow(from, to, UInt64.self)
    default: copyRow(from, to, UInt16.self)
    }
  }

  @inline(__always)
  private func copyRow<T: BitwiseCopyable>(_ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer, _ type: T.Type) {
    let last = StridedExtents.rank - 1
    var source = from.assumingMemoryBound(to: type)
    var target = to.assumingMemoryBound(to: type)
    let sourceStride = walk.inStrides[last]
    let targetStride = walk.outStrides[last]
    for _ in 0..<walk.extents[last] {
      target.pointee = source.pointee
      source += sourceStride
      target += targetStride
    }
  }
}

/// `fill`.
final class FillStep: Step {
  private let output: UnsafeMutableRawPointer
  private let count: Int
  private let elementBytes: Int
  private let pattern: UInt64

  init(_ record: FillRecord, _ loader: borrowing Loader) throws(StepProblem) {
    let tensor = try loader.record(record.output, .output)
    output = try loader.output(record.output, .output)
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

  init(_ record: GatherRecord, _ loader: borrowing Loader) throws(StepProblem) {
    guard record.outer > 0, record.axis > 0, record.inner > 0 else { throw .value(.extents, found: record.axis) }
    let dtype = try loader.record(record.input, .input).dtype
    input = try loader.input(
      record.input, .input, dtype, count: product(record.outer, record.axis, record.inner, .inputExtents))
    let index = try loader.record(record.indices, .indices)
    guard index.dtype == .int32 || index.dtype == .int64 else {
      throw .typeNotSupported(.indices, found: index.dtype)
    }
    indices = try loader.input(record.indices, .indices)
    indexCount = index.count
    indicesAreWide = index.dtype == .int64
    output = try loader.output(
      record.output, .output, dtype, count: product(record.outer, indexCount, record.inner, .outputExtents))
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

  @inline(never)
  init(_ record: SelectRecord, _ loader: borrowing Loader) throws(StepProblem) {
    count = try record.extents.checkedCount()
    let out = try loader.checked(record.output, .output, nil, count: count)
    let mask = try loader.checked(record.condition, .condition, .bool, count: nil)
    let first = try loader.checked(record.a, .firstOperand, out.dtype, count: nil)
    let second = try loader.checked(record.b, .secondOperand, out.dtype, count: nil)
    try record.extents.check(record.conditionStrides, offset: 0, count: mask.count, .condition)
    try record.extents.check(record.aStrides, offset: 0, count: first.count, .firstOperand)
    try record.extents.check(record.bStrides, offset: 0, count: second.count, .secondOperand)
    condition = try loader.input(record.condition, .condition).assumingMemoryBound(to: UInt8.self)
    a = try loader.input(record.a, .firstOperand)
    b = try loader.input(record.b, .secondOperand)
    output = try loader.output(record.output, .output)
    elementBytes = out.dtype.byteCount
    self.record = record
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  override func run(_ workers: Workers) {
    let last = StridedExtents.rank - 1
    var position = StridedPosition()
    var target = output
    var done = 0
    while done < count {
      var mask = condition + position.offset(record.conditionStrides)
      var first = a + position.offset(record.aStrides) &* elementBytes
      var second = b + position.offset(record.bStrides) &* elementBytes
      for _ in 0..<record.extents[last] {
        target.copyMemory(from: mask.pointee != 0 ? first : second, byteCount: elementBytes)
        target += elementBytes
        mask += record.conditionStrides[last]
        first += record.aStrides[last] &* elementBytes
        second += record.bStrides[last] &* elementBytes
      }
      done &+= record.extents[last]
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

  init(_ record: CastRecord, _ loader: borrowing Loader) throws(StepProblem) {
    let source = try loader.record(record.input, .input)
    let target = try loader.checked(record.output, .output, nil, count: source.count)
    for (name, dtype) in [(FieldName.input, source.dtype), (FieldName.output, target.dtype)] {
      switch dtype {
      case .float32, .int32, .int64, .int8, .uint8, .bool: break
      case .uint16, .int16, .float16, .float64, .uint32, .uint64, .bfloat16:
        throw .typeNotSupported(name, found: dtype)
      }
    }
    input = try loader.input(record.input, .input)
    output = try loader.output(record.output, .output)
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
