import CZlib
import Foundation

/// zlib streams as small as zlib makes them.
package enum Deflate {
  /// Parameters of one attempt.
  package struct Setting {
    var strategy: Int32
    var memoryLevel: Int32
  }

  /// All that are tried for a section that is written.
  package static let thorough: [Setting] = [Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE].flatMap { strategy in
    [9, 8, 7, 6].map { Setting(strategy: strategy, memoryLevel: $0) }
  }

  /// Enough to compare two ways of grouping.
  static let quick = [
    Setting(strategy: Z_DEFAULT_STRATEGY, memoryLevel: 9), Setting(strategy: Z_HUFFMAN_ONLY, memoryLevel: 8),
  ]

  /// The smallest of the streams that `settings` give, at level 9.
  package static func compress(_ bytes: [UInt8], _ settings: [Setting] = thorough) throws(PackError) -> [UInt8] {
    var best: [UInt8]?
    for setting in settings {
      let stream = try compress(bytes, setting)
      if stream.count < best?.count ?? Int.max { best = stream }
    }
    return best ?? []
  }

  private static func compress(_ bytes: [UInt8], _ setting: Setting) throws(PackError) -> [UInt8] {
    var stream = z_stream()
    let opened = deflateInit2_(
      &stream, 9, Z_DEFLATED, 15, setting.memoryLevel, setting.strategy, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    guard opened == Z_OK else { throw .compressionFailed(code: opened) }
    defer { deflateEnd(&stream) }
    var input = bytes
    let capacity = Int(deflateBound(&stream, UInt(bytes.count)))
    var status = Z_OK
    let output = [UInt8](unsafeUninitializedCapacity: capacity) { target, count in
      input.withUnsafeMutableBufferPointer { source in
        stream.next_in = source.baseAddress
        stream.avail_in = UInt32(source.count)
        stream.next_out = target.baseAddress
        stream.avail_out = UInt32(capacity)
        status = deflate(&stream, Z_FINISH)
        count = Int(stream.total_out)
      }
    }
    guard status == Z_STREAM_END else { throw .compressionFailed(code: status) }
    return output
  }
}

/// Bits per symbol of a sequence of independent bytes.
package enum Entropy {
  /// Bytes that an ideal code of order 0 needs for symbols of these counts.
  package static func bytes(_ counts: [Int]) -> Double {
    let total = Double(counts.reduce(0, +))
    guard total > 0 else { return 0 }
    let bits = counts.reduce(0.0) { sum, count in
      count == 0 ? sum : sum - Double(count) * log2(Double(count) / total)
    }
    return bits / 8
  }

  package static func histogram(_ bytes: some Sequence<UInt8>) -> [Int] {
    var counts = [Int](repeating: 0, count: 256)
    for byte in bytes { counts[Int(byte)] += 1 }
    return counts
  }
}
