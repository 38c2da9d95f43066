import Foundation

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere for one seed.
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func below(_ limit: Int) -> Int { limit <= 1 ? 0 : Int(next() % UInt64(limit)) }
}

/// Damage to bytes: flips, cuts, splices and numbers chosen to break arithmetic.
struct Mutation {
  var random: SplitMix64

  /// One to four random injuries.
  mutating func damage(_ bytes: [UInt8], donor: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for _ in 0...random.below(4) {
      guard !bytes.isEmpty else { break }
      switch random.below(6) {
      case 0: bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8))
      case 1: bytes[random.below(bytes.count)] = UInt8(random.below(256))
      case 2: bytes.removeLast(random.below(bytes.count) + 1)
      case 3: splice(&bytes, donor)
      case 4: bytes.remove(at: random.below(bytes.count))
      default: overwriteWord(&bytes)
      }
    }
    return bytes
  }

  /// Changes whole 32-bit words: what the records of a program are made of.
  mutating func damageWords(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for _ in 0...random.below(3) where bytes.count >= 4 {
      let offset = random.below(bytes.count / 4) * 4
      let old = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[offset + $1]) << (8 * UInt32($1)) }
      let word = interestingWord(near: old)
      for byte in 0..<4 { bytes[offset + byte] = UInt8(truncatingIfNeeded: word >> (8 * UInt32(byte))) }
    }
    return bytes
  }

  private mutating func interestingWord(near old: UInt32) -> UInt32 {
    switch random.below(8) {
    case 0: old &+ 1
    case 1: old &- 1
    case 2: old &* 2
    case 3: 0
    case 4: 0x7FFF_FFFF
    case 5: 0xFFFF_FFFF
    case 6: 1 << UInt32(random.below(32))
    default: UInt32(random.below(64))
    }
  }

  private mutating func overwriteWord(_ bytes: inout [UInt8]) {
    let offset = random.below(bytes.count)
    let word = interestingWord(near: 0)
    for byte in 0..<4 where offset + byte < bytes.count {
      bytes[offset + byte] = UInt8(truncatingIfNeeded: word >> (8 * UInt32(byte)))
    }
  }

  private mutating func splice(_ bytes: inout [UInt8], _ donor: [UInt8]) {
    guard !donor.isEmpty else { return }
    let start = random.below(donor.count)
    let length = min(random.below(64) + 1, donor.count - start)
    let place = random.below(bytes.count)
    let end = min(bytes.count, place + length)
    bytes.replaceSubrange(place..<end, with: donor[start..<start + length])
  }
}
