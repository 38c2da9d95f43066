import HostTensors

/// The greatest of 2 x 2 elements at strides of 2, which nearly every pool of a small network is: no two windows
/// overlap, so the way back writes every element once.
struct PairPool {
  private let pool: PoolingWindow
  private var inputWidth: Int { pool.x.input }
  private var outputWidth: Int { pool.x.output }

  /// nil unless the window is one of 2 x 2 elements, all of them inside the input.
  init?(_ pool: PoolingWindow) {
    for axis in [pool.y, pool.x] {
      guard axis.kernel == 2, axis.stride == 2, axis.dilation == 1, axis.padBegin == 0, axis.output * 2 <= axis.input
      else { return nil }
    }
    guard pool.z == .unit else { return nil }
    self.pool = pool
  }

  /// The greatest elements, as tensor of `shape`.
  func maxima<T: NumericElement>(_ input: Tensor, _ shape: [Int], _: T.Type) -> Tensor {
    Tensor(uninitialized: shape, of: T.self) { values in
      forEachRow(input, T.self) { upper, lower, first in
        for index in 0..<outputWidth {
          values[first + index] = Self.greatest(upper, lower, index).value
        }
      }
    }
  }

  /// The greatest elements and which of the four they are: 0 and 1 in the upper row, 2 and 3 in the lower one.
  func winners<T: NumericElement>(_ input: Tensor, _ shape: [Int], _: T.Type) -> (values: Tensor, winners: Tensor) {
    var winners: Tensor?
    let values = Tensor(uninitialized: shape, of: T.self) { values in
      winners = Tensor(uninitialized: shape, of: UInt8.self) { winners in
        forEachRow(input, T.self) { upper, lower, first in
          for index in 0..<outputWidth {
            let (value, winner) = Self.greatest(upper, lower, index)
            values[first + index] = value
            winners[first + index] = winner
          }
        }
      }
    }
    return (values, winners ?? Tensor(shape: [0], elements: [UInt8]()))
  }

  /// The first of the greatest of four elements; a NaN is only less than what comes before it.
  @inline(__always)
  private static func greatest<T: NumericElement>(
    _ upper: UnsafePointer<T>, _ lower: UnsafePointer<T>, _ index: Int
  ) -> (value: T, winner: UInt8) {
    var (value, winner) = (upper[2 * index], UInt8(0))
    if upper[2 * index + 1] > value { (value, winner) = (upper[2 * index + 1], 1) }
    if lower[2 * index] > value { (value, winner) = (lower[2 * index], 2) }
    if lower[2 * index + 1] > value { (value, winner) = (lower[2 * index + 1], 3) }
    return (value, winner)
  }

  /// Calls `body` for each output row with the two input rows that it sees and the index of its first position.
  @inline(__always)
  private func forEachRow<T: NumericElement>(
    _ input: Tensor, _: T.Type, _ body: (_ upper: UnsafePointer<T>, _ lower: UnsafePointer<T>, _ first: Int) -> Void
  ) {
    input.withElements(as: T.self) { source in
      guard let source = source.baseAddress else { return }
      pool.forEachPlane(input.shape[0] * input.shape[1]) { plane in
        for row in 0..<pool.y.output {
          let upper = source + plane * pool.inputPlane + 2 * row * inputWidth
          body(upper, upper + inputWidth, plane * pool.outputPlane + row * outputWidth)
        }
      }
    }
  }

  /// The gradient by an input of `shape`, given that by the output.
  func gradient<T: RealElement>(_ shape: [Int], _ upstream: Tensor, _ winners: Tensor, _: T.Type) -> Tensor {
    Tensor(writing: shape, of: T.self) { target in
      upstream.withBase(as: T.self) { upstream in
        winners.withElements(as: UInt8.self) { winners in
          guard let winners = winners.baseAddress else { return }
          pool.forEachPlane(shape[0] * shape[1]) { plane in
            let to = target + plane * pool.inputPlane
            for row in 0..<pool.y.output {
              let first = plane * pool.outputPlane + row * outputWidth
              scatterRow(upstream + first, winners + first, to + 2 * row * inputWidth)
            }
            // A last row or column that no window sees.
            let rest = pool.y.input - 2 * pool.y.output
            (to + 2 * pool.y.output * inputWidth).update(repeating: 0, count: rest * inputWidth)
          }
        }
      }
    }
  }

  private func scatterRow<T: RealElement>(
    _ upstream: UnsafePointer<T>, _ winners: UnsafePointer<UInt8>, _ upper: UnsafeMutablePointer<T>
  ) {
    let lower = upper + inputWidth
    for index in 0..<outputWidth {
      let (value, winner) = (upstream[index], winners[index])
      upper[2 * index] = winner == 0 ? value : 0
      upper[2 * index + 1] = winner == 1 ? value : 0
      lower[2 * index] = winner == 2 ? value : 0
      lower[2 * index + 1] = winner == 3 ? value : 0
    }
    for index in 2 * outputWidth..<inputWidth { (upper[index], lower[index]) = (0, 0) }
  }
}
