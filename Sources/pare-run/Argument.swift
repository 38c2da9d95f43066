import CLinux

/// One argument of the command line; lives, unchanged, as long as the process.
struct Argument: @unchecked Sendable {
  let start: UnsafePointer<CChar>
  let count: Int

  init(_ start: UnsafePointer<CChar>) {
    self.start = start
    var length = 0
    while start[length] != 0 { length += 1 }
    count = length
  }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }

  func equals(_ text: StaticString) -> Bool { count == text.utf8CodeUnitCount && hasPrefix(text) }

  func hasPrefix(_ text: StaticString) -> Bool {
    guard count >= text.utf8CodeUnitCount else { return false }
    for index in 0..<text.utf8CodeUnitCount where bytes[index] != text.utf8Start[index] { return false }
    return true
  }

  /// The rest from `offset` on.
  func dropping(_ offset: Int) -> Argument { Argument(start + offset) }

  /// Where the first `=` stands.
  var equalsSign: Int? {
    for index in 0..<count where bytes[index] == UInt8(ascii: "=") { return index }
    return nil
  }

  /// A whole decimal number, nil for anything else or beyond `limit`.
  func number(upTo limit: Int) -> Int? {
    guard count > 0 else { return nil }
    var value = 0
    for byte in bytes {
      guard byte >= 0x30, byte <= 0x39 else { return nil }
      value = value * 10 + Int(byte - 0x30)
      if value > limit { return nil }
    }
    return value
  }
}
