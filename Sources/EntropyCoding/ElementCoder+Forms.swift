// The contexts of each form. docs/format.md gives them as a table; numbers are words that wrap at 2^32.

extension ElementCoder where Coder: ~Copyable {
  /// Codes the elements of an array byte by byte, the most significant first: numbers, records, text.
  ///
  /// Errors: `.truncated`, when reading.
  public mutating func codeArray(_ bytes: UnsafeMutableRawBufferPointer, width: Int) throws(CodingError) {
    // The words before, without what exceeds 32 bits.
    var (last, second, third): (UInt32, UInt32, UInt32) = (0, 0, 0)
    for element in 0..<bytes.count / width {
      if coder.isExhausted { throw .truncated }
      var word: UInt32 = 1
      for plane in (0..<width).reversed() {
        let place = element &* width &+ plane
        let role = UInt32(truncatingIfNeeded: width &<< 3 | plane)
        let before = element > 0 ? UInt32(bytes[place &- width]) : 0
        let known = word &* 0x2545_F491 &+ role
        let pair = last &* 0x9E37_79B1 ^ second &* 0x85EB_CA77
        mixer.contexts[0] = known
        mixer.contexts[1] = (word & 255) &<< 8 &+ role
        mixer.contexts[2] = before &<< 8 &+ role
        mixer.contexts[3] = known &* 31 &+ last &* 0x9E37_79B1
        mixer.contexts[4] = known &* 37 &+ pair
        mixer.contexts[5] = known &* 41 &+ pair &* 5 &+ third &* 0xC2B2_AE3D
        var node: UInt32 = 1
        for shift in (0..<8).reversed() {
          let bit = UInt32(bytes[place]) &>> UInt32(truncatingIfNeeded: shift) & 1
          node = node &<< 1 | mixer.code(bit, node: node, set: 17 &+ plane, rate: 10, &coder)
        }
        bytes[place] = UInt8(truncatingIfNeeded: node)
        word = word &<< 8 | node & 255
      }
      (third, second, last) = (second, last, word)
    }
  }

  /// Codes small signed bytes; how large their neighbours are says how large they may be.
  mutating func codeSmall(_ bytes: UnsafeMutableRawBufferPointer, _ rowLength: Int) throws(CodingError) {
    func magnitude(_ place: Int) -> UInt32 {
      place < 0 ? 0 : UInt32(Int8(bitPattern: bytes[place]).magnitude)
    }
    let salt: UInt32 = 3 << 28
    let tensor = salt &+ tensorNumber &<< 20
    var (row, column) = (0, 0)
    for place in 0..<bytes.count {
      if coder.isExhausted { throw .truncated }
      var (before, above): (UInt32, UInt32) = (0, 0)
      for step in 1...8 { before &+= magnitude(place &- step) }
      for step in 1...4 { above &+= magnitude(place &- step &* rowLength) }
      mixer.contexts[0] = salt
      mixer.contexts[1] = salt &+ digits(before) &<< 4 &+ digits(above)
      mixer.contexts[2] = tensor &+ UInt32(truncatingIfNeeded: column)
      mixer.contexts[3] = tensor &+ UInt32(truncatingIfNeeded: row)
      mixer.contexts[4] = salt &+ before &>> 4
      mixer.contexts[5] = salt &+ above &>> 3
      bytes[place] = UInt8(truncatingIfNeeded: codeNumber(UInt32(bytes[place] ^ 0x80), bits: 8, set: 9)) ^ 0x80
      column &+= 1
      if column == rowLength { (row, column) = (row &+ 1, 0) }
    }
  }

  /// Codes places in a palette of at least two entries: a flag where zero is among them, then which of the others.
  mutating func codePlaces(
    _ places: UnsafeMutablePointer<UInt8>, count: Int, entries: Int, zero: Int?, _ plan: ElementPlan
  ) throws(CodingError) {
    var walk = PaletteWalk(places, count: count, zero: zero ?? 0, plan, tensorNumber: tensorNumber)
    defer { walk.deallocate() }
    let others = entries &- (zero == nil ? 0 : 1)
    let bits = Int(digits(UInt32(truncatingIfNeeded: others &- 1)))
    for place in 0..<count {
      if coder.isExhausted { throw .truncated }
      let value = Int(places[place])
      var isOther: UInt32 = 1
      if let zero {
        walk.setFlagContexts(&mixer.contexts)
        isOther = mixer.code(value == zero ? 0 : 1, node: 1, set: 0, rate: 3, &coder)
      }
      var coded = zero ?? 0
      if isOther == 1 {
        walk.setValueContexts(&mixer.contexts)
        let above = zero.map { value > $0 ? 1 : 0 } ?? 0
        coded = Int(codeNumber(UInt32(truncatingIfNeeded: value &- above), bits: bits, set: 1))
        guard coded < others else { throw .badNumber(found: coded) }
        if let zero, coded >= zero { coded &+= 1 }
      }
      places[place] = UInt8(truncatingIfNeeded: coded)
      walk.advance(isOther)
    }
  }
}

