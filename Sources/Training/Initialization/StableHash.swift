/// FNV-1a in 64 bits: the same on every machine and in every run.
struct StableHash {
  private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

  mutating func add(_ text: String) { for byte in text.utf8 { add(byte) } }
  mutating func add(_ bytes: UnsafeRawBufferPointer) { for byte in bytes { add(byte) } }
  private mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }

  var text: String { String(value, radix: 16) }
}
