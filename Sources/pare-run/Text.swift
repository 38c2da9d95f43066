import CLinux

/// Output under construction: UTF-8 bytes, written in one go.
struct Text {
  private(set) var bytes: [UInt8] = []

  mutating func add(_ text: StaticString) {
    add(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  mutating func add(_ text: UnsafeRawBufferPointer) {
    for byte in text { bytes.append(byte) }
  }

  /// Text from a file or the command line; control characters, which could command a terminal, as `?`.
  mutating func addForeign(_ text: UnsafeRawBufferPointer) {
    for byte in text { bytes.append(byte < 0x20 || byte == 0x7f ? UInt8(ascii: "?") : byte) }
  }

  mutating func add(_ number: UInt64) {
    var place: UInt64 = 1
    while number / place >= 10 { place *= 10 }
    while place > 0 {
      bytes.append(0x30 + UInt8(truncatingIfNeeded: number / place % 10))
      place /= 10
    }
  }

  mutating func add(_ number: Int) {
    if number < 0 { bytes.append(UInt8(ascii: "-")) }
    add(UInt64(number.magnitude))
  }

  mutating func add(_ number: UInt32) { add(UInt64(number)) }

  mutating func addHexadecimal(_ number: UInt32) {
    for place in 0..<8 {
      let digit = UInt8(truncatingIfNeeded: number >> UInt32(28 - 4 * place) & 15)
      bytes.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
    }
  }

  /// Nanoseconds as microseconds with three decimals.
  mutating func addMicroseconds(_ nanoseconds: UInt64) { addFixed(nanoseconds, decimals: 3) }

  /// `number` / 10^decimals.
  private mutating func addFixed(_ number: UInt64, decimals: Int) {
    var unit: UInt64 = 1
    for _ in 0..<decimals { unit *= 10 }
    add(number / unit)
    bytes.append(UInt8(ascii: "."))
    var rest = number % unit
    for _ in 0..<decimals {
      unit /= 10
      bytes.append(0x30 + UInt8(truncatingIfNeeded: rest / unit))
      rest %= unit
    }
  }

  /// A float with six decimals; `inf` and `nan` where it is none, `huge` where it has no room.
  mutating func add(_ value: Float) {
    if value != value { return add("nan") }
    if value < 0 { bytes.append(UInt8(ascii: "-")) }
    let magnitude = value.magnitude
    if magnitude == .infinity { return add("inf") }
    guard magnitude < 1e12 else { return add("huge") }
    addFixed(UInt64(Double(magnitude) * 1_000_000 + 0.5), decimals: 6)
  }

  /// A JSON string of text from a file; bytes that are not UTF-8 as `?`.
  mutating func addJSON(_ text: UnsafeRawBufferPointer) {
    bytes.append(0x22)
    var index = 0
    while index < text.count {
      let length = Text.scalarLength(text, index)
      if length == 1 {
        addJSONByte(text[index])
      } else if length > 1 {
        add(UnsafeRawBufferPointer(rebasing: text[index..<index + length]))
      } else {
        bytes.append(UInt8(ascii: "?"))
      }
      index += max(length, 1)
    }
    bytes.append(0x22)
  }

  private mutating func addJSONByte(_ byte: UInt8) {
    if byte < 0x20 {
      add("\\u00")
      bytes.append(0x30 + byte >> 4)
      let low = byte & 15
      bytes.append(low < 10 ? 0x30 + low : 0x57 + low)
    } else {
      if byte == 0x22 || byte == 0x5c { bytes.append(0x5c) }
      bytes.append(byte)
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