/// The way through a tensor of places in a palette: what is known of row and column, and the contexts that follow.
private struct PaletteWalk {
  private let places: UnsafeMutablePointer<UInt8>
  /// The place of zero; 0 where there is none.
  private let zero: Int
  private let rowLength: Int
  private let distance: Int
  private let tensor: UInt32
  private var place = 0
  private var row: UInt32 = 0
  private var column = 0
  /// The last 32 flags of this row, 1 for what is not zero.
  private var history: UInt32 = 0
  private let memory: UnsafeMutableRawPointer
  /// By place: the flags so far. Zeros stand before the first.
  private let flags: UnsafeMutablePointer<UInt8>
  /// By column: how many were not zero in the rows so far. Zeros stand on either side.
  private let columnCounts: UnsafeMutablePointer<UInt32>

  init(_ places: UnsafeMutablePointer<UInt8>, count: Int, zero: Int, _ plan: ElementPlan, tensorNumber: UInt32) {
    self.places = places
    self.zero = zero
    rowLength = plan.rowLength
    distance = plan.distance
    tensor = tensorNumber &<< 20
    let countBytes = 4 &* (rowLength &+ 2 &* distance)
    let before = rowLength &+ distance &+ 2
    let byteCount = countBytes &+ before &+ count
    memory = .allocate(byteCount: byteCount, alignment: 8)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    columnCounts = memory.assumingMemoryBound(to: UInt32.self) + distance
    flags = (memory + (countBytes &+ before)).assumingMemoryBound(to: UInt8.self)
  }

  func deallocate() { memory.deallocate() }

  @inline(never)
  private func magnitude(_ place: Int) -> UInt32 {
    place < 0 ? 0 : UInt32(truncatingIfNeeded: (Int(places[place]) &- zero).magnitude)
  }

  func setFlagContexts(_ contexts: inout InlineArray<6, UInt32>) {
    func flag(_ distance: Int) -> UInt32 { UInt32(flags[place &- distance]) }
    let salt: UInt32 = 1 << 28
    let near = flag(1) | flag(distance) &<< 1 | flag(rowLength) &<< 2
    let corners = flag(2) &<< 3 | flag(rowLength &- 1) &<< 4 | flag(rowLength &+ 1) &<< 5
    let counts = columnCounts + column
    let own = counts[0]
    let around = counts[-1] &+ counts[1] &+ counts[-distance] &+ counts[distance] &+ own &* 2
    let population = UInt32(truncatingIfNeeded: history.nonzeroBitCount)
    let (density, neighbors) = row > 0 ? (own &* 8 / row, around &* 16 / row) : (9, 100)
    contexts[0] = salt
    contexts[1] = salt &+ (near | corners)
    contexts[2] = salt &+ tensor &+ UInt32(truncatingIfNeeded: column)
    contexts[3] = salt &+ tensor &+ row
    contexts[4] = salt &+ (digits(population) | digits(own) &<< 3 | density &<< 9)
    contexts[5] = salt &+ neighbors &<< 3 &+ near
  }

  func setValueContexts(_ contexts: inout InlineArray<6, UInt32>) {
    let salt: UInt32 = 2 << 28 &+ tensor
    let before = magnitude(place &- 1) &+ magnitude(place &- 2)
    let above = magnitude(place &- rowLength) &+ magnitude(place &- 2 &* rowLength)
    contexts[0] = salt
    contexts[1] = salt &+ digits(before)
    contexts[2] = salt &+ UInt32(truncatingIfNeeded: column)
    contexts[3] = salt &+ row
    contexts[4] = salt &+ (before &+ above) &>> 2
    contexts[5] = salt &+ (place > 0 ? UInt32(places[place &- 1]) : 0)
  }

  mutating func advance(_ isOther: UInt32) {
    flags[place] = UInt8(truncatingIfNeeded: isOther)
    place &+= 1
    history = history &<< 1 | isOther
    columnCounts[column] &+= isOther
    column &+= 1
    if column == rowLength { (row, column, history) = (row &+ 1, 0, 0) }
  }
}
