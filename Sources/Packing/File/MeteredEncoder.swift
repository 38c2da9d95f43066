import EntropyCoding
import Foundation

/// A bit encoder that counts what it writes in fractions of a bit.
struct MeteredEncoder: BitCoder, ~Copyable {
  private var encoder = BitEncoder()
  private(set) var bits = 0.0

  static var writes: Bool { true }
  var isExhausted: Bool { false }

  mutating func code(_ bit: UInt32, probability: UInt32) -> UInt32 {
    bits -= log2(Double(bit == 1 ? probability : 65_536 - probability) / 65_536)
    return encoder.code(bit, probability: probability)
  }

  consuming func finish() -> [UInt8] { encoder.finish() }
}
