import Foundation

/// Rewrites the calls of machine code from distances to places, which repeat and so compress better.
///
/// The unpacker does the opposite (`make_calls_relative`); both walk the same way, so that any bytes, code
/// or not, come back as they were.
enum AbsoluteCalls {
  /// The code of an executable segment, calls made absolute, by the ELF number of the architecture.
  static func made(in code: Data, machine: UInt16) -> Data {
    var bytes = [UInt8](code)
    switch machine {
    case 62: rewriteX86(&bytes)
    case 183: rewriteAArch64(&bytes)
    default: break
    }
    return Data(bytes)
  }

  /// Calls and jumps of 32 bits: opcode 0xe8 or 0xe9, then the distance.
  private static func rewriteX86(_ bytes: inout [UInt8]) {
    var position = 0
    while position + 5 <= bytes.count {
      guard bytes[position] & 0xfe == 0xe8 else {
        position += 1
        continue
      }
      store(load(bytes, position + 1) &+ UInt32(truncatingIfNeeded: position), &bytes, position + 1)
      position += 5
    }
  }

  /// The instruction `bl`: six bits of opcode, 26 of distance in words.
  private static func rewriteAArch64(_ bytes: inout [UInt8]) {
    for position in stride(from: 0, to: bytes.count - 3, by: 4) {
      let instruction = load(bytes, position)
      guard instruction >> 26 == 0x25 else { continue }
      let target = instruction &+ UInt32(truncatingIfNeeded: position / 4)
      store(instruction & 0xfc00_0000 | target & 0x03ff_ffff, &bytes, position)
    }
  }

  private static func load(_ bytes: [UInt8], _ position: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(bytes[position + $1]) << UInt32(8 * $1) }
  }

  private static func store(_ word: UInt32, _ bytes: inout [UInt8], _ position: Int) {
    for byte in 0..<4 { bytes[position + byte] = UInt8(truncatingIfNeeded: word >> UInt32(8 * byte)) }
  }
}
