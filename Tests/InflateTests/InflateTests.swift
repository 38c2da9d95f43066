import Inflate
import Testing

/// Inflates between two rows of guard bytes from a copy of exactly the stream's size, so that the
/// address sanitizer sees a read past its end.
func inflateGuarded(_ stream: [UInt8], count: Int) -> Result<[UInt8], InflateError> {
  let fence = 64
  var buffer = [UInt8](repeating: 0xa5, count: count + 2 * fence)
  let source = UnsafeMutableRawBufferPointer.allocate(byteCount: stream.count, alignment: 1)
  defer { source.deallocate() }
  source.copyBytes(from: stream)
  let failure: InflateError? = buffer.withUnsafeMutableBytes { bytes in
    do throws(InflateError) {
      try inflate(
        UnsafeRawBufferPointer(source), into: UnsafeMutableRawBufferPointer(rebasing: bytes[fence..<fence + count]))
      return nil
    } catch {
      return error
    }
  }
  #expect(buffer.prefix(fence).allSatisfy { $0 == 0xa5 }, "wrote before the target")
  #expect(buffer.suffix(fence).allSatisfy { $0 == 0xa5 }, "wrote after the target")
  if let failure { return .failure(failure) }
  return .success(Array(buffer[fence..<fence + count]))
}

@Suite struct InflateTests {
  @Test(arguments: Content.allCases, Encoding.allCases)
  func restoresWhatZlibCompressed(_ content: Content, _ encoding: Encoding) throws {
    let bytes = content.bytes
    let stream = compress(bytes, encoding)
    try #require(!stream.isEmpty)
    #expect(try inflateGuarded(stream, count: bytes.count).get() == bytes)
  }

  @Test(arguments: [Int32(9), 10, 12, 15])
  func acceptsEveryWindowSize(_ windowBits: Int32) throws {
    let bytes = Content.text.bytes
    #expect(try inflateGuarded(compress(bytes, .best, windowBits: windowBits), count: bytes.count).get() == bytes)
  }

  @Test(arguments: [Content.one, .text, .skewed, .noise], [Encoding.stored, .best, .fixed])
  func everyTruncationIsCalledTruncated(_ content: Content, _ encoding: Encoding) throws {
    let bytes = Array(content.bytes.prefix(2_000))
    let stream = compress(bytes, encoding)
    for length in 0..<stream.count {
      #expect(inflateGuarded(Array(stream.prefix(length)), count: bytes.count) == .failure(.truncated))
    }
  }

  @Test(arguments: Encoding.allCases)
  func refusesAWrongDeclaredSize(_ encoding: Encoding) {
    let bytes = Array(Content.text.bytes.prefix(5_000))
    let stream = compress(bytes, encoding)
    for short in [0, 1, 4_000, 4_999] {
      #expect(inflateGuarded(stream, count: short) == .failure(.outputTooLong(expected: short)))
    }
    for long in [5_001, 9_000] {
      #expect(inflateGuarded(stream, count: long) == .failure(.outputTooShort(expected: long, found: 5_000)))
    }
  }

  @Test func namesTheChecksumsThatDiffer() {
    let bytes = Array("Wikipedia".utf8)
    var stream = compress(bytes, .best)
    stream[stream.count - 1] ^= 1
    // The Adler-32 of these nine bytes is a published example.
    #expect(inflateGuarded(stream, count: 9) == .failure(.checksum(expected: 0x11e6_0399, found: 0x11e6_0398)))
  }

  @Test func refusesTrailingBytes() {
    let bytes = Content.text.bytes
    let stream = compress(bytes, .best) + [1, 2, 3]
    #expect(inflateGuarded(stream, count: bytes.count) == .failure(.trailingBytes(count: 3)))
  }

  @Test(
    arguments: [
      ([0x78, 0x9d], InflateError.badHeader(0x789d)),
      ([0x79, 0x9c], .badHeader(0x799c)),
      ([0x88, 0x1c], .badHeader(0x881c)),
      ([0x78, 0xbb], .badHeader(0x78bb)),
      ([0x78, 0x9c, 0x07], .badBlockType),
      ([0x78, 0x9c, 0x01, 1, 0, 0xfe, 0xfe, 65], .badStoredLength),
      // 31 distance codes.
      ([0x78, 0x9c, 0x05, 0x1e, 0, 0, 0, 0, 0], .badCodeLengths),
      // Four code lengths of one bit: over-subscribed.
      ([0x78, 0x9c, 0x05, 0x00, 0x92, 0x04, 0, 0, 0], .badCodeLengths),
      // A fixed block whose first symbol is a match one byte back: 257 is 0000001, distance 0 is 00000.
      ([0x78, 0x9c, 0x03, 0x02, 0, 0, 0], .distanceTooFar(distance: 1, available: 0)),
      // Symbol 286 of a fixed block, 11000110, which no match has.
      ([0x78, 0x9c, 0x1b, 0x03, 0, 0, 0], .badCode),
    ] as [([UInt8], InflateError)])
  func namesTheFault(_ stream: [UInt8], _ expected: InflateError) {
    #expect(inflateGuarded(stream, count: 10) == .failure(expected))
  }

  @Test func mutationsGiveZlibsOutcome() {
    var random = SplitMix64(seed: 2024)
    for (content, encoding) in [(Content.weights, Encoding.best), (.text, .fixed), (.skewed, .huffmanOnly)] {
      let bytes = Array(content.bytes.prefix(3_000))
      let stream = compress(bytes, encoding)
      for _ in 0..<4_000 {
        let mutated = mutate(stream, &random)
        let found = try? inflateGuarded(mutated, count: bytes.count).get()
        #expect(found == zlibInflate(mutated, count: bytes.count))
      }
    }
  }

  @Test func noiseNeverEscapesTheTarget() {
    var random = SplitMix64(seed: 99)
    for _ in 0..<20_000 {
      let length = Int.random(in: 0...300, using: &random)
      let noise = [0x78, 0x9c] + (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
      if let output = try? inflateGuarded(noise, count: 500).get() {
        #expect(zlibInflate(noise, count: 500) == output)
      }
    }
  }

  /// Flips bits, replaces, removes, repeats or cuts.
  private func mutate(_ stream: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
    var mutated = stream
    for _ in 0..<Int.random(in: 1...3, using: &random) where !mutated.isEmpty {
      let position = Int.random(in: 0..<mutated.count, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0: mutated[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 1: mutated[position] = UInt8.random(in: 0...255, using: &random)
      case 2: mutated.remove(at: position)
      case 3: mutated.insert(contentsOf: mutated[position...].prefix(9), at: position)
      default: mutated.removeSubrange(position...)
      }
    }
    return mutated
  }
}
