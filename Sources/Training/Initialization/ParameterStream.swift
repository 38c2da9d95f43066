import Datasets

/// The random numbers of one parameter: `SeededRandom` (xoshiro256** seeded by SplitMix64) under the keys seed
/// and FNV-1a hash of the name, so that they depend neither on other parameters nor on their order.
///
/// They are the same on every machine: the uniform ones are multiples of 2^-53, and the normal ones come from
/// these by operations that IEEE 754 rounds exactly, without the C library's logarithm or cosine.
package struct ParameterStream {
  private var random: SeededRandom
  /// The second deviate of the last pair.
  private var spareDeviate: Double?

  package init(seed: UInt64, name: String) {
    var hash = StableHash()
    hash.add(name)
    random = SeededRandom(seed, hash.value)
  }

  /// A number of [0, 1).
  package mutating func unit() -> Double { random.unit() }

  /// A deviate of mean 0 and variance 1: the polar method (Marsaglia and Bray 1964), two at a time.
  package mutating func normal() -> Double {
    if let spare = spareDeviate {
      spareDeviate = nil
      return spare
    }
    while true {
      let (x, y) = (2 * unit() - 1, 2 * unit() - 1)
      let square = x * x + y * y
      guard square > 0, square < 1 else { continue }
      let scale = (-2 * PortableMath.log(square) / square).squareRoot()
      spareDeviate = y * scale
      return x * scale
    }
  }
}
