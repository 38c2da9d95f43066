import ModelFormat
import Testing

@Suite struct CRC32Tests {
  /// The check value of the CRC catalogue for CRC-32/ISO-HDLC.
  @Test func givesTheCatalogueCheckValue() {
    let bytes = Array("123456789".utf8)
    #expect(bytes.withUnsafeBytes(CRC32.of) == 0xCBF4_3926)
  }

  @Test func updatesInPiecesAsInOne() {
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 3) }
    var crc = CRC32()
    bytes[0..<313].withUnsafeBytes { crc.update($0) }
    bytes[313...].withUnsafeBytes { crc.update($0) }
    #expect(crc.value == bytes.withUnsafeBytes(CRC32.of))
  }
}

/// Collects words, as the packer's writer does.
private struct WordList: WordCoder {
  var words: [UInt32] = []
  mutating func word(_ value: inout UInt32) throws(FormatError) { words.append(value) }

  var bytes: [UInt8] { words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * UInt32($0))) } } }
}

@Suite struct RecordTests {
  @Test func aRecordReadsBackWhatItWrote() throws {
    var record = ConvolutionInt8Record()
    record.input = TensorIndex(3)
    record.weights = TensorIndex(7)
    record.groups = 4
    record.bandRows = 9
    record.inputAffine = AffineRecord(scale: 0.25, zeroPoint: -3)
    record.low = -128
    record.window.kernelHeight = 5
    record.window.padLeft = 2
    var writer = WordList()
    try record.code(&writer)
    let read = try writer.bytes.withUnsafeBytes { try ConvolutionInt8Record(WordReader($0)) }
    #expect(read.input == record.input)
    #expect(read.bias.isNone)
    #expect(read.groups == 4)
    #expect(read.bandRows == 9)
    #expect(read.inputAffine == record.inputAffine)
    #expect(read.low == -128)
    #expect(read.window == record.window)
  }

  /// The letters of `StepRecord.fields` that a value of this type stands for, read from the struct itself; s, a signed
  /// stride, is a count here.
  private static func fields(of value: Any) -> String {
    switch value {
    case is TensorIndex: return "t"
    case is UInt32: return "w"
    case is Int32: return "i"
    case is Float: return "f"
    case is Int: return "c"
    case is StridedExtents: return "cccccc"
    case is InlineArray<3, UInt32>: return "www"
    default: return Mirror(reflecting: value).children.map { fields(of: $0.value) }.joined()
    }
  }

  /// Bytes of a struct of these fields, each at a multiple of its size.
  private static func byteCount(_ fields: String) -> Int {
    fields.reduce(0) { end, kind in
      let size = kind == "c" ? MemoryLayout<Int>.size : 4
      return (end + size - 1) / size * size + size
    }
  }

  /// Reading and writing walk over the memory of a record by its list of fields.
  @Test(arguments: RecordTests.records)
  func everyRecordIsLaidOutAsItsFieldsSay(_ record: any StepRecord) {
    func check<R: StepRecord>(_ record: R) {
      let stated = R.fields.description.filter { $0 != " " }.replacing("s", with: "c")
      #expect(stated == RecordTests.fields(of: record))
      #expect(MemoryLayout<R>.size == RecordTests.byteCount(stated))
    }
    check(record)
  }

  private static let records: [any StepRecord] = [
    ConvolutionFloatRecord(), ConvolutionInt8Record(), MaxPoolRecord(), AveragePoolFloatRecord(),
    AveragePoolInt8Record(), BinaryInt8Record(), TableRecord(), AffineMapRecord(), UnaryFloatRecord(),
    SoftmaxRecord(), ReduceRecord(), ArgMaxRecord(), CopyRecord(), FillRecord(), GatherRecord(), InterpolateRecord(),
    BinaryRecord(), SelectRecord(), CastRecord(), MatMulRecord(), RecurrentRecord(), LayerNormalizationRecord(),
  ]

  @Test(arguments: [-1, 1])
  func aRecordOfAnotherLengthIsRefused(change: Int) throws {
    var record = TableRecord()
    var writer = WordList()
    try record.code(&writer)
    if change < 0 { writer.words.removeLast() } else { writer.words.append(0) }
    #expect(throws: FormatError.self) { try writer.bytes.withUnsafeBytes { try TableRecord(WordReader($0)) } }
  }

  @Test func countsAboveTwoToTheThirtyOneAreRefused() {
    let bytes: [UInt8] = [0, 0, 0, 0x80]
    #expect(throws: FormatError.valueOutOfRange(found: 0x8000_0000)) {
      try bytes.withUnsafeBytes { bytes in
        var reader = WordReader(bytes)
        var count = 0
        try reader.count(&count)
      }
    }
  }
}

@Suite struct FileViewTests {
  /// A header that states `sections` sections, sealed, with nothing behind it.
  private func file(version: UInt32 = Header.version, sections: UInt32 = 0) throws -> [UInt8] {
    var header = Header()
    header.fileBytes = UInt32(Header.byteCount)
    header.sectionCount = sections
    var writer = WordList()
    try header.code(&writer)
    writer.words[1] = version
    let checksum = writer.bytes[Header.checksumStart...].withUnsafeBytes(CRC32.of)
    writer.words[3] = checksum
    return writer.bytes
  }

  private func refusal(of bytes: [UInt8]) -> FormatError? {
    bytes.withUnsafeBytes { bytes in
      do throws(FormatError) {
        _ = try FileView(bytes)
        return nil
      } catch {
        return error
      }
    }
  }

  @Test func everyTruncationIsRefused() throws {
    let whole = try file()
    for length in 0..<whole.count { #expect(refusal(of: Array(whole[..<length])) != nil) }
  }

  @Test func unknownVersionsAndFlagsAreRefusedByNumber() throws {
    #expect(refusal(of: try file(version: 1)) == .unsupportedVersion(found: 1))
    #expect(refusal(of: try file(version: 3)) == .unsupportedVersion(found: 3))
    #expect(refusal(of: try file(version: 2 | 8 << 16)) == .unsupportedFlags(found: 8))
  }

  @Test func aChangedByteIsAChecksumMismatch() throws {
    var bytes = try file()
    bytes[20] ^= 1
    guard case .checksumMismatch = refusal(of: bytes) else {
      Issue.record("a changed byte was not noticed")
      return
    }
  }

  @Test func moreSectionsThanFitAreTruncation() throws {
    #expect(refusal(of: try file(sections: 1)) == .truncated)
    #expect(refusal(of: try file(sections: .max)) == .truncated)
  }

  @Test func aFileWithoutAProgramIsRefused() throws {
    #expect(refusal(of: try file()) == .missingSection(expected: SectionKind.network.rawValue))
  }
}

@Suite struct GoldenGeneratorTests {
  /// From Marsaglia's recurrence by hand for seed 1: state 270369 after one step, upper byte 0.
  @Test func followsTheRecurrence() {
    var state: UInt32 = 1
    var generator = GoldenGenerator(seed: 1)
    for _ in 0..<100 {
      state ^= state << 13
      state ^= state >> 17
      state ^= state << 5
      #expect(generator.nextByte() == UInt8(state >> 24))
    }
  }

  @Test func seedZeroDoesNotStandStill() {
    var generator = GoldenGenerator(seed: 0)
    #expect(Set((0..<64).map { _ in generator.nextByte() }).count > 8)
  }
}
