/// Reads or writes bits whose probabilities a model states.
///
/// What is coded lists its bits once; reading and writing are the same walk, so the two cannot disagree.
public protocol BitCoder: ~Copyable {
  /// Codes one bit, which is 1 with `probability` / 65536 (16 ... 65520), and returns it. A reader ignores `bit`.
  mutating func code(_ bit: UInt32, probability: UInt32) -> UInt32

  /// Whether the bits come from the caller.
  static var writes: Bool { get }

  /// Whether a reader has left its bytes behind: what it returns from there on means nothing.
  var isExhausted: Bool { get }
}

/// The interval that a binary arithmetic coder narrows with every bit (Witten, Neal, Cleary 1987, without carries):
/// the lower part stands for 1. Bytes in which both ends agree are settled and leave.
struct CodingInterval {
  private(set) var low: UInt32 = 0
  private(set) var high: UInt32 = .max

  /// The last position of the part that stands for 1.
  @inline(__always)
  func middle(_ probability: UInt32) -> UInt32 {
    low &+ UInt32(truncatingIfNeeded: (UInt64(high &- low) &* UInt64(probability)) &>> 16)
  }

  @inline(__always)
  mutating func narrow(to bit: UInt32, _ middle: UInt32) {
    if bit != 0 { high = middle } else { low = middle &+ 1 }
  }

  /// Whether the first byte is settled.
  @inline(__always)
  var isSettled: Bool { (low ^ high) < 1 << 24 }

  @inline(__always)
  mutating func shift() {
    low &<<= 8
    high = high &<< 8 | 255
  }
}

/// Reads bits from a stream; zeros follow its end.
public struct BitDecoder: BitCoder, ~Copyable {
  private let bytes: UnsafeRawBufferPointer
  private var interval = CodingInterval()
  private var value: UInt32 = 0
  /// Bytes taken; up to four more than there are.
  private var position = 0

  public init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    for _ in 0..<4 { takeByte() }
  }

  public mutating func code(_ bit: UInt32, probability: UInt32) -> UInt32 {
    let middle = interval.middle(probability)
    let bit: UInt32 = value <= middle ? 1 : 0
    interval.narrow(to: bit, middle)
    while interval.isSettled {
      interval.shift()
      takeByte()
    }
    return bit
  }

  private mutating func takeByte() {
    value = value &<< 8 | (position < bytes.count ? UInt32(bytes[position]) : 0)
    position &+= 1
  }

  public static var writes: Bool { false }
  public var isExhausted: Bool { position > bytes.count + 4 }

  /// Bytes that no bit depends on; a whole stream has none.
  public var unreadBytes: Int { max(0, bytes.count - position) }
}

/// Writes bits to a stream.
public struct BitEncoder: BitCoder, ~Copyable {
  private var interval = CodingInterval()
  private var bytes: [UInt8] = []

  public init() {}

  public mutating func code(_ bit: UInt32, probability: UInt32) -> UInt32 {
    interval.narrow(to: bit, interval.middle(probability))
    while interval.isSettled {
      bytes.append(UInt8(truncatingIfNeeded: interval.high >> 24))
      interval.shift()
    }
    return bit
  }

  public static var writes: Bool { true }
  public var isExhausted: Bool { false }

  /// The stream, ended with as few bytes as say which interval it was, given the zeros behind it.
  public consuming func finish() -> [UInt8] {
    for count in 0...4 {
      let rest = UInt64(1) << UInt64(32 - 8 * count)
      let value = (UInt64(interval.low) + rest - 1) / rest * rest
      guard value <= UInt64(interval.high) else { continue }
      return bytes + (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(24 - 8 * $0)) }
    }
    return bytes
  }
}

/// Why a coded stream was refused.
public enum CodingError: Error, Equatable, Sendable {
  /// The stream ends before what it shall hold.
  case truncated
  /// Bytes behind the last element.
  case trailingBytes(count: Int)
  /// A number that does not fit what it is for: a form, a row length, a place in a palette.
  case badNumber(found: Int)
  /// More elements than so few bytes can stand for.
  case tooLarge(count: Int)
}
