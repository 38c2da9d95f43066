import COpenBLAS

/// An element type that BLAS multiplies matrices of.
public protocol MatrixElement: NumericElement, BinaryFloatingPoint {
  /// `MatrixProduct.multiply` in one piece on the calling thread; no extent is 0.
  static func blasProduct(
    rows: Int, columns: Int, depth: Int, alpha: Self, left: MatrixProduct.Operand<Self>,
    right: MatrixProduct.Operand<Self>, beta: Self, target: UnsafeMutablePointer<Self>, targetRowStride: Int)
}

/// Products of Float and Double matrices by BLAS.
///
/// BLAS itself runs on one thread. Large products are cut into parts of the target, whose extents depend
/// on those of the product alone, and the parts shared among threads (`Parallel`): so the result is the
/// same for any number of threads, and a product within a parallel loop stays on its thread.
public enum MatrixProduct {
  /// A row-major matrix in memory, read as it lies or transposed.
  public struct Operand<Element: MatrixElement> {
    /// The first element.
    public var base: UnsafePointer<Element>
    /// Elements from one stored row to the next; at least the stored row's length.
    public var rowStride: Int
    /// Whether the product uses the transpose of what is stored.
    public var isTransposed: Bool

    public init(_ base: UnsafePointer<Element>, rowStride: Int, isTransposed: Bool = false) {
      self.base = base
      self.rowStride = rowStride
      self.isTransposed = isTransposed
    }

    /// The operand without its first `rows` rows and `columns` columns, both counted after transposition.
    func dropping(rows: Int = 0, columns: Int = 0) -> Operand {
      let offset = isTransposed ? columns * rowStride + rows : rows * rowStride + columns
      return Operand(base + offset, rowStride: rowStride, isTransposed: isTransposed)
    }

    var order: CBLAS_TRANSPOSE { isTransposed ? CblasTrans : CblasNoTrans }
  }

  /// Greatest extent or stride of a matrix: BLAS counts in 32 bits.
  public static let maximumExtent = Int(Int32.max)

  /// target = alpha * left * right + beta * target.
  ///
  /// After transposition, `left` is `rows` x `depth`, `right` is `depth` x `columns` and `target` is
  /// `rows` x `columns`, its rows `targetRowStride` elements apart. Every extent and stride is at most
  /// `maximumExtent`. With `beta` 0 the target's former contents are not read.
  public static func multiply<Element: MatrixElement>(
    rows: Int, columns: Int, depth: Int, alpha: Element = 1, left: Operand<Element>, right: Operand<Element>,
    beta: Element = 0, target: UnsafeMutablePointer<Element>, targetRowStride: Int
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
    blasIsSingleThreaded
    let isCutByRows = rows >= columns
    let extent = isCutByRows ? rows : columns
    let step = partExtent(of: extent, work: rows * columns * depth)
    Parallel.forEach((extent + step - 1) / step) { part in
      let (first, count) = (part * step, min(step, extent - part * step))
      Element.blasProduct(
        rows: isCutByRows ? count : rows, columns: isCutByRows ? columns : count, depth: depth, alpha: alpha,
        left: isCutByRows ? left.dropping(rows: first) : left,
        right: isCutByRows ? right : right.dropping(columns: first), beta: beta,
        target: target + (isCutByRows ? first * targetRowStride : first), targetRowStride: targetRowStride)
    }
  }

  /// How many of `extent` rows or columns one part has: whole tiles of BLAS, and enough multiplications that
  /// another thread pays.
  private static func partExtent(of extent: Int, work: Int) -> Int {
    let parts = min(16, work >> 21, extent / 32)
    guard parts > 1 else { return extent }
    return ((extent + parts - 1) / parts + 15) & ~15
  }

  private static let blasIsSingleThreaded: Void = openblas_set_num_threads(1)
}

extension Float: MatrixElement {
  public static func blasProduct(
    rows: Int, columns: Int, depth: Int, alpha: Float, left: MatrixProduct.Operand<Float>,
    right: MatrixProduct.Operand<Float>, beta: Float, target: UnsafeMutablePointer<Float>, targetRowStride: Int
  ) {
    cblas_sgemm(
      CblasRowMajor, left.order, right.order, Int32(rows), Int32(columns), Int32(depth), alpha, left.base,
      Int32(max(left.rowStride, 1)), right.base, Int32(max(right.rowStride, 1)), beta, target,
      Int32(max(targetRowStride, 1)))
  }
}

extension Double: MatrixElement {
  public static func blasProduct(
    rows: Int, columns: Int, depth: Int, alpha: Double, left: MatrixProduct.Operand<Double>,
    right: MatrixProduct.Operand<Double>, beta: Double, target: UnsafeMutablePointer<Double>, targetRowStride: Int
  ) {
    cblas_dgemm(
      CblasRowMajor, left.order, right.order, Int32(rows), Int32(columns), Int32(depth), alpha, left.base,
      Int32(max(left.rowStride, 1)), right.base, Int32(max(right.rowStride, 1)), beta, target,
      Int32(max(targetRowStride, 1)))
  }
}
