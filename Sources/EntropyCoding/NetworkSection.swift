import Inflate
import ModelFormat

/// The network section of a file, opened: the program, the metadata and the golden vectors, then one coded tensor
/// after another.
public final class NetworkSection {
  /// The words of the program.
  public let program: UnsafeRawBufferPointer
  /// Empty where the file has none, as golden vectors.
  public let metadata: UnsafeRawBufferPointer
  public let golden: UnsafeRawBufferPointer

  private let stream: UnsafeMutableRawBufferPointer
  private let contents: UnsafeMutableRawBufferPointer
  private var coder: ElementCoder<BitDecoder>

  /// Bytes of the three descriptions together for each byte of the stream, at most: more is a lie told to make us
  /// allocate.
  private static var greatestExpansion: Int { 1032 }

  /// Errors: `.inflate`, `.coding`.
  public init(_ section: FileView.Section) throws(NetworkSectionError) {
    let stream = UnsafeMutableRawBufferPointer.allocate(byteCount: section.rawBytes, alignment: 8)
    do throws(InflateError) {
      try inflate(section.compressed, into: stream)
    } catch {
      stream.deallocate()
      throw .inflate(error)
    }
    var coder = ElementCoder(BitDecoder(UnsafeRawBufferPointer(stream)))
    let contents: UnsafeMutableRawBufferPointer
    let sizes: NetworkSizes
    do throws(CodingError) {
      sizes = try NetworkSizes(&coder)
      guard sizes.byteCount / NetworkSection.greatestExpansion <= stream.count else {
        throw .tooLarge(count: sizes.byteCount)
      }
      contents = UnsafeMutableRawBufferPointer.allocate(byteCount: sizes.byteCount, alignment: 8)
      do throws(CodingError) { try sizes.readContents(contents, &coder) } catch {
        contents.deallocate()
        throw error
      }
    } catch {
      stream.deallocate()
      throw .coding(error)
    }
    self.stream = stream
    self.contents = contents
    self.coder = coder
    program = UnsafeRawBufferPointer(sizes.part(sizes.program, of: contents))
    metadata = UnsafeRawBufferPointer(sizes.part(sizes.metadata, of: contents))
    golden = UnsafeRawBufferPointer(sizes.part(sizes.golden, of: contents))
  }

  deinit {
    stream.deallocate()
    contents.deallocate()
  }

  /// Fills `bytes` with the next coded tensor, whose elements have `width` bytes, and says what form it had.
  @discardableResult
  public func decodeTensor(into bytes: UnsafeMutableRawBufferPointer, width: Int) throws(CodingError) -> ElementForm {
    var plan = ElementPlan(.wide)
    try coder.codeTensor(bytes, width: width, &plan)
    return plan.form
  }

  /// Checks, after the last tensor, that the stream held what was read and nothing else.
  public func finish() throws(CodingError) {
    if coder.coder.isExhausted { throw .truncated }
    let rest = coder.coder.unreadBytes
    if rest > 0 { throw .trailingBytes(count: rest) }
  }
}

/// How many bytes each of the descriptions has: the first array of the stream.
public struct NetworkSizes {
  private var words: (program: UInt32, metadata: UInt32, golden: UInt32)

  public init(programBytes: Int, metadataBytes: Int, goldenBytes: Int) {
    words = (UInt32(programBytes / 4), UInt32(metadataBytes), UInt32(goldenBytes / 4))
  }

  init(_ coder: inout ElementCoder<BitDecoder>) throws(CodingError) {
    words = (0, 0, 0)
    try code(&coder)
    for word in [words.program, words.metadata, words.golden] where word >= 1 << 28 {
      throw .tooLarge(count: Int(word >> 1))
    }
  }

  /// Codes the sizes themselves.
  public mutating func code<C: BitCoder & ~Copyable>(_ coder: inout ElementCoder<C>) throws(CodingError) {
    var list: InlineArray<3, UInt32> = [
      words.program.littleEndian, words.metadata.littleEndian, words.golden.littleEndian,
    ]
    try withUnsafeMutableBytes(of: &list) { (bytes) throws(CodingError) in try coder.codeArray(bytes, width: 4) }
    words = (UInt32(littleEndian: list[0]), UInt32(littleEndian: list[1]), UInt32(littleEndian: list[2]))
  }

  var byteCount: Int { golden.upperBound }
  var program: Range<Int> { 0..<Int(words.program) * 4 }
  var metadata: Range<Int> { program.upperBound..<program.upperBound + Int(words.metadata) }
  var golden: Range<Int> { metadata.upperBound..<metadata.upperBound + Int(words.golden) * 4 }

  /// One of the ranges above, of as many bytes as they have together; no slice, which would be checked again.
  func part(_ range: Range<Int>, of contents: UnsafeMutableRawBufferPointer) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: contents.baseAddress.map { $0 + range.lowerBound }, count: range.count)
  }

  /// Reads the descriptions into `contents`, at the ranges above.
  func readContents(
    _ contents: UnsafeMutableRawBufferPointer, _ coder: inout ElementCoder<BitDecoder>
  ) throws(CodingError) {
    try coder.codeArray(part(program, of: contents), width: 4)
    try coder.codeArray(part(metadata, of: contents), width: 1)
    try coder.codeArray(part(golden, of: contents), width: 4)
  }
}

/// Why a network section was refused.
public enum NetworkSectionError: Error, Equatable, Sendable {
  case inflate(InflateError)
  case coding(CodingError)
}
