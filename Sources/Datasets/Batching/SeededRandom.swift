import Glibc

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
public struct SplitMix64: Sendable {
  private var state: UInt64

  public init(state: UInt64) { self.state = state }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// Random numbers that depend on nothing but a seed: xoshiro256** (Blackman and Vigna 2018).
///
/// Draws are written out here, since the standard library may change how it makes a number of a range.
public struct SeededRandom: Sendable {
  private var words: (UInt64, UInt64, UInt64, UInt64)

  /// The generator with these four words of state, not all zero.
  public init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

  /// The stream that belongs to `keys`, for example a seed, a purpose and an epoch.
  ///
  /// Each key is exclusive-ored into the last output of SplitMix64, which starts the next; four more outputs are
  /// the state.
  public init(_ keys: UInt64...) {
    var state: UInt64 = 0
    for key in keys {
      var mixer = SplitMix64(state: state ^ key)
      state = mixer.next()
    }
    var filler = SplitMix64(state: state)
    words = (filler.next(), filler.next(), filler.next(), filler.next())
  }

  public mutating func next() -> UInt64 {
    let product = words.1 &* 5
    let result = (product << 7 | product >> 57) &* 9
    let shifted = words.1 << 17
    words.2 ^= words.0
    words.3 ^= words.1
    words.1 ^= words.2
    words.0 ^= words.3
    words.2 ^= shifted
    words.3 = words.3 << 45 | words.3 >> 19
    return result
  }

  /// An integer of 0..<`limit`, each equally likely (Lemire, "Fast random integer generation in an interval", 2019).
  public mutating func integer(below limit: Int) -> Int {
    precondition(limit > 0, "no integer lies below \(limit)")
    let limit = UInt64(limit)
    var product = next().multipliedFullWidth(by: limit)
    if product.low < limit {
      let threshold = (0 &- limit) % limit
      while product.low < threshold { product = next().multipliedFullWidth(by: limit) }
    }
    return Int(product.high)
  }

  /// A multiple of 2^-53 in [0, 1), each equally likely.
  public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// A number of [`low`, `high`).
  public mutating func number(from low: Double, to high: Double) -> Double { low + (high - low) * unit() }

  /// A normally distributed number of mean 0 and deviation 1 (Box and Muller 1958, the cosine half).
  public mutating func normal() -> Double {
    let radius = (-2 * log(1 - unit())).squareRoot()
    return radius * cos(2 * .pi * unit())
  }

  /// The numbers 0..<`count` in random order (Fisher and Yates, as Durstenfeld wrote it in 1964).
  public mutating func permutation(of count: Int) -> [Int] {
    var order = [Int](0..<count)
    shuffle(&order)
    return order
  }

  /// Puts `elements` in random order.
  public mutating func shuffle<Element>(_ elements: inout [Element]) {
    for last in stride(from: elements.count - 1, to: 0, by: -1) {
      elements.swapAt(last, integer(below: last + 1))
    }
  }
}

/// What a stream of random numbers is for, so that no two uses of one seed share numbers.
enum RandomPurpose: UInt64 {
  case order = 1
  case split = 2
  case augmentation = 3
  case mixing = 4
}
