import EntropyCoding
import Testing

/// SplitMix64, so that each case is the same everywhere.
private struct Numbers: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

private func words(_ values: [UInt64], width: Int) -> [UInt8] {
  values.flatMap { value in (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) } }
}

private func encoded(_ tensors: [(bytes: [UInt8], width: Int, plan: ElementPlan)]) throws -> [UInt8] {
  var coder = ElementCoder(BitEncoder())
  for var tensor in tensors {
    let before = tensor.bytes
    try tensor.bytes.withUnsafeMutableBytes { try coder.codeTensor($0, width: tensor.width, &tensor.plan) }
    // A writer leaves what it codes.
    #expect(tensor.bytes == before)
  }
  return coder.finish().finish()
}

/// The tensors of a stream, and the plans found there.
private func decoded(
  _ stream: [UInt8], _ sizes: [(count: Int, width: Int)]
) throws -> [(bytes: [UInt8], plan: ElementPlan)] {
  try stream.withUnsafeBytes { stream in
    var coder = ElementCoder(BitDecoder(stream))
    var tensors: [(bytes: [UInt8], plan: ElementPlan)] = []
    for (count, width) in sizes {
      // Not zeros: a reader may not depend on what it finds.
      var bytes = [UInt8](repeating: 0xA5, count: count * width)
      var plan = ElementPlan(.wide)
      try bytes.withUnsafeMutableBytes { try coder.codeTensor($0, width: width, &plan) }
      tensors.append((bytes, plan))
    }
    if coder.coder.isExhausted { throw CodingError.truncated }
    if coder.coder.unreadBytes > 0 { throw CodingError.trailingBytes(count: coder.coder.unreadBytes) }
    return tensors
  }
}

/// Elements that a form may trip over.
private enum Contents: String, CaseIterable {
  case zeros, ones, oneNonZero, sparse, sixteenValues, all256Values, floatsWithSignedZeroAndNaN, noise

  func values(_ count: Int, _ numbers: inout Numbers) -> [UInt64] {
    func any(_ values: [UInt64]) -> [UInt64] { (0..<count).map { _ in values.randomElement(using: &numbers)! } }
    switch self {
    case .zeros: return [UInt64](repeating: 0, count: count)
    case .ones: return [UInt64](repeating: 0x3F80_0000, count: count)
    case .oneNonZero: return (0..<count).map { $0 == count - 1 ? 7 : 0 }
    case .sparse: return (0..<count).map { _ in numbers.next() % 20 == 0 ? numbers.next() % 100 + 1 : 0 }
    case .sixteenValues: return any((0..<16).map { UInt64($0) * 0x0101_0101 })
    case .all256Values: return (0..<count).map { UInt64($0 % 256) }
    case .floatsWithSignedZeroAndNaN:
      return any([0, 0x8000_0000, 0x7FC0_0001, 0x7FC0_0002, 0xFF80_0000, 0x3F80_0000, 0xBF80_0000])
    case .noise: return (0..<count).map { _ in numbers.next() }
    }
  }
}

@Suite struct ElementCoderTests {
  /// Every plan that holds the elements.
  private func plans(_ values: [UInt64], width: Int, rowLength: Int) -> [ElementPlan] {
    var plans = [ElementPlan(.wide)]
    if width == 1 { plans.append(ElementPlan(.small, rowLength: rowLength)) }
    let palette = words(Set(values).sorted(), width: width)
    if palette.count <= 256 * width {
      for distance in [1, max(1, rowLength / 2)] {
        plans.append(ElementPlan(.palette, rowLength: rowLength, distance: distance, palette: palette))
      }
    }
    return plans
  }

  @Test(arguments: Contents.allCases, [1, 4, 8])
  fileprivate func everyFormGivesBackTheSameBytes(_ contents: Contents, width: Int) throws {
    var numbers = Numbers(state: 5)
    for count in [1, 2, 7, 255, 1001] {
      let mask: UInt64 = width == 8 ? .max : 1 << UInt64(8 * width) - 1
      let values = contents.values(count, &numbers).map { $0 & mask }
      let bytes = words(values, width: width)
      let rows = [1, 7, count].filter { $0 <= count }
      for plan in rows.flatMap({ plans(values, width: width, rowLength: $0) }) {
        let stream = try encoded([(bytes, width, plan)])
        let read = try decoded(stream, [(count, width)])
        #expect(read[0].bytes == bytes, "\(count) elements, \(plan.form)")
        #expect(read[0].plan.form == plan.form)
        #expect(read[0].plan.palette == plan.palette)
      }
    }
  }

