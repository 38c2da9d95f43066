import HostTensors
import TensorTypes

extension Tensor {
  /// The sums over the axes along which a tensor of `shape` was repeated to this tensor's shape: the way
  /// back through broadcasting.
  ///
  /// The order of a sum depends on the shapes alone, so the result is the same for any number of threads.
  func summed(to shape: [Int]) throws(OperatorError) -> Tensor {
    if self.shape == shape { return self }
    if count == shape.elementCount { return reshaped(shape) }
    let sum = BroadcastSum(from: self.shape, to: shape)
    switch dtype {
    case .float32: return sum.run(self, shape, Float.self)
    case .float64: return sum.run(self, shape, Double.self)
    case .float16, .bfloat16, .uint8, .int8, .uint16, .int16, .int32, .int64, .bool, .uint32, .uint64:
      throw .inputType(0, expected: "float32 or float64", found: dtype)
    }
  }
}

/// How a row-major tensor divides into sums: neighbouring axes that are all kept, or all summed, are one.
private struct BroadcastSum {
  /// Extents and source strides of the kept axes, outermost first: these make up the result.
  private var kept: (extents: [Int], strides: [Int]) = ([], [])
  private var summed: (extents: [Int], strides: [Int]) = ([], [])
  /// Elements of one sum.
  private var termCount: Int { summed.extents.elementCount }

  init(from source: [Int], to target: [Int]) {
    let lead = source.count - target.count
    let strides = source.rowMajorStrides
    var wasKept: Bool?
    for axis in source.indices where source[axis] != 1 {
      let isKept = axis >= lead && target[axis - lead] != 1
      var list = isKept ? kept : summed
      if wasKept == isKept, let last = list.extents.indices.last {
        list.extents[last] *= source[axis]
        list.strides[last] = strides[axis]
      } else {
        list.extents.append(source[axis])
        list.strides.append(strides[axis])
      }
      if isKept { kept = list } else { summed = list }
      wasKept = isKept
    }
  }

  func run<T: RealElement>(_ source: Tensor, _ shape: [Int], _: T.Type) -> Tensor {
    source.withElements(as: T.self) { source in
      Tensor(shape: shape, of: T.self) { (target: UnsafeMutableBufferPointer<T>) in
        guard let from = source.baseAddress, !source.isEmpty, let to = target.baseAddress else { return }
        let pieces = pieceCount(results: target.count)
        if pieces > 1 { return runInPieces(pieces, from, target) }
        // Sums are as long as `termCount`; a thread should have enough of them.
        Parallel.forEachRange(target.count, grain: max(1, elementGrain / termCount)) { results in
          sum(0..<summed.extents[0], from, to, results)
        }
      }
    }
  }

  /// Into how many pieces the outermost summed axis is cut, where there are too few results to share among
  /// threads, or rows of results so short that threads would read every cache line of the source.
  private func pieceCount(results: Int) -> Int {
    guard results <= (summed.strides.last == 1 ? 16 : 4096) else { return 1 }
    let terms = termCount * results
    return min(summed.extents[0], 64, max(1, terms / max(elementGrain, 4 * results)))
  }

  /// Sums of the pieces, then their sum by halves.
  private func runInPieces<T: RealElement>(
    _ pieces: Int, _ from: UnsafePointer<T>, _ target: UnsafeMutableBufferPointer<T>
  ) {
    let count = target.count
    var partial = [T](repeating: 0, count: pieces * count)
    partial.withUnsafeMutableBufferPointer { partial in
      let sums = partial.baseAddress!
      let extent = summed.extents[0]
      Parallel.forEach(pieces) { piece in
        sum(extent * piece / pieces..<extent * (piece + 1) / pieces, from, sums + piece * count, 0..<count)
      }
      var distance = 1
      while distance < pieces {
        for piece in stride(from: 0, to: pieces - distance, by: 2 * distance) {
          addRow(sums + (piece + distance) * count, sums + piece * count, count)
        }
        distance *= 2
      }
      target.baseAddress!.update(from: sums, count: count)
    }
  }

  /// Adds up, for each of `results`, the terms at indices `outermost` of the outermost summed axis.
  private func sum<T: RealElement>(
    _ outermost: Range<Int>, _ from: UnsafePointer<T>, _ to: UnsafeMutablePointer<T>, _ results: Range<Int>
  ) {
    var extents = summed.extents
    extents[0] = outermost.count
    let walk = StridedWalk(shape: extents, strides: [summed.strides])
    let source = from + outermost.lowerBound * summed.strides[0]
    if summed.strides.last == 1 { sumRows(walk, source, to, results) } else { addRows(walk, source, to, results) }
  }

  /// The innermost axis is summed: each result is a sum of contiguous rows.
  private func sumRows<T: RealElement>(
    _ walk: StridedWalk, _ from: UnsafePointer<T>, _ to: UnsafeMutablePointer<T>, _ results: Range<Int>
  ) {
    for index in results {
      let start = from + offset(index)
      var sum: T = 0
      walk.forEachRow { _, offsets in
        sum += pairwiseSum(UnsafeBufferPointer(start: start + offsets[0], count: walk.rowCount))
      }
      to[index] = sum
    }
  }

  /// The innermost axis is kept: rows, or the part of them that `results` names, are added to each other.
  private func addRows<T: RealElement>(
    _ walk: StridedWalk, _ from: UnsafePointer<T>, _ to: UnsafeMutablePointer<T>, _ results: Range<Int>
  ) {
    let rowCount = kept.extents[kept.extents.count - 1]
    let (termCount, termStride) = (walk.rowCount, walk.rowStride(0))
    var index = results.lowerBound
    while index < results.upperBound {
      let count = min(results.upperBound - index, rowCount - index % rowCount)
      let (start, sums) = (from + offset(index), to + index)
      walk.forEachRow { _, offsets in
        for term in 0..<termCount { addRow(start + offsets[0] + term * termStride, sums, count) }
      }
      index += count
    }
  }

  /// Where in the source the terms of result `index` begin.
  private func offset(_ index: Int) -> Int {
    var (rest, offset) = (index, 0)
    for axis in kept.extents.indices.reversed() {
      offset += rest % kept.extents[axis] * kept.strides[axis]
      rest /= kept.extents[axis]
    }
    return offset
  }
}

/// The sum by halves down to blocks of `laneSum`, so that the rounding error grows with the logarithm of the count.
func pairwiseSum<T: RealElement>(_ terms: UnsafeBufferPointer<T>) -> T {
  guard terms.count > 1024 else { return laneSum(terms.count) { terms[$0] } }
  let half = terms.count / 2
  return pairwiseSum(UnsafeBufferPointer(rebasing: terms[..<half]))
    + pairwiseSum(UnsafeBufferPointer(rebasing: terms[half...]))
}

/// Adds `count` elements to `sums`.
@inline(__always)
private func addRow<T: RealElement>(_ row: UnsafePointer<T>, _ sums: UnsafeMutablePointer<T>, _ count: Int) {
  for column in 0..<count { sums[column] += row[column] }
}
