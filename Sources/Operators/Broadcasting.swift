import HostTensors
import TensorTypes

/// The shape that `shapes` broadcast to, in both directions as NumPy and ONNX do.
package func broadcastShape(_ shapes: [[Int]]) throws(OperatorError) -> [Int] {
  let rank = shapes.map(\.count).max() ?? 0
  var result = [Int](repeating: 1, count: rank)
  for shape in shapes {
    for (offset, extent) in shape.enumerated() {
      let axis = rank - shape.count + offset
      if extent == result[axis] || extent == 1 { continue }
      guard result[axis] == 1 else {
        throw .invalid("shapes \(shapes.map(\.description).joined(separator: " and ")) do not broadcast")
      }
      result[axis] = extent
    }
  }
  return result
}

/// Strides in elements that read a row-major tensor of `shape` as if it had the extents of `target`.
func broadcastStrides(_ shape: [Int], to target: [Int]) -> [Int] {
  let lead = target.count - shape.count
  let strides = shape.rowMajorStrides
  return target.indices.map { axis in
    axis < lead || (shape[axis - lead] == 1 && target[axis] != 1) ? 0 : strides[axis - lead]
  }
}

/// Elements that one thread should at least have: fewer cost less than sharing them does.
let elementGrain = 1 << 14

/// A walk over a row-major result that reads operands at strides of their own.
///
/// Extents of 1 are dropped and neighbouring axes that every operand walks alike are joined, so the
/// innermost row is as long as possible: one row for tensors of one shape.
struct StridedWalk {
  private(set) var extents: [Int] = []
  /// By operand, then by axis.
  private(set) var strides: [[Int]]
  let isEmpty: Bool

  init(shape: [Int], strides operands: [[Int]]) {
    isEmpty = shape.contains(0)
    strides = operands.map { _ in [] }
    guard !isEmpty else { return }
    for axis in shape.indices where shape[axis] != 1 {
      let joins =
        !extents.isEmpty
        && operands.indices.allSatisfy { strides[$0].last == operands[$0][axis] * shape[axis] }
      if joins {
        extents[extents.count - 1] *= shape[axis]
        for operand in operands.indices { strides[operand][extents.count - 1] = operands[operand][axis] }
      } else {
        extents.append(shape[axis])
        for operand in operands.indices { strides[operand].append(operands[operand][axis]) }
      }
    }
    if extents.isEmpty {
      extents = [1]
      strides = operands.map { _ in [1] }
    }
  }

  var rowCount: Int { extents[extents.count - 1] }

  func rowStride(_ operand: Int) -> Int { strides[operand][extents.count - 1] }

  /// Calls `body` with the first result index of each row and the operands' offsets there.
  @inline(__always)
  func forEachRow(_ body: (_ result: Int, _ offsets: [Int]) -> Void) {
    forEachRow(in: 0..<rows, body)
  }

  /// Calls `body` with the first result index, the operands' offsets and the length of pieces of rows, which
  /// together are all rows; large walks are shared among threads.
  @inline(__always)
  func forEachPiece(_ body: (_ result: Int, _ offsets: [Int], _ count: Int) -> Void) {
    guard !isEmpty else { return }
    if rowCount < elementGrain || rows >= 16 {
      return Parallel.forEachRange(rows, grain: max(1, elementGrain / rowCount)) { rows in
        forEachRow(in: rows) { result, offsets in body(result, offsets, rowCount) }
      }
    }
    forEachRow { result, offsets in
      Parallel.forEachRange(rowCount, grain: elementGrain) { part in
        let first = offsets.indices.map { offsets[$0] + part.lowerBound * rowStride($0) }
        body(result + part.lowerBound, first, part.count)
      }
    }
  }

  private var rows: Int { isEmpty ? 0 : extents.dropLast().reduce(1, *) }

  @inline(__always)
  private func forEachRow(in rows: Range<Int>, _ body: (_ result: Int, _ offsets: [Int]) -> Void) {
    guard !rows.isEmpty else { return }
    var offsets = [Int](repeating: 0, count: strides.count)
    var counters = [Int](repeating: 0, count: extents.count - 1)
    var (outer, result) = (rows.lowerBound, rows.lowerBound * rowCount)
    for axis in counters.indices.reversed() {
      counters[axis] = outer % extents[axis]
      outer /= extents[axis]
      for operand in offsets.indices { offsets[operand] += strides[operand][axis] * counters[axis] }
    }
    for _ in rows {
      body(result, offsets)
      result += rowCount
      var axis = counters.count - 1
      while axis >= 0 {
        counters[axis] += 1
        for operand in offsets.indices { offsets[operand] += strides[operand][axis] }
        if counters[axis] < extents[axis] { break }
        for operand in offsets.indices { offsets[operand] -= strides[operand][axis] * extents[axis] }
        counters[axis] = 0
        axis -= 1
      }
    }
  }
}

