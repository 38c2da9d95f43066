/// FNV-1a in 64 bits: the same on every machine and in every run.
package struct StableHash {
  package private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

  package init() {}

  package mutating func add(_ text: String) { for byte in text.utf8 { add(byte) } }
  package mutating func add(_ bytes: UnsafeRawBufferPointer) { for byte in bytes { add(byte) } }
  private mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }

  package var text: String { String(value, radix: 16) }
}
