/// How the elements of a coded tensor become symbols.
public enum ElementForm: UInt32, Sendable, CaseIterable {
  /// A table of at most 256 elements and a place in it for every element; zeros, if any, by a flag of their own.
  case palette = 0
  /// Bytes that are small numbers around zero, such as int8 weights.
  case small = 1
  /// The bytes of each element from the most significant down.
  case wide = 2
}

/// How one tensor is coded: what a writer chooses and a reader finds before the elements.
public struct ElementPlan: Sendable, Equatable {
  public var form: ElementForm
  /// Elements of one output, for `.palette` and `.small`: what stands above an element is this far before it.
  public var rowLength: Int
  /// How far before an element another stands that resembles it, for `.palette`: the pixel above, the same channel.
  public var distance: Int
  /// The bytes of the elements, one behind the other, for `.palette`.
  public var palette: [UInt8]

  public init(_ form: ElementForm, rowLength: Int = 1, distance: Int = 1, palette: [UInt8] = []) {
    self.form = form
    self.rowLength = rowLength
    self.distance = distance
    self.palette = palette
  }
}

/// Codes arrays of elements through one model, which keeps what it has learnt from array to array.
///
/// A coder that reads fills the bytes; a coder that writes finds them there and leaves them so.
public struct ElementCoder<Coder: BitCoder & ~Copyable>: ~Copyable {
  public var coder: Coder
  var mixer: ContextMixer
  /// Tensors begun: contexts of rows and columns are those of one tensor.
  var tensorNumber: UInt32 = 0

  public init(_ coder: consuming Coder) {
    self.coder = coder
    mixer = ContextMixer()
  }

  /// A coder that begins with what `other` has learnt.
  public init<Other: BitCoder & ~Copyable>(_ coder: consuming Coder, learntFrom other: borrowing ElementCoder<Other>) {
    self.coder = coder
    mixer = ContextMixer(copying: other.mixer)
    tensorNumber = other.tensorNumber
  }

  /// Ends the coding.
  public consuming func finish() -> Coder { coder }

  /// Codes a tensor of `bytes.count / width` elements, at least one, with the plan in front.
  ///
  /// Errors: `.badNumber`, `.truncated`, when reading.
  public mutating func codeTensor(
    _ bytes: UnsafeMutableRawBufferPointer, width: Int, _ plan: inout ElementPlan
  ) throws(CodingError) {
    tensorNumber &+= 1
    let count = bytes.count / width
    let form = codeFlat(plan.form.rawValue, bits: 2)
    guard let form = ElementForm(rawValue: form) else { throw .badNumber(found: Int(form)) }
    plan.form = form
    switch form {
    case .wide: return try codeArray(bytes, width: width)
    // An executable of one model has the forms of its tensors only: the rest of this is most of the decoder.
    #if !PARE_SELECT_STEPS || PARE_CODED_SMALL
      case .small:
        guard width == 1 else { throw .badNumber(found: width) }
        plan.rowLength = try codeCount(plan.rowLength, limit: count)
        return try codeSmall(bytes, plan.rowLength)
    #endif
    #if !PARE_SELECT_STEPS || PARE_CODED_PALETTE
      case .palette:
        plan.rowLength = try codeCount(plan.rowLength, limit: count)
        plan.distance = try codeCount(plan.distance, limit: count)
        try codePalette(&plan.palette, width: width)
        return try codePlaces(bytes, width: width, plan)
    #endif
    #if PARE_SELECT_STEPS && !(PARE_CODED_SMALL && PARE_CODED_PALETTE)
      default: throw .badNumber(found: Int(form.rawValue))
    #endif
    }
  }

  /// The palette, as an array of elements.
  private mutating func codePalette(_ palette: inout [UInt8], width: Int) throws(CodingError) {
    let count = Int(codeFlat(UInt32(truncatingIfNeeded: palette.count / width &- 1), bits: 8)) + 1
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count &* width, alignment: 8)
    defer { bytes.deallocate() }
    if Coder.writes { bytes.copyBytes(from: palette) }
    try codeArray(bytes, width: width)
    if !Coder.writes { palette = [UInt8](bytes) }
  }

  /// The elements as places in the palette: coded in the first bytes, one each, which then spread to their width.
  private mutating func codePlaces(
    _ bytes: UnsafeMutableRawBufferPointer, width: Int, _ plan: ElementPlan
  ) throws(CodingError) {
    let places = bytes.baseAddress!
    let count = bytes.count / width
    let entries = plan.palette.count / width
    if Coder.writes {
      for element in 0..<count {
        let start = element &* width
        let place = (0..<entries).first { entry in
          (0..<width).allSatisfy { bytes[start &+ $0] == plan.palette[entry &* width &+ $0] }
        }
        bytes[element] = UInt8(truncatingIfNeeded: place ?? 0)
      }
    }
    let zero = (0..<entries).first { entry in
      (0..<width).allSatisfy { plan.palette[entry &* width &+ $0] == 0 }
    }
    if entries == 1 {
      UnsafeMutableRawBufferPointer(rebasing: bytes[0..<count]).initializeMemory(as: UInt8.self, repeating: 0)
    } else {
      try codePlaces(places.assumingMemoryBound(to: UInt8.self), count: count, entries: entries, zero: zero, plan)
    }
    // From the end, where nothing not yet read is written over.
    for element in (0..<count).reversed() {
      let entry = Int(bytes[element]) &* width
      for byte in 0..<width { bytes[element &* width &+ byte] = plan.palette[entry &+ byte] }
    }
  }

  /// `bits` bits that no model foresees.
  private mutating func codeFlat(_ value: UInt32, bits: Int) -> UInt32 {
    var result: UInt32 = 0
    for shift in (0..<bits).reversed() {
      result = result &<< 1 | coder.code(value &>> UInt32(shift) & 1, probability: 1 << 15)
    }
    return result
  }

  /// A number from 1 to `limit`: as many ones as it has bits behind the first, a zero, those bits.
  private mutating func codeCount(_ value: Int, limit: Int) throws(CodingError) -> Int {
    let bits = Int.bitWidth - 1 - value.leadingZeroBitCount
    var length = 0
    while codeFlat(length < bits ? 1 : 0, bits: 1) == 1 {
      length += 1
      guard length <= 30 else { throw .badNumber(found: length) }
    }
    let result = 1 << length | Int(codeFlat(UInt32(truncatingIfNeeded: value), bits: length))
    guard result <= limit else { throw .badNumber(found: result) }
    return result
  }

  /// A number below 2^`bits`, by the decisions of a tree; their weights are those from `set` on.
  @inline(__always)
  mutating func codeNumber(_ value: UInt32, bits: Int, set: Int) -> UInt32 {
    var node: UInt32 = 1
    for depth in 0..<bits {
      let bit = value &>> UInt32(truncatingIfNeeded: bits &- 1 &- depth) & 1
      node = node &<< 1 | mixer.code(bit, node: node, set: set &+ depth, rate: 3, &coder)
    }
    return node & ~(1 &<< UInt32(truncatingIfNeeded: bits))
  }
}

/// The binary digits of a number: 0 for 0.
@inline(__always)
func digits(_ value: UInt32) -> UInt32 { 32 &- UInt32(truncatingIfNeeded: value.leadingZeroBitCount) }