  @Test func tensorsFollowEachOtherInOneStream() throws {
    var numbers = Numbers(state: 9)
    let a = words(Contents.sparse.values(600, &numbers).map { $0 & 0xFF }, width: 1)
    let b = words(Contents.noise.values(50, &numbers).map { $0 & 0xFFFF_FFFF }, width: 4)
    let plans = [
      (a, 1, ElementPlan(.small, rowLength: 20)), (b, 4, ElementPlan(.wide)),
      (a, 1, ElementPlan(.small, rowLength: 30)),
    ]
    let stream = try encoded(plans)
    #expect(try encoded(plans) == stream)
    let read = try decoded(stream, [(600, 1), (50, 4), (600, 1)])
    #expect(read.map(\.bytes) == [a, b, a])
  }

  @Test func everyCutIsRefused() throws {
    var numbers = Numbers(state: 3)
    let values = Contents.noise.values(200, &numbers).map { $0 & 0xFF }
    let stream = try encoded([(words(values, width: 1), 1, ElementPlan(.small, rowLength: 10))])
    for length in 0..<stream.count {
      // Zeros follow a stream's end, so the last bytes may be missed only where they are zero.
      guard stream[length...].contains(where: { $0 != 0 }) else { continue }
      let read = try? decoded(Array(stream[..<length]), [(200, 1)])
      #expect(read?[0].bytes != words(values, width: 1), "\(length) of \(stream.count) bytes")
    }
    #expect(throws: CodingError.truncated) { try decoded(Array(stream[..<(stream.count / 2)]), [(200, 1)]) }
  }

  @Test func bytesBehindTheLastElementAreRefused() throws {
    let stream = try encoded([(words([1, 2, 3], width: 1), 1, ElementPlan(.wide))])
    #expect(throws: CodingError.self) { try decoded(stream + [0, 0, 0, 0, 0, 1], [(3, 1)]) }
  }

  @Test func noiseIsReadOrRefusedButNeverTraps() {
    var numbers = Numbers(state: 77)
    var refused = 0
    for _ in 0..<500 {
      let stream = (0..<Int(numbers.next() % 200)).map { _ in UInt8.random(in: 0...255, using: &numbers) }
      if (try? decoded(stream, [(300, 1), (40, 4), (9, 8)])) == nil { refused += 1 }
    }
    #expect(refused > 400)
  }

  /// A form, a row or a distance that does not fit the tensor.
  @Test func numbersThatDoNotFitAreRefused() throws {
    let bytes = [UInt8](repeating: 3, count: 64)
    let stream = try encoded([(bytes, 1, ElementPlan(.small, rowLength: 64))])
    #expect(throws: CodingError.badNumber(found: 64)) { try decoded(stream, [(63, 1)]) }
    #expect(throws: CodingError.badNumber(found: 4)) { try decoded(stream, [(64, 4)]) }
  }

  /// Independent zeros cost their order-0 entropy and at most 3 % and 40 bytes of learning; zeros that stand in
  /// columns cost less.
  @Test func sparseTensorsComeCloseToTheirEntropy() throws {
    var numbers = Numbers(state: 21)
    let count = 20_000
    let values = (0..<count).map { _ in numbers.next() % 20 == 0 ? numbers.next() % 8 + 1 : UInt64(0) }
    let palette = words(Set(values).sorted(), width: 4)
    let plan = ElementPlan(.palette, rowLength: 100, palette: palette)
    let stream = try encoded([(words(values, width: 4), 4, plan)])
    // H(1/20) bits a flag and 3 bits a value: 5,728 + 3,000 bits and the palette.
    let entropy = (Double(count) * 0.286397 + 3 * Double(values.count { $0 != 0 })) / 8 + 36
    #expect(Double(stream.count) < entropy * 1.03 + 40)
    let columns = (0..<count).map { index in index % 20 == 3 ? UInt64(index % 7 + 1) : 0 }
    let regular = try encoded([
      (
        words(columns, width: 4), 4,
        ElementPlan(.palette, rowLength: 100, palette: words(Set(columns).sorted(), width: 4))
      )
    ])
    #expect(Double(regular.count) < 0.5 * Double(stream.count))
  }
}
