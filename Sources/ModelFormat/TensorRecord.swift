import TensorTypes

/// Where a tensor's elements are and how they are stored: four words in the program section.
public struct TensorRecord: Equatable, Sendable {
  public enum Placement: UInt32, Sendable {
    /// In the arena, at `offset`.
    case arena = 0
    /// In the inflated weights section number `section`, at `offset`, element after element.
    case constant = 1
    /// The same, but all first bytes of the elements come first, then all second bytes, and so on.
    /// Bytes of one significance resemble each other, so DEFLATE meets them better.
    case constantBytePlanes = 2
    /// The next tensor of the network section's stream; section and offset are 0.
    case coded = 3
  }

  public var dtype: DType = .float32
  public var placement: Placement = .arena
  /// Ordinal of the weights section; 0 in the arena.
  public var section = 0
  public var count = 0
  public var offset = 0

  public init() {}
  public init(dtype: DType, placement: Placement, section: Int = 0, count: Int, offset: Int) {
    self.dtype = dtype
    self.placement = placement
    self.section = section
    self.count = count
    self.offset = offset
  }

  /// Bytes of the elements; nil when a hostile count overflows.
  public var byteCount: Int? {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: dtype.byteCount)
    return overflow ? nil : bytes
  }

  public mutating func code<C: WordCoder & ~Copyable>(_ coder: inout C) throws(FormatError) {
    var kind = UInt32(dtype.rawValue) | placement.rawValue << 8
    try coder.word(&kind)
    guard kind >> 16 == 0, let type = DType(rawValue: UInt8(kind & 0xFF)),
      let place = Placement(rawValue: kind >> 8)
    else { throw .unknownType(found: kind) }
    dtype = type
    placement = place
    try coder.count(&section)
    try coder.count(&count)
    try coder.count(&offset)
  }
}

/// An input or output of the network: its tensor and the extents the user sees.
public struct InterfaceRecord: Equatable, Sendable {
  public static var maximumRank: Int { 8 }

  public var tensor = TensorIndex.none
  public var rank = 0
  /// Extents as in the ONNX graph; entries from `rank` on are 1.
  public var shape: InlineArray<8, Int> = .init(repeating: 1)

  public init() {}

  public mutating func code<C: WordCoder & ~Copyable>(_ coder: inout C) throws(FormatError) {
    try coder.tensor(&tensor)
    try coder.count(&rank)
    guard rank <= InterfaceRecord.maximumRank else {
      throw .valueOutOfRange(found: UInt32(truncatingIfNeeded: rank))
    }
    for axis in 0..<rank { try coder.count(&shape[axis]) }
  }

  public static func == (left: InterfaceRecord, right: InterfaceRecord) -> Bool {
    guard left.tensor == right.tensor, left.rank == right.rank else { return false }
    for axis in 0..<left.rank where left.shape[axis] != right.shape[axis] { return false }
    return true
  }
}

/// Head of the program section: how many of each record follow, in this order.
public struct ProgramHeader: Equatable, Sendable {
  public var tensorCount = 0
  public var inputCount = 0
  public var outputCount = 0
  public var stepCount = 0

  public init() {}
  public init(tensorCount: Int, inputCount: Int, outputCount: Int, stepCount: Int) {
    self.tensorCount = tensorCount
    self.inputCount = inputCount
    self.outputCount = outputCount
    self.stepCount = stepCount
  }

  public mutating func code<C: WordCoder & ~Copyable>(_ coder: inout C) throws(FormatError) {
    try coder.count(&tensorCount)
    try coder.count(&inputCount)
    try coder.count(&outputCount)
    try coder.count(&stepCount)
  }
}

/// Head of a step: its code and how many words of fields follow.
public struct StepHeader: Sendable {
  public var code: StepCode
  public var words: Int

  public init(code: StepCode, words: Int) {
    self.code = code
    self.words = words
  }

  public static func read(_ reader: inout WordReader) throws(FormatError) -> StepHeader {
    let word = try reader.next()
    guard let code = StepCode(rawValue: UInt8(word & 0xFF)) else { throw .unknownStep(found: word & 0xFF) }
    return StepHeader(code: code, words: Int(word >> 8))
  }

  public var word: UInt32 { UInt32(code.rawValue) | UInt32(truncatingIfNeeded: words) << 8 }
}
