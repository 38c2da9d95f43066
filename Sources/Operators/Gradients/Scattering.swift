import HostTensors
import TensorTypes

extension Tensor {
  /// The reverse of `stridedCopy` where it reads no element twice: a tensor of `newShape` with this tensor's
  /// elements at `offset` plus the strides times their index, and zeros elsewhere.
  func scattered(into newShape: [Int], strides: [Int], offset: Int) throws(OperatorError) -> Tensor {
    let walk = StridedWalk(shape: shape, strides: [strides])
    func scatter<T: RealElement>(_: T.Type) -> Tensor {
      withElements(as: T.self) { source in
        Tensor(shape: newShape, of: T.self) { (target: UnsafeMutableBufferPointer<T>) in
          guard let from = source.baseAddress, let to = target.baseAddress else { return }
          let stride = walk.isEmpty ? 0 : walk.rowStride(0)
          walk.forEachPiece { start, offsets, count in
            let first = to + offset + offsets[0]
            for index in 0..<count { first[index * stride] = from[start + index] }
          }
        }
      }
    }
    return switch dtype {
    case .float32: scatter(Float.self)
    case .float64: scatter(Double.self)
    case .float16, .bfloat16, .uint8, .int8, .uint16, .int16, .int32, .int64, .bool, .uint32, .uint64:
      throw .inputType(0, expected: "float32 or float64", found: dtype)
    }
  }

  /// The reverse of sampling an axis of `extent` elements, now as long as `taps`: each element is added, by
  /// its weights, to the elements that it was sampled from.
  func scatterAdded(axis: Int, extent: Int, _ taps: AxisTaps) throws(OperatorError) -> Tensor {
    func scatter<T: RealElement>(_: T.Type) -> Tensor {
      let sampled = shape[axis]
      let inner = shape[(axis + 1)...].reduce(1, *)
      let outer = shape[..<axis].reduce(1, *)
      var newShape = shape
      newShape[axis] = extent
      return withElements(as: T.self) { source in
        Tensor(shape: newShape, of: T.self) { (target: UnsafeMutableBufferPointer<T>) in
          guard let from = source.baseAddress, !source.isEmpty, let to = target.baseAddress else { return }
          // Where there are few blocks the columns are shared among threads; blocks never write to one place.
          let columns = outer > 1 ? inner : min(inner, max(1, elementGrain / sampled))
          let parts = outer * ((inner + columns - 1) / columns)
          Parallel.forEachRange(parts, grain: max(1, elementGrain / (sampled * columns))) { range in
            for part in range {
              let (block, first) = outer > 1 ? (part, 0) : (0, part * columns)
              taps.add(
                from + block * sampled * inner + first, to + block * extent * inner + first,
                rowStride: inner, count: min(columns, inner - first))
            }
          }
        }
      }
    }
    return switch dtype {
    case .float32: scatter(Float.self)
    case .float64: scatter(Double.self)
    case .float16, .bfloat16, .uint8, .int8, .uint16, .int16, .int32, .int64, .bool, .uint32, .uint64:
      throw .inputType(0, expected: "float32 or float64", found: dtype)
    }
  }
}

/// Which elements of an axis each element of the axis sampled from it is the weighted sum of.
struct AxisTaps: Sendable {
  /// Sampled elements from `row` on that took the elements from `index` on, one each, by one weight.
  private struct Run {
    let row: Int
    let index: Int
    var count = 1
    let weight: Float
  }

  private var runs: [Run] = []

  /// Each element is one other element, or none.
  init(_ map: [Int?]) {
    for (row, index) in map.enumerated() {
      guard let index else { continue }
      if let last = runs.last, last.row + last.count == row, last.index + last.count == index {
        runs[runs.count - 1].count += 1
      } else {
        runs.append(Run(row: row, index: index, weight: 1))
      }
    }
  }

  init(_ samples: [ResizeFilter.Samples?]) {
    for (row, sample) in samples.enumerated() {
      guard let sample else { continue }
      for (index, weight) in zip(sample.indices, sample.weights) {
        runs.append(Run(row: row, index: index, weight: weight))
      }
    }
  }

  /// Adds `count` columns of rows `rowStride` apart.
  fileprivate func add<T: RealElement>(
    _ from: UnsafePointer<T>, _ to: UnsafeMutablePointer<T>, rowStride: Int, count: Int
  ) {
    runs.withUnsafeBufferPointer { runs in
      for run in runs {
        let (source, target, weight) = (from + run.row * rowStride, to + run.index * rowStride, T(run.weight))
        if run.count == 1 || count == rowStride {
          // Whole rows of a run lie one after another.
          let length = run.count == 1 ? count : run.count * rowStride
          for offset in 0..<length { target[offset] += weight * source[offset] }
        } else {
          for row in 0..<run.count {
            for column in row * rowStride..<row * rowStride + count { target[column] += weight * source[column] }
          }
        }
      }
    }
  }
}
