import COpenBLAS

/// Products of Float matrices by BLAS.
public enum MatrixProduct {
  /// A row-major matrix in memory, read as it lies or transposed.
  public struct Operand {
    /// The first element.
    public var base: UnsafePointer<Float>
    /// Elements from one stored row to the next; at least the stored row's length.
    public var rowStride: Int
    /// Whether the product uses the transpose of what is stored.
    public var isTransposed: Bool

    public init(_ base: UnsafePointer<Float>, rowStride: Int, isTransposed: Bool = false) {
      self.base = base
      self.rowStride = rowStride
      self.isTransposed = isTransposed
    }
  }

  /// Greatest extent or stride of a matrix: BLAS counts in 32 bits.
  public static let maximumExtent = Int(Int32.max)

  /// Threads that BLAS uses, in the whole process; at least 1.
  ///
  /// The order of a sum, and so its last bits, may depend on the number of threads.
  public static var threadCount: Int {
    get { Int(openblas_get_num_threads()) }
    set { openblas_set_num_threads(Int32(clamping: max(newValue, 1))) }
  }

  /// target = alpha * left * right + beta * target.
  ///
  /// After transposition, `left` is `rows` x `depth`, `right` is `depth` x `columns` and `target` is
  /// `rows` x `columns`, its rows `targetRowStride` elements apart. Every extent and stride is at most
  /// `maximumExtent`. With `beta` 0 the target's former contents are not read.
  public static func multiply(
    rows: Int, columns: Int, depth: Int, alpha: Float = 1, left: Operand, right: Operand, beta: Float = 0,
    target: UnsafeMutablePointer<Float>, targetRowStride: Int
  ) {
    guard rows > 0, columns > 0 else { return }
    guard depth > 0 else {
      // BLAS wants strides of at least 1, which an empty operand has not.
      for row in 0..<rows {
        for column in 0..<columns {
          let index = row * targetRowStride + column
          target[index] = beta == 0 ? 0 : beta * target[index]
        }
      }
      return
    }
    cblas_sgemm(
      CblasRowMajor, left.isTransposed ? CblasTrans : CblasNoTrans, right.isTransposed ? CblasTrans : CblasNoTrans,
      Int32(rows), Int32(columns), Int32(depth), alpha, left.base, Int32(max(left.rowStride, 1)), right.base,
      Int32(max(right.rowStride, 1)), beta, target, Int32(max(targetRowStride, 1)))
  }
}
