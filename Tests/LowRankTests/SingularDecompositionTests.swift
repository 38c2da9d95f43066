import HostTensors
import LowRank
import Testing

/// Properties that define the decomposition, on matrices drawn by a fixed generator.
struct SingularDecompositionTests {
  static func matrix(rows: Int, columns: Int, seed: UInt64 = 1) -> [Double] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(rows * 1000 + columns)
    return (0..<rows * columns).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(state >> 11) * 0x1p-52 - 1
    }
  }

  static func product(_ factors: (left: [Double], right: [Double]), rows: Int, columns: Int, rank: Int) -> [Double] {
    var product = [Double](repeating: 0, count: rows * columns)
    for row in 0..<rows {
      for index in 0..<rank {
        for column in 0..<columns {
          product[row * columns + column] += factors.left[row * rank + index] * factors.right[index * columns + column]
        }
      }
    }
    return product
  }

  static func squares(_ elements: some Sequence<Double>) -> Double { elements.reduce(0) { $0 + $1 * $1 } }

  @Test(arguments: [(1, 1), (1, 7), (7, 1), (5, 4), (4, 5), (30, 17), (16, 64), (65, 33)])
  func fullRankGivesTheMatrixBack(rows: Int, columns: Int) {
    let elements = Self.matrix(rows: rows, columns: columns)
    let decomposition = SingularDecomposition(rows: rows, columns: columns, elements: elements)
    let rank = min(rows, columns)
    let product = Self.product(decomposition.factors(rank: rank), rows: rows, columns: columns, rank: rank)
    // V is orthogonal to some 1e-14, elements are at most 1.
    for (a, b) in zip(elements, product) { #expect(abs(a - b) < 1e-12) }
    #expect(decomposition.values == decomposition.values.sorted(by: >))
    #expect(abs(decomposition.energy / Self.squares(elements) - 1) < 1e-13)
  }

  @Test(arguments: [1, 3, 8, 16])
  func whatTruncationLosesIsTheSumOfTheSquaresLeftOut(rank: Int) {
    let elements = Self.matrix(rows: 40, columns: 17)
    let decomposition = SingularDecomposition(rows: 40, columns: 17, elements: elements)
    let product = Self.product(decomposition.factors(rank: rank), rows: 40, columns: 17, rank: rank)
    let lost = Self.squares(zip(elements, product).lazy.map { $0 - $1 })
    #expect(abs(lost - Self.squares(decomposition.values.dropFirst(rank))) < 1e-12 * decomposition.energy)
  }

  /// numpy.linalg.svd of the same matrix.
  @Test func valuesAreThoseOfLAPACK() {
    let elements: [Double] = [2, -1, 0.5, 3, 0, 4, -2, 1, 1, 1, 7, -3.5, 0.25, -6, 2, 2, 5, 1]
    let expected = [11.110585739706076, 5.983868029042616, 3.051345265885459]
    let values = SingularDecomposition(rows: 6, columns: 3, elements: elements).values
    for (value, wanted) in zip(values, expected) { #expect(abs(value - wanted) < 1e-12) }
    #expect(values.count == 3)
  }

  @Test func dependentRowsHaveValuesOfZero() {
    // Rank 3 of 20: the other values are rounding noise, some 1e-16 of the greatest.
    let thin = Self.matrix(rows: 24, columns: 3)
    let wide = Self.matrix(rows: 3, columns: 20)
    let elements = Self.product((thin, wide), rows: 24, columns: 20, rank: 3)
    let values = SingularDecomposition(rows: 24, columns: 20, elements: elements).values
    #expect(values[2] > 0.1)
    for value in values.dropFirst(3) { #expect(value < 1e-13) }
    #expect(
      SingularDecomposition(rows: 4, columns: 3, elements: [Double](repeating: 0, count: 12)).values == [0, 0, 0])
  }

  @Test func theBitsDoNotDependOnTheNumberOfThreads() {
    let elements = Self.matrix(rows: 130, columns: 70)
    let threads = Parallel.threadCount
    defer { Parallel.threadCount = threads }
    var found: [[UInt64]] = []
    for count in [1, 2, 3] {
      Parallel.threadCount = count
      let decomposition = SingularDecomposition(rows: 130, columns: 70, elements: elements)
      let factors = decomposition.factors(rank: 20)
      found.append((decomposition.values + factors.left + factors.right).map(\.bitPattern))
    }
    #expect(found[0] == found[1] && found[0] == found[2])
  }
}
