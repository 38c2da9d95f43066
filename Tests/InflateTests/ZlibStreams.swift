import CZlib

/// A small generator with a fixed sequence, so that every run tests the same bytes.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// How zlib is asked to write a stream; between them they use every kind of block.
enum Encoding: CaseIterable, Sendable {
  case stored, fastest, best, huffmanOnly, runLength, fixed

  var level: Int32 {
    switch self {
    case .stored: 0
    case .fastest: 1
    case .best, .huffmanOnly, .runLength, .fixed: 9
    }
  }

  var strategy: Int32 {
    switch self {
    case .stored, .fastest, .best: Z_DEFAULT_STRATEGY
    case .huffmanOnly: Z_HUFFMAN_ONLY
    case .runLength: Z_RLE
    case .fixed: Z_FIXED
    }
  }
}

/// What the streams hold; between them they use short and long codes, near and far matches.
enum Content: CaseIterable, Sendable {
  case empty, one, zeros, text, weights, noise, skewed, farMatches

  var bytes: [UInt8] {
    var random = SplitMix64(seed: 7)
    switch self {
    case .empty: return []
    case .one: return [42]
    case .zeros: return [UInt8](repeating: 0, count: 70_001)
    case .text: return Array(String(repeating: "a stitch in time saves nine; ", count: 900).utf8)
    case .weights:
      return (0..<50_000).map { _ in
        let sum = (0..<8).reduce(0) { sum, _ in sum + Int.random(in: -12...12, using: &random) }
        return UInt8(truncatingIfNeeded: sum)
      }
    case .noise: return (0..<66_000).map { _ in UInt8.random(in: 0...255, using: &random) }
    case .skewed:
      // Frequencies that halve from symbol to symbol give codes of up to fifteen bits.
      return (0..<200_000).map { _ in UInt8(random.next().leadingZeroBitCount) }
    case .farMatches:
      let block = (0..<32_000).map { _ in UInt8.random(in: 0...255, using: &random) }
      return block + block + block.prefix(700)
    }
  }
}

func compress(_ bytes: [UInt8], _ encoding: Encoding, windowBits: Int32 = 15) -> [UInt8] {
  var stream = z_stream()
  let version = zlibVersion()
  let size = Int32(MemoryLayout<z_stream>.size)
  guard deflateInit2_(&stream, encoding.level, Z_DEFLATED, windowBits, 9, encoding.strategy, version, size) == Z_OK
  else { return [] }
  defer { deflateEnd(&stream) }
  var source = bytes
  var target = [UInt8](repeating: 0, count: Int(deflateBound(&stream, uLong(bytes.count))) + 64)
  let written = source.withUnsafeMutableBufferPointer { source in
    target.withUnsafeMutableBufferPointer { target in
      stream.next_in = source.baseAddress
      stream.avail_in = uInt(source.count)
      stream.next_out = target.baseAddress
      stream.avail_out = uInt(target.count)
      return deflate(&stream, Z_FINISH) == Z_STREAM_END ? Int(stream.total_out) : 0
    }
  }
  return Array(target.prefix(written))
}

/// What zlib itself makes of a stream that claims to hold `count` bytes; nil where it refuses it.
func zlibInflate(_ stream: [UInt8], count: Int) -> [UInt8]? {
  var target = [UInt8](repeating: 0, count: max(count, 1))
  var length = uLongf(target.count)
  var consumed = uLong(stream.count)
  let status = uncompress2(&target, &length, stream, &consumed)
  guard status == Z_OK, Int(length) == count, Int(consumed) == stream.count else { return nil }
  return Array(target.prefix(count))
}
