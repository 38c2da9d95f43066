import ModelFormat
import TensorTypes

extension StridedExtents {
  /// The number of indices, checked to be positive and free of overflow.
  func checkedCount() throws(StepProblem) -> Int {
    var count = 1
    for axis in 0..<StridedExtents.rank {
      guard self[axis] > 0 else { throw .value("extents", found: self[axis]) }
      count = try product(count, self[axis], "extents")
    }
    return count
  }

  /// Checks that `offset` + every index times `strides` lies below `count`.
  func check(_ strides: StridedExtents, offset: Int, count: Int, _ name: StaticName) throws(StepProblem) {
    var least = offset
    var greatest = offset
    for axis in 0..<StridedExtents.rank {
      let reach = try product(self[axis] - 1, strides[axis], name)
      let (sum, overflow) = (reach < 0 ? least : greatest).addingReportingOverflow(reach)
      if overflow { throw .value(name, found: reach) }
      if reach < 0 { least = sum } else { greatest = sum }
    }
    guard least >= 0, greatest < count else { throw .tooSmall(name, expected: greatest, found: count) }
  }
}

/// The checked walk of a two-operand step over broadcast operands.
struct BinaryWalk {
  let a: UnsafeRawPointer
  let b: UnsafeRawPointer
  let output: UnsafeMutableRawPointer
  let dtype: DType
  let count: Int
  /// Both operands have the output's extents, densely.
  let isElementwise: Bool
  private let extents: StridedExtents
  private let aStrides: StridedExtents
  private let bStrides: StridedExtents

  init(_ record: BinaryRecord, operands: DType, output: DType, _ loader: Loader) throws(StepProblem) {
    count = try record.extents.checkedCount()
    let aTensor = try loader.checked(record.a, "first operand", operands, count: nil)
    let bTensor = try loader.checked(record.b, "second operand", operands, count: nil)
    try record.extents.check(record.aStrides, offset: 0, count: aTensor.count, "first operand")
    try record.extents.check(record.bStrides, offset: 0, count: bTensor.count, "second operand")
    a = try loader.input(record.a, "first operand")
    b = try loader.input(record.b, "second operand")
    self.output = try loader.output(record.output, "output", output, count: count)
    dtype = operands
    extents = record.extents
    aStrides = record.aStrides
    bStrides = record.bStrides
    var dense = true
    var stride = 1
    for axis in (0..<StridedExtents.rank).reversed() where extents[axis] > 1 {
      if aStrides[axis] != stride || bStrides[axis] != stride { dense = false }
      stride *= extents[axis]
    }
    isElementwise = dense
  }

  /// out[i] = body(a[...], b[...]) in row-major order of i.
  @inline(__always)
  func map<T, R>(_ type: T.Type, _ out: UnsafeMutablePointer<R>, _ body: (T, T) -> R) {
    let a = a.assumingMemoryBound(to: T.self)
    let b = b.assumingMemoryBound(to: T.self)
    if isElementwise {
      for index in 0..<count { out[index] = body(a[index], b[index]) }
      return
    }
    let last = StridedExtents.rank - 1
    let (inner, aInner, bInner) = (extents[last], aStrides[last], bStrides[last])
    var position = StridedPosition()
    var written = 0
    while written < count {
      let aRow = a + position.offset(aStrides)
      let bRow = b + position.offset(bStrides)
      for index in 0..<inner { out[written + index] = body(aRow[index * aInner], bRow[index * bInner]) }
      written += inner
      position.advance(extents)
    }
  }
}

/// A place in the outer axes of a strided walk.
struct StridedPosition {
  private var index = StridedExtents(repeating: 0)

  /// The element offset of this place under `strides`.
  @inline(__always)
  func offset(_ strides: StridedExtents) -> Int {
    var offset = 0
    for axis in 0..<StridedExtents.rank - 1 { offset += index[axis] * strides[axis] }
    return offset
  }

  /// Moves to the next row: the innermost axis is the caller's.
  @inline(__always)
  mutating func advance(_ extents: StridedExtents) {
    var axis = StridedExtents.rank - 2
    while axis >= 0 {
      index[axis] += 1
      if index[axis] < extents[axis] { return }
      index[axis] = 0
      axis -= 1
    }
  }
}
