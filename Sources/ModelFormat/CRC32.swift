/// CRC-32 as in zlib and IEEE 802.3: reflected polynomial 0xEDB88320, initial and final inversion.
///
/// Four bits at a time over a 16-entry table: small enough for the device, fast enough for one pass at load.
public struct CRC32: Sendable {
  private var state: UInt32 = 0xFFFF_FFFF

  public init() {}

  public var value: UInt32 { ~state }

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    var crc = state
    for byte in bytes {
      crc ^= UInt32(byte)
      crc = (crc >> 4) ^ CRC32.entry(crc & 15)
      crc = (crc >> 4) ^ CRC32.entry(crc & 15)
    }
    state = crc
  }

  public static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var crc = CRC32()
    crc.update(bytes)
    return crc.value
  }

  /// The remainder of the four bits `index`: the table computed from the polynomial, kept inline.
  @inline(__always)
  private static func entry(_ index: UInt32) -> UInt32 {
    table[Int(index)]
  }

  private static let table: InlineArray<16, UInt32> = [
    0x0000_0000, 0x1DB7_1064, 0x3B6E_20C8, 0x26D9_30AC, 0x76DC_4190, 0x6B6B_51F4, 0x4DB2_6158, 0x5005_713C,
    0xEDB8_8320, 0xF00F_9344, 0xD6D6_A3E8, 0xCB61_B38C, 0x9B64_C2B0, 0x86D3_D2D4, 0xA00A_E278, 0xBDBD_F21C,
  ]
}
