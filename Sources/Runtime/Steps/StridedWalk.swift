import ModelFormat
import TensorTypes

extension StridedExtents {
  /// The number of indices, checked to be positive and free of overflow.
  func checkedCount() throws(StepProblem) -> Int {
    var count = 1
    for axis in 0..<StridedExtents.rank {
      guard self[axis] > 0 else { throw .value(.extents, found: self[axis]) }
      count = try product(count, self[axis], .extents)
    }
    return count
  }

  /// Checks that `offset` + every index times `strides` lies below `count`.
  func check(_ strides: StridedExtents, offset: Int, count: Int, _ name: FieldName) throws(StepProblem) {
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

  init(_ record: BinaryRecord, operands: DType, output: DType, _ loader: borrowing Loader) throws(StepProblem) {
    count = try record.extents.checkedCount()
    let aTensor = try loader.checked(record.a, .firstOperand, operands, count: nil)
    let bTensor = try loader.checked(record.b, .secondOperand, operands, count: nil)
    try record.extents.check(record.aStrides, offset: 0, count: aTensor.count, .firstOperand)
    try record.extents.check(record.bStrides, offset: 0, count: bTensor.count, .secondOperand)
    a = try loader.input(record.a, .firstOperand)
    b = try loader.input(record.b, .secondOperand)
    self.output = try loader.output(record.output, .output, output, count: count)
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

  /// One innermost row of the walk: addresses of its first elements, element strides and count.
  struct Row {
    let a: UnsafeRawPointer
    let b: UnsafeRawPointer
    /// Elements of the output before this row.
    let first: Int
    let count: Int
    let aStride: Int
    let bStride: Int
  }

  /// Calls `body` for every row in order; once for the whole where nothing is broadcast.
  @inline(__always)
  func forEachRow(_ body: (Row) -> Void) {
    if isElementwise {
      body(Row(a: a, b: b, first: 0, count: count, aStride: 1, bStride: 1))
      return
    }
    let last = StridedExtents.rank - 1
    let elementBytes = dtype.byteCount
    var position = StridedPosition()
    var first = 0
    while first < count {
      body(
        Row(
          a: a + position.offset(aStrides) &* elementBytes, b: b + position.offset(bStrides) &* elementBytes,
          first: first, count: extents[last], aStride: aStrides[last], bStride: bStrides[last]))
      first &+= extents[last]
      position.advance(extents)
    }
  }
}

/// A place in the outer axes of a strided walk.
struct StridedPosition {
  private var index = StridedExtents(repeating: 0)

  /// The element offset of this place under `strides`.
  @inline(never)
  func offset(_ strides: StridedExtents) -> Int {
    var offset = 0
    for axis in 0..<StridedExtents.rank - 1 { offset &+= index[axis] &* strides[axis] }
    return offset
  }

  /// As `advance`, with the offsets of two operands moved along.
  @inline(never)
  mutating func advance(
    _ extents: StridedExtents, _ aStrides: StridedExtents, _ a: inout Int, _ bStrides: StridedExtents, _ b: inout Int
  ) {
    var axis = StridedExtents.rank - 2
    while axis >= 0 {
      index[axis] &+= 1
      a &+= aStrides[axis]
      b &+= bStrides[axis]
      if index[axis] < extents[axis] { return }
      index[axis] = 0
      a &-= extents[axis] &* aStrides[axis]
      b &-= extents[axis] &* bStrides[axis]
      axis -= 1
    }
  }

  /// Moves to the next row: the innermost axis is the caller's.
  @inline(never)
  mutating func advance(_ extents: StridedExtents) {
    var axis = StridedExtents.rank - 2
    while axis >= 0 {
      index[axis] &+= 1
      if index[axis] < extents[axis] { return }
      index[axis] = 0
      axis -= 1
    }
  }
}
