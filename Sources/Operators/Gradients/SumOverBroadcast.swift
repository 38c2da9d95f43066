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
        // Sums are as long as `termCount`; a thread should have enough of them.
        let grain = max(1, elementGrain / termCount)
        Parallel.forEachRange(target.count, grain: grain) { part in
          if summed.strides.last == 1 { sumRows(from, to, part) } else { addRows(from, to, part) }
        }
      }
    }
  }

  /// The innermost axis is summed: each result is a sum of contiguous rows.
  private func sumRows<T: RealElement>(_ from: UnsafePointer<T>, _ to: UnsafeMutablePointer<T>, _ part: Range<Int>) {
    let walk = StridedWalk(shape: summed.extents, strides: [summed.strides])
    for index in part {
      let start = from + offset(index)
      var sum: T = 0
      walk.forEachRow { _, offsets in
        let row = UnsafeBufferPointer(start: start + offsets[0], count: walk.rowCount)
        sum += pairwiseSum(row)
      }
      to[index] = sum
    }
  }

  /// The innermost axis is kept: rows, or the part of them that `part` names, are added to each other.
  private func addRows<T: RealElement>(_ from: UnsafePointer<T>, _ to: UnsafeMutablePointer<T>, _ part: Range<Int>) {
    let walk = StridedWalk(shape: summed.extents, strides: [summed.strides])
    let rowCount = kept.extents[kept.extents.count - 1]
    var index = part.lowerBound
    while index < part.upperBound {
      let count = min(part.upperBound - index, rowCount - index % rowCount)
      let (start, sums) = (from + offset(index), to + index)
      walk.forEachRow { _, offsets in
        for term in 0..<walk.rowCount {
          let row = start + offsets[0] + term * walk.rowStride(0)
          for column in 0..<count { sums[column] += row[column] }
        }
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
