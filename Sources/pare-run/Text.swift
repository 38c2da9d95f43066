import CLinux

/// Output under construction: UTF-8 bytes, written in one go.
///
/// A class whose primitives are not inlined, because the sentences of all errors would each contain them.
final class Text {
  private(set) var bytes: [UInt8] = []

  @inline(never)
  func add(byte: UInt8) { bytes.append(byte) }

  @inline(never)
  func add(_ text: StaticString) {
    add(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  @inline(never)
  func add(_ text: UnsafeRawBufferPointer) {
    for byte in text { add(byte: byte) }
  }

  /// Text from a file or the command line; control characters, which could command a terminal, as `?`.
  @inline(never)
  func addForeign(_ text: UnsafeRawBufferPointer) {
    for byte in text { add(byte: byte < 0x20 || byte == 0x7f ? UInt8(ascii: "?") : byte) }
  }

  @inline(never)
  func add(_ number: UInt64) {
    var place: UInt64 = 1
    while number / place >= 10 { place *= 10 }
    while place > 0 {
      add(byte: 0x30 + UInt8(truncatingIfNeeded: number / place % 10))
      place /= 10
    }
  }

  @inline(never)
  func add(_ number: Int) {
    if number < 0 { add(byte: UInt8(ascii: "-")) }
    add(UInt64(number.magnitude))
  }

  func add(_ number: UInt32) { add(UInt64(number)) }

  @inline(never)
  func addHexadecimal(_ number: UInt32) {
    for place in 0..<8 {
      let digit = UInt8(truncatingIfNeeded: number >> UInt32(28 - 4 * place) & 15)
      add(byte: digit < 10 ? 0x30 + digit : 0x57 + digit)
    }
  }

  /// Nanoseconds as microseconds with three decimals.
  func addMicroseconds(_ nanoseconds: UInt64) { addFixed(nanoseconds, decimals: 3) }

  /// `number` / 10^decimals.
  private func addFixed(_ number: UInt64, decimals: Int) {
    var unit: UInt64 = 1
    for _ in 0..<decimals { unit *= 10 }
    add(number / unit)
    add(byte: UInt8(ascii: "."))
    var rest = number % unit
    for _ in 0..<decimals {
      unit /= 10
      add(byte: 0x30 + UInt8(truncatingIfNeeded: rest / unit))
      rest %= unit
    }
  }

  /// A float with six decimals; `inf` and `nan` where it is none, `huge` where it has no room.
  func add(_ value: Float) {
    if value != value { return add("nan") }
    if value < 0 { add(byte: UInt8(ascii: "-")) }
    let magnitude = value.magnitude
    if magnitude == .infinity { return add("inf") }
    guard magnitude < 1e12 else { return add("huge") }
    addFixed(UInt64(Double(magnitude) * 1_000_000 + 0.5), decimals: 6)
  }

  /// A JSON string of text from a file; bytes that are not UTF-8 as `?`.
  func addJSON(_ text: UnsafeRawBufferPointer) {
    add(byte: 0x22)
    var index = 0
    while index < text.count {
      let length = Text.scalarLength(text, index)
      if length == 1 {
        addJSONByte(text[index])
      } else if length > 1 {
        add(UnsafeRawBufferPointer(rebasing: text[index..<index + length]))
      } else {
        add(byte: UInt8(ascii: "?"))
      }
      index += max(length, 1)
    }
    add(byte: 0x22)
  }

  private func addJSONByte(_ byte: UInt8) {
    if byte < 0x20 {
      add("\\u00")
      add(byte: 0x30 + byte >> 4)
      let low = byte & 15
      add(byte: low < 10 ? 0x30 + low : 0x57 + low)
    } else {
      if byte == 0x22 || byte == 0x5c { add(byte: 0x5c) }
      add(byte: byte)
    }
  }

  /// Bytes of the well-formed UTF-8 scalar at `index`, 0 where there is none (Unicode 16, table 3-7).
  private static func scalarLength(_ text: UnsafeRawBufferPointer, _ index: Int) -> Int {
    let lead = text[index]
    if lead < 0x80 { return 1 }
    let length = lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0
    guard length > 0, text.count - index >= length else { return 0 }
    let second = text[index + 1]
    let least: UInt8 = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80
    let greatest: UInt8 = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf
    guard second >= least, second <= greatest else { return 0 }
    for position in index + 2..<index + max(length, 2) where text[position] & 0xc0 != 0x80 { return 0 }
    return length
  }

  /// Writes everything to a descriptor: 1 output, 2 errors.
  func write(to descriptor: Int32) throws(Failure) {
    let status = bytes.withUnsafeBytes { pare_write(descriptor, $0.baseAddress, $0.count) }
    if status != 0 { throw .file(.writing, nil, status) }
  }
}
