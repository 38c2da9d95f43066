import HostTensors

/// A row-major matrix in memory, read as it lies or transposed.
struct MatrixRows<T> {
  var base: UnsafePointer<T>
  /// Elements from one stored row to the next.
  var rowStride: Int
  var isTransposed = false

  init(_ base: UnsafePointer<T>, rowStride: Int, isTransposed: Bool = false) {
    self.base = base
    self.rowStride = rowStride
    self.isTransposed = isTransposed
  }
}

/// A float type with a matrix product of its own precision.
protocol ProductElement: RealElement {
  /// target = left * right, or target + left * right where `adds`; extents are those after transposition.
  static func multiply(
    rows: Int, columns: Int, depth: Int, left: MatrixRows<Self>, right: MatrixRows<Self>, adds: Bool,
    target: UnsafeMutablePointer<Self>, targetRowStride: Int)
}

extension Float: ProductElement {
  static func multiply(
    rows: Int, columns: Int, depth: Int, left: MatrixRows<Float>, right: MatrixRows<Float>, adds: Bool,
    target: UnsafeMutablePointer<Float>, targetRowStride: Int
  ) {
    MatrixProduct.multiply(
      rows: rows, columns: columns, depth: depth,
      left: .init(left.base, rowStride: left.rowStride, isTransposed: left.isTransposed),
      right: .init(right.base, rowStride: right.rowStride, isTransposed: right.isTransposed), beta: adds ? 1 : 0,
      target: target, targetRowStride: targetRowStride)
  }
}

extension Double: ProductElement {
  static func multiply(
    rows: Int, columns: Int, depth: Int, left: MatrixRows<Double>, right: MatrixRows<Double>, adds: Bool,
    target: UnsafeMutablePointer<Double>, targetRowStride: Int
  ) {
    let leftStrides = left.isTransposed ? (1, left.rowStride) : (left.rowStride, 1)
    let rightStrides = right.isTransposed ? (1, right.rowStride) : (right.rowStride, 1)
    for row in 0..<rows {
      for column in 0..<columns {
        var sum = adds ? target[row * targetRowStride + column] : 0
        for k in 0..<depth {
          sum +=
            left.base[row * leftStrides.0 + k * leftStrides.1]
            * right.base[k * rightStrides.0 + column * rightStrides.1]
        }
        target[row * targetRowStride + column] = sum
      }
    }
  }
}