/// A function of two elements of one type, known to the compiler where it is used (see `ElementKernel`).
protocol PairKernel {
  associatedtype Operand: TensorElement
  associatedtype Result: TensorElement
  func result(_ a: Operand, _ b: Operand) -> Result
}

/// `kernel` of every pair of elements of `a` and `b`, which broadcast to `shape`.
func mapPairs<Kernel: PairKernel>(_ a: Tensor, _ b: Tensor, shape: [Int], _ kernel: Kernel) -> Tensor {
  let walk = StridedWalk(
    shape: shape, strides: [broadcastStrides(a.shape, to: shape), broadcastStrides(b.shape, to: shape)])
  return a.withElements(as: Kernel.Operand.self) { a in
    b.withElements(as: Kernel.Operand.self) { b in
      Tensor(uninitialized: shape, of: Kernel.Result.self) { (result: UnsafeMutableBufferPointer<Kernel.Result>) in
        guard !walk.isEmpty, let a = a.baseAddress, let b = b.baseAddress, let result = result.baseAddress else {
          return
        }
        let (aStride, bStride) = (walk.rowStride(0), walk.rowStride(1))
        walk.forEachPiece { start, offsets, count in
          mapRow(count, a + offsets[0], aStride, b + offsets[1], bStride, result + start, kernel)
        }
      }
    }
  }
}

/// One row of `mapPairs`, with a loop of its own for the strides that occur most.
@inline(__always)
private func mapRow<Kernel: PairKernel>(
  _ count: Int, _ a: UnsafePointer<Kernel.Operand>, _ aStride: Int, _ b: UnsafePointer<Kernel.Operand>,
  _ bStride: Int, _ result: UnsafeMutablePointer<Kernel.Result>, _ kernel: Kernel
) {
  if aStride == 1, bStride == 1 {
    for index in 0..<count { result[index] = kernel.result(a[index], b[index]) }
  } else if aStride == 1, bStride == 0 {
    let y = b[0]
    for index in 0..<count { result[index] = kernel.result(a[index], y) }
  } else if aStride == 0, bStride == 1 {
    let x = a[0]
    for index in 0..<count { result[index] = kernel.result(x, b[index]) }
  } else {
    for index in 0..<count { result[index] = kernel.result(a[index * aStride], b[index * bStride]) }
  }
}

extension Tensor {
  /// A copy whose element at an index of `newShape` is this tensor's at `offset` plus the strides times the index.
  ///
  /// Transposing, slicing and expanding are all this copy. Strides may be 0 or negative; every element
  /// reached must exist.
  func stridedCopy(shape newShape: [Int], strides: [Int], offset: Int = 0) -> Tensor {
    let walk = StridedWalk(shape: newShape, strides: [strides])
    return withBytes { source in
      Tensor(dtype: dtype, shape: newShape) { target in
        switch dtype.byteCount {
        case 1: copyRows(walk, source, target, offset, UInt8.self)
        case 2: copyRows(walk, source, target, offset, UInt16.self)
        case 4: copyRows(walk, source, target, offset, UInt32.self)
        default: copyRows(walk, source, target, offset, UInt64.self)
        }
      }
    }
  }
}

/// Copies by rows of elements of the width of `Carrier`.
private func copyRows<Carrier: BitwiseCopyable>(
  _ walk: StridedWalk, _ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer, _ offset: Int,
  _: Carrier.Type
) {
  guard !walk.isEmpty, let sourceBase = source.baseAddress, let targetBase = target.baseAddress else { return }
  let from = sourceBase.assumingMemoryBound(to: Carrier.self)
  let to = targetBase.assumingMemoryBound(to: Carrier.self)
  let stride = walk.rowStride(0)
  walk.forEachPiece { start, offsets, count in
    let first = offset + offsets[0]
    if stride == 1 {
      (to + start).update(from: from + first, count: count)
    } else if stride == 0 {
      (to + start).update(repeating: from[first], count: count)
    } else {
      for index in 0..<count { to[start + index] = from[first + index * stride] }
    }
  }
}
