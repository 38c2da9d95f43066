import HostTensors

/// How one layer becomes two with a narrow value between them.
public enum FactorizationScheme: String, Sendable, Codable, CaseIterable {
  /// [K, N] as [K, r] and [r, N].
  case dense
  /// A convolution to r channels and one of 1 x 1 from these (Zhang et al. 2015, arXiv:1411.4229).
  case channel
  /// r filters of k x 1 and then of 1 x k (Jaderberg, Vedaldi and Zisserman 2014, arXiv:1405.3866).
  case spatial
}

/// One layer under one scheme: the matrix that is decomposed, and what each rank costs.
struct FactorizationCandidate: Sendable {
  var scheme: FactorizationScheme
  /// Extents of the matrix.
  var rows: Int
  var columns: Int
  /// Multiply-accumulates and parameters of the two layers for each rank; both grow with the rank alone.
  var multiplyAccumulatesPerRank: Int
  var parametersPerRank: Int { rows + columns }
  var fullRank: Int { min(rows, columns) }
}

extension FactorizationScheme {
  /// The weight as the matrix that this scheme decomposes, row-major.
  ///
  /// A dense weight is [K, N] or, where `isTransposed`, [N, K], which gives the transposed matrix; a kernel is
  /// [M, C, taps...].
  func matrix(of weight: Tensor) -> (rows: Int, columns: Int, elements: [Double]) {
    let shape = weight.shape
    let source = weight.floats
    switch self {
    case .dense: return (shape[0], shape[1], source.map(Double.init))
    case .channel: return (shape[0], shape.dropFirst().reduce(1, *), source.map(Double.init))
    case .spatial:
      let (filters, channels, height, width) = (shape[0], shape[1], shape[2], shape[3])
      var elements = [Double](repeating: 0, count: source.count)
      Self.eachTap(shape) { filter, channel, row, column, index in
        elements[(channel * height + row) * filters * width + filter * width + column] = Double(source[index])
      }
      return (channels * height, filters * width, elements)
    }
  }

  /// The weights of the two layers, in the layout of the one of `shape` that they stand for; first that which
  /// comes first in the network.
  func weights(
    _ factors: (left: [Double], right: [Double]), rank: Int, shape: [Int], isTransposed: Bool
  ) -> (first: Tensor, second: Tensor) {
    switch self {
    case .dense:
      let left = Tensor(shape: [shape[0], rank], elements: factors.left.map { Float($0) })
      let right = Tensor(shape: [rank, shape[1]], elements: factors.right.map { Float($0) })
      // Of a transposed weight the right factor meets the input.
      return isTransposed ? (right, left) : (left, right)
    case .channel:
      let points = [Int](repeating: 1, count: shape.count - 2)
      return (
        Tensor(shape: [rank] + shape.dropFirst(), elements: factors.right.map { Float($0) }),
        Tensor(shape: [shape[0], rank] + points, elements: factors.left.map { Float($0) })
      )
    case .spatial:
      let (filters, channels, height, width) = (shape[0], shape[1], shape[2], shape[3])
      var first = [Float](repeating: 0, count: rank * channels * height)
      for place in 0..<channels * height {
        for index in 0..<rank { first[index * channels * height + place] = Float(factors.left[place * rank + index]) }
      }
      var second = [Float](repeating: 0, count: filters * rank * width)
      for index in 0..<rank {
        for filter in 0..<filters {
          for column in 0..<width {
            second[(filter * rank + index) * width + column] = Float(
              factors.right[index * filters * width + filter * width + column])
          }
        }
      }
      return (
        Tensor(shape: [rank, channels, height, 1], elements: first),
        Tensor(shape: [filters, rank, 1, width], elements: second)
      )
    }
  }

  /// Calls `body` with filter, channel, row, column and the index of each element of a kernel [M, C, kh, kw].
  private static func eachTap(_ shape: [Int], _ body: (Int, Int, Int, Int, Int) -> Void) {
    var index = 0
    for filter in 0..<shape[0] {
      for channel in 0..<shape[1] {
        for row in 0..<shape[2] {
          for column in 0..<shape[3] {
            body(filter, channel, row, column, index)
            index += 1
          }
        }
      }
    }
  }
}
