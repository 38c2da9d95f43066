/// The Adler-32 checksum of a buffer (RFC 1950, 8.2).
func adler32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
  let modulus: UInt32 = 65521
  var sum: UInt32 = 1
  var weighted: UInt32 = 0
  var start = 0
  while start < bytes.count {
    // 5552 is the greatest number of steps after which neither sum can have overflowed 32 bits.
    let end = min(start + 5552, bytes.count)
    for index in start..<end {
      sum &+= UInt32(bytes[index])
      weighted &+= sum
    }
    sum %= modulus
    weighted %= modulus
    start = end
  }
  return weighted << 16 | sum
}
