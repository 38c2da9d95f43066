/// Matrices whose rows or columns are orthonormal.
enum OrthogonalMatrix {
  /// Row-major, drawn uniformly among the matrices whose shorter side is orthonormal.
  ///
  /// Gram and Schmidt's method on normal deviates, each vector freed twice of those before it, which leaves
  /// them orthogonal to the last bits of a Double ("twice is enough": Giraud, Langou and Rozloznik 2005).
  static func drawn(rows: Int, columns: Int, from stream: inout ParameterStream) -> [Double] {
    let (count, length) = (min(rows, columns), max(rows, columns))
    var vectors = (0..<count * length).map { _ in stream.normal() }
    vectors.withUnsafeMutableBufferPointer { vectors in
      for index in 0..<count { orthonormalize(vectors, index, length: length, &stream) }
    }
    guard rows > columns else { return vectors }
    return (0..<rows * columns).map { vectors[$0 % columns * length + $0 / columns] }
  }

  /// Makes vector `index` a unit one, orthogonal to those before it.
  private static func orthonormalize(
    _ vectors: UnsafeMutableBufferPointer<Double>, _ index: Int, length: Int, _ stream: inout ParameterStream
  ) {
    let vector = UnsafeMutableBufferPointer(rebasing: vectors[index * length..<(index + 1) * length])
    while true {
      for _ in 0..<2 {
        for earlier in 0..<index {
          let other = UnsafeMutableBufferPointer(rebasing: vectors[earlier * length..<(earlier + 1) * length])
          let share = product(vector, other)
          for element in 0..<length { vector[element] -= share * other[element] }
        }
      }
      let norm = product(vector, vector).squareRoot()
      // What is left of a deviate that lay in the others' span is rounding: draw again. A length of 1 can be short
      // by chance alone.
      if norm > 1e-8 {
        for element in 0..<length { vector[element] /= norm }
        return
      }
      for element in 0..<length { vector[element] = stream.normal() }
    }
  }

  /// Lane i of 4 adds the elements i mod 4.
  private static func product(
    _ left: UnsafeMutableBufferPointer<Double>, _ right: UnsafeMutableBufferPointer<Double>
  ) -> Double {
    var lanes = SIMD4<Double>()
    let whole = left.count & ~3
    for start in stride(from: 0, to: whole, by: 4) {
      for lane in 0..<4 { lanes[lane] += left[start + lane] * right[start + lane] }
    }
    for element in whole..<left.count { lanes[element - whole] += left[element] * right[element] }
    return lanes[0] + lanes[1] + (lanes[2] + lanes[3])
  }
}
