import HostTensors

/// The singular values of a matrix and the singular vectors of its shorter side: A = U S V'.
///
/// One-sided Jacobi (Hestenes 1958; the rotation is Rutishauser's) on the triangular factor of a Householder QR, all
/// in Double and of + - * / and square roots alone: the same bits on every machine and for any number of threads,
/// since the pairs of a round share no vector. V is orthogonal to some 1e-14, and products with A are taken of A
/// itself, so that what truncation loses is the sum of the squares of the values that are left out.
package struct SingularDecomposition {
  /// The matrix has `rows` x `columns` elements.
  let rows: Int
  let columns: Int
  /// In descending order, as many as the shorter side has elements.
  package let values: [Double]
  /// The singular vectors of the shorter side, one after the other in the order of `values`.
  private let shortVectors: [Double]
  /// The matrix as vectors along its longer side, one for each element of the shorter one.
  private let longVectors: [Double]

  private var isTall: Bool { rows >= columns }
  private var shortCount: Int { min(rows, columns) }
  private var longCount: Int { max(rows, columns) }

  /// Rotations that make less than this of the cosine between two vectors are left out.
  private static let tolerance = 1e-13
  /// Convergence is quadratic: ten sweeps are usual.
  private static let mostSweeps = 40

  /// Decomposes the row-major `elements`.
  package init(rows: Int, columns: Int, elements: [Double]) {
    precondition(elements.count == rows * columns, "\(elements.count) elements for \(rows) x \(columns)")
    self.rows = rows
    self.columns = columns
    let short = min(rows, columns)
    let vectors = rows >= columns ? Self.transposed(elements, rows: rows, columns: columns) : elements
    longVectors = vectors
    var triangle = Self.triangle(vectors, count: short, length: max(rows, columns))
    var rotation = [Double](repeating: 0, count: short * short)
    for index in 0..<short { rotation[index * short + index] = 1 }
    Self.orthogonalize(&triangle, &rotation, count: short)
    let norms = (0..<short).map { vector in
      triangle[vector * short..<(vector + 1) * short].reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
    let order = (0..<short).sorted { (norms[$0], $1) > (norms[$1], $0) }
    values = order.map { norms[$0] }
    // Vector j of the rotation says how the vectors of the triangle combine to its left vector j.
    shortVectors = order.flatMap { rotation[$0 * short..<($0 + 1) * short] }
  }

  /// The sum of the squares of the elements.
  package var energy: Double { values.reduce(0) { $0 + $1 * $1 } }

  /// Row-major matrices of `rows` x `rank` and `rank` x `columns` whose product is nearest to A among those of
  /// `rank` (Eckart and Young 1936); both have the square roots of the singular values, so that neither is large.
  package func factors(rank: Int) -> (left: [Double], right: [Double]) {
    var long = [Double](repeating: 0, count: rank * longCount)
    var short = [Double](repeating: 0, count: rank * shortCount)
    long.withUnsafeMutableBufferPointer { long in
      for vector in 0..<rank where values[vector] > 0 {
        let root = values[vector].squareRoot()
        for index in 0..<shortCount {
          let share = shortVectors[vector * shortCount + index]
          short[vector * shortCount + index] = share * root
          let factor = share / root
          for position in 0..<longCount {
            long[vector * longCount + position] += factor * longVectors[index * longCount + position]
          }
        }
      }
    }
    return isTall
      ? (Self.transposed(long, rows: rank, columns: rows), short)
      : (Self.transposed(short, rows: rank, columns: rows), long)
  }

  private static func transposed(_ elements: [Double], rows: Int, columns: Int) -> [Double] {
    [Double](unsafeUninitializedCapacity: elements.count) { target, count in
      for column in 0..<columns {
        for row in 0..<rows { target[column * rows + row] = elements[row * columns + column] }
      }
      count = elements.count
    }
  }

  /// The upper triangle R of A = QR for A of `count` columns of `length`, as columns of `count` elements.
  private static func triangle(_ vectors: [Double], count: Int, length: Int) -> [Double] {
    var vectors = vectors
    var triangle = [Double](repeating: 0, count: count * count)
    vectors.withUnsafeMutableBufferPointer { vectors in
      let base = vectors.baseAddress!
      for index in 0..<count {
        let pivot = base + index * length + index
        let rest = length - index
        let norm = dot(pivot, pivot, rest).squareRoot()
        guard norm > 0 else { continue }
        // The sign that adds magnitudes: nothing is cancelled.
        let diagonal = pivot[0] > 0 ? -norm : norm
        pivot[0] -= diagonal
        let square = dot(pivot, pivot, rest)
        Parallel.forEachRange(count - index - 1, grain: max(1, (1 << 14) / rest)) { others in
          for other in others {
            let vector = base + (index + 1 + other) * length + index
            let factor = -2 * dot(pivot, vector, rest) / square
            for position in 0..<rest { vector[position] += factor * pivot[position] }
          }
        }
        for position in 0..<index { triangle[index * count + position] = base[index * length + position] }
        triangle[index * count + index] = diagonal
      }
    }
    return triangle
  }

  /// Rotates pairs of the `count` vectors of `count` elements until all are orthogonal, and `rotation` with them.
  private static func orthogonalize(_ vectors: inout [Double], _ rotation: inout [Double], count: Int) {
    let energy = vectors.reduce(0) { $0 + $1 * $1 }
    guard count > 1, energy > 0, energy.isFinite else { return }
    // What is left of vectors that depend on the others is noise and need not be orthogonal.
    let floor = energy * 1e-30
    let players = count + count % 2
    let grain = max(1, (1 << 13) / count)
    let flags = UnsafeMutablePointer<Bool>.allocate(capacity: players / 2)
    defer { flags.deallocate() }
    vectors.withUnsafeMutableBufferPointer { vectors in
      rotation.withUnsafeMutableBufferPointer { rotation in
        let (first, second) = (vectors.baseAddress!, rotation.baseAddress!)
        for _ in 0..<mostSweeps {
          var isRotated = false
          for round in 0..<players - 1 {
            Parallel.forEachRange(players / 2, grain: grain) { pairs in
              for pair in pairs {
                let (a, b) = opponents(pair, round, players)
                flags[pair] =
                  b < count
                  && rotate(first + a * count, first + b * count, count, floor) { c, s in
                    turn(second + a * count, second + b * count, count, c, s)
                  }
              }
            }
            for pair in 0..<players / 2 where flags[pair] { isRotated = true }
          }
          if !isRotated { return }
        }
      }
    }
  }

  /// The two of `players`, an even number, that meet in a round of a tournament (the circle method), smaller first.
  private static func opponents(_ pair: Int, _ round: Int, _ players: Int) -> (Int, Int) {
    let circle = players - 1
    guard pair > 0 else { return (min(round, circle), max(round, circle)) }
    let (a, b) = ((round + pair) % circle, (round - pair + circle) % circle)
    return (min(a, b), max(a, b))
  }

  /// Turns two vectors so that they become orthogonal; `also` is given cosine and sine. False where they are already.
  private static func rotate(
    _ a: UnsafeMutablePointer<Double>, _ b: UnsafeMutablePointer<Double>, _ count: Int, _ floor: Double,
    also: (Double, Double) -> Void
  ) -> Bool {
    let (aa, bb, ab) = (dot(a, a, count), dot(b, b, count), dot(a, b, count))
    guard abs(ab) > max(tolerance * (aa * bb).squareRoot(), floor) else { return false }
    let ratio = (bb - aa) / (2 * ab)
    let tangent = (ratio < 0 ? -1 : 1) / (abs(ratio) + (1 + ratio * ratio).squareRoot())
    let cosine = 1 / (1 + tangent * tangent).squareRoot()
    turn(a, b, count, cosine, cosine * tangent)
    also(cosine, cosine * tangent)
    return true
  }

  private static func turn(
    _ a: UnsafeMutablePointer<Double>, _ b: UnsafeMutablePointer<Double>, _ count: Int, _ c: Double, _ s: Double
  ) {
    for index in 0..<count {
      let (x, y) = (a[index], b[index])
      a[index] = c * x - s * y
      b[index] = s * x + c * y
    }
  }

  /// The sum of products in eight partial sums, which the compiler keeps in vectors.
  private static func dot(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int) -> Double {
    var sums = SIMD8<Double>.zero
    let whole = count & ~7
    for start in stride(from: 0, to: whole, by: 8) {
      let x = UnsafeRawPointer(a + start).loadUnaligned(as: SIMD8<Double>.self)
      let y = UnsafeRawPointer(b + start).loadUnaligned(as: SIMD8<Double>.self)
      sums += x * y
    }
    var sum = ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]))
    for index in whole..<count { sum += a[index] * b[index] }
    return sum
  }
}
