import CMicrokernels
import Inflate
import ModelFormat
import TensorTypes

/// What a step sees while it is prepared: its operands, checked, as addresses.
///
/// Everything a step will touch is checked here, once; after that the step runs plainly.
struct Loader: ~Copyable {
  let kernels: UnsafePointer<pare_kernels>
  let workerCount: Int
  let memory: LoadMemory
  let arena: UnsafeMutableRawBufferPointer
  var tensors: [TensorRecord]
  /// Weights sections, inflated, then the coded tensors; the model that is loaded frees them.
  var sections: [UnsafeMutableRawBufferPointer]

  /// Checks every row of the tensor table against the arena and the weights sections.
  func checkTensors() throws(LoadError) {
    for (index, tensor) in tensors.enumerated() {
      guard let bytes = tensor.byteCount else { throw .tensor(index: index, .tooLarge(count: tensor.count)) }
      let available: Int
      switch tensor.placement {
      case .arena:
        available = arena.count - WindowGeometry.stagingSlackBytes
        if tensor.offset % tensor.dtype.byteCount != 0 {
          throw .tensor(index: index, .misaligned(offset: tensor.offset))
        }
      case .coded:
        guard tensor.section == 0, tensor.offset == 0, tensor.count > 0 else {
          throw .tensor(index: index, .outOfBounds(end: tensor.offset, available: 0))
        }
        continue
      case .constant, .constantBytePlanes:
        guard tensor.section < sections.count else {
          throw .tensor(index: index, .missingSection(ordinal: tensor.section))
        }
        available = sections[tensor.section].count
      }
      guard tensor.offset <= available, bytes <= available - tensor.offset else {
        throw .tensor(index: index, .outOfBounds(end: tensor.offset &+ bytes, available: available))
      }
    }
  }

  // Kept out of line, here and below: every step calls these, and their size is the executable's.
  @inline(never)
  func record(_ index: TensorIndex, _ name: FieldName) throws(StepProblem) -> TensorRecord {
    if index.isNone { throw .missingOperand(name) }
    guard index.rawValue < UInt32(truncatingIfNeeded: tensors.count) else {
      throw .noSuchTensor(name, found: index.rawValue)
    }
    return tensors[Int(index.rawValue)]
  }

  /// The type and count of an operand, as its record says.
  @inline(never)
  func checked(
    _ index: TensorIndex, _ name: FieldName, _ dtype: DType?, count: Int?
  ) throws(StepProblem) -> TensorRecord {
    let tensor = try record(index, name)
    if let dtype, tensor.dtype != dtype { throw .type(name, expected: dtype, found: tensor.dtype) }
    if let count, tensor.count != count { throw .count(name, expected: count, found: tensor.count) }
    return tensor
  }

  /// An operand to write: in the arena.
  @inline(never)
  func output(
    _ index: TensorIndex, _ name: FieldName, _ dtype: DType? = nil, count: Int? = nil
  ) throws(StepProblem) -> UnsafeMutableRawPointer {
    let tensor = try checked(index, name, dtype, count: count)
    guard tensor.placement == .arena else { throw .placement(name) }
    return arena.baseAddress! + tensor.offset
  }

  /// An operand to read while running: in the arena, or a constant, which is kept.
  @inline(never)
  func input(
    _ index: TensorIndex, _ name: FieldName, _ dtype: DType? = nil, count: Int? = nil
  ) throws(StepProblem) -> UnsafeRawPointer {
    let tensor = try checked(index, name, dtype, count: count)
    if tensor.placement == .arena { return UnsafeRawPointer(arena.baseAddress! + tensor.offset) }
    let bytes = (tensor.byteCount ?? 0)
    let copy = memory.allocate(bytes + WindowGeometry.stagingSlackBytes)
    decode(tensor, into: copy)
    return UnsafeRawPointer(copy.baseAddress!)
  }

  /// A constant for the time of `body` only: what prepacking reads.
  func withConstant<R>(
    _ index: TensorIndex, _ name: FieldName, _ dtype: DType, count: Int,
    _ body: (UnsafeRawPointer) throws(StepProblem) -> R
  ) throws(StepProblem) -> R {
    let tensor = try checked(index, name, dtype, count: count)
    guard tensor.placement != .arena else { throw .placement(name) }
    if tensor.placement == .constant, tensor.dtype.byteCount == 1 {
      return try body(UnsafeRawPointer(sections[tensor.section].baseAddress! + tensor.offset))
    }
    let copy = memory.temporary(tensor.byteCount ?? 0)
    defer { copy.deallocate() }
    decode(tensor, into: copy)
    return try body(UnsafeRawPointer(copy.baseAddress!))
  }

  /// Writes a constant's elements, byte planes woven together again.
  private func decode(_ tensor: TensorRecord, into target: UnsafeMutableRawBufferPointer) {
    let source = sections[tensor.section].baseAddress! + tensor.offset
    let width = tensor.dtype.byteCount
    guard tensor.placement == .constantBytePlanes, width > 1 else {
      target.baseAddress!.copyMemory(from: source, byteCount: tensor.count * width)
      return
    }
    for plane in 0..<width {
      let bytes = source + plane * tensor.count
      for element in 0..<tensor.count {
        target[element * width + plane] = bytes.load(fromByteOffset: element, as: UInt8.self)
      }
    }
  }
}

/// a * b where a hostile file might overflow it.
@inline(never)
func product(_ a: Int, _ b: Int, _ name: FieldName) throws(StepProblem) -> Int {
  let (value, overflow) = a.multipliedReportingOverflow(by: b)
  if overflow { throw .value(name, found: a) }
  return value
}

/// The product of three extents, checked.
@inline(never)
func product(_ a: Int, _ b: Int, _ c: Int, _ name: FieldName) throws(StepProblem) -> Int {
  try product(product(a, b, name), c, name)
}
