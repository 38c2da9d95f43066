/// Head of the golden section: vectors of an input seed and a checksum for every step.
///
/// Words: vector count, input count, step count; for each input a scale and an offset (float32) and a
/// modulus; then for each vector its seed and, for each step, the CRC-32 of the step's output bytes.
public struct GoldenHeader: Equatable, Sendable {
  public var vectorCount = 0
  public var inputCount = 0
  public var stepCount = 0

  public init() {}
  public init(vectorCount: Int, inputCount: Int, stepCount: Int) {
    self.vectorCount = vectorCount
    self.inputCount = inputCount
    self.stepCount = stepCount
  }

  public mutating func code<C: WordCoder & ~Copyable>(_ coder: inout C) throws(FormatError) {
    try coder.count(&vectorCount)
    try coder.count(&inputCount)
    try coder.count(&stepCount)
  }
}

/// How a golden vector's random bytes become one input's elements: with r a byte of the generator,
/// float32 is Float(r) * scale + offset, an integer r modulo `modulus` (0: r itself).
public struct GoldenInput: Equatable, Sendable {
  public var scale: Float = 1
  public var offset: Float = 0
  public var modulus: UInt32 = 0

  public init() {}
  public init(scale: Float, offset: Float, modulus: UInt32) {
    self.scale = scale
    self.offset = offset
    self.modulus = modulus
  }

  public mutating func code<C: WordCoder & ~Copyable>(_ coder: inout C) throws(FormatError) {
    try coder.float(&scale)
    try coder.float(&offset)
    try coder.word(&modulus)
  }
}

/// Marsaglia's xorshift32 (Journal of Statistical Software 8(14), 2003); each step gives one byte.
public struct GoldenGenerator: Sendable {
  private var state: UInt32

  /// A seed of 0, on which xorshift would stand still, counts as 1.
  public init(seed: UInt32) { state = seed == 0 ? 1 : seed }

  public mutating func nextByte() -> UInt8 {
    state ^= state << 13
    state ^= state >> 17
    state ^= state << 5
    return UInt8(truncatingIfNeeded: state >> 24)
  }
}
