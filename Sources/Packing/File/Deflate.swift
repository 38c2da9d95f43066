import CZlib
import Foundation

/// zlib streams as small as zlib makes them.
package enum Deflate {
  /// Parameters of one attempt.
  package struct Setting {
    var strategy: Int32
    var memoryLevel: Int32
    /// Least bytes between two boundaries at which a block is ended, so that the code tables change where
    /// the contents do; nil leaves the blocks to zlib.
    var leastBlockBytes: Int?
  }

  /// All that are tried for a section that is written.
  package static let thorough: [Setting] = [Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE].flatMap { strategy in
    [(9, nil), (8, nil), (7, nil), (6, nil), (9, 256), (9, 1024), (9, 4096)].map {
      Setting(strategy: strategy, memoryLevel: $0.0, leastBlockBytes: $0.1)
    }
  }

  /// Enough to compare two ways of grouping.
  static let quick = [
    Setting(strategy: Z_DEFAULT_STRATEGY, memoryLevel: 9), Setting(strategy: Z_HUFFMAN_ONLY, memoryLevel: 8),
    Setting(strategy: Z_HUFFMAN_ONLY, memoryLevel: 9, leastBlockBytes: 1024),
  ]

  /// Contents beyond this size get the quick settings only: what the others gain is a fixed number of bytes.
  static let thoroughLimitBytes = 2 << 20

  /// The smallest of the streams that `settings` give, at level 9. `boundaries` are offsets, ascending,
  /// at which the contents change their nature.
  package static func compress(
    _ bytes: [UInt8], boundaries: [Int] = [], _ settings: [Setting] = thorough
  ) throws(PackError) -> [UInt8] {
    var best: [UInt8]?
    for setting in bytes.count > thoroughLimitBytes ? quick : settings {
      if setting.leastBlockBytes != nil && boundaries.isEmpty { continue }
      let stream = try compress(bytes, segments(bytes.count, boundaries, setting.leastBlockBytes), setting)
      if stream.count < best?.count ?? Int.max { best = stream }
    }
    return best ?? []
  }

  /// Ends of the blocks: the boundaries that leave at least `least` bytes on either side, and the end.
  private static func segments(_ count: Int, _ boundaries: [Int], _ least: Int?) -> [Int] {
    guard let least else { return [count] }
    var ends: [Int] = []
    for boundary in boundaries where boundary - (ends.last ?? 0) >= least && count - boundary >= least {
      ends.append(boundary)
    }
    return ends + [count]
  }

  private static func compress(
    _ bytes: [UInt8], _ segments: [Int], _ setting: Setting
  ) throws(PackError) -> [UInt8] {
    var stream = z_stream()
    let opened = deflateInit2_(
      &stream, 9, Z_DEFLATED, 15, setting.memoryLevel, setting.strategy, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    guard opened == Z_OK else { throw .compressionFailed(code: opened) }
    defer { deflateEnd(&stream) }
    var input = bytes
    // Every block that is ended by hand may cost a header of its own.
    let capacity = Int(deflateBound(&stream, UInt(bytes.count))) + 512 * segments.count
    var status = Z_OK
    let output = [UInt8](unsafeUninitializedCapacity: capacity) { target, count in
      input.withUnsafeMutableBufferPointer { source in
        stream.next_in = source.baseAddress
        stream.next_out = target.baseAddress
        stream.avail_out = UInt32(capacity)
        var start = 0
        for end in segments {
          stream.avail_in = UInt32(end - start)
          status = deflate(&stream, end == bytes.count ? Z_FINISH : Z_BLOCK)
          start = end
          if status != Z_OK { break }
        }
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
