import ModelFormat
import Packing

/// Replaces the golden vectors of a .pare file by one that no step agrees with; docs/format.md has the layout.
enum WrongGoldenVectors {
  static func put(into file: [UInt8], steps: Int) throws -> [UInt8] {
    let (stream, weights) = try file.withUnsafeBytes { bytes in
      let view = try FileView(bytes)
      var network = try NetworkContents(view)
      network.golden = golden(steps: steps)
      let sections = (0...).lazy.map { view.section(.weights, $0) }.prefix { $0 != nil }
      return (try network.encoded(), sections.compactMap { $0.map { ($0.rawBytes, Array($0.compressed)) } })
    }
    let sections =
      [(SectionKind.network, stream.count, try Deflate.compress(stream))]
      + weights.map { (SectionKind.weights, $0.0, $0.1) }
    let records = sections.flatMap { bytes($0.0.rawValue) + bytes(UInt32($0.2.count)) + bytes(UInt32($0.1)) }
    let body = Array(file[16..<36]) + bytes(UInt32(sections.count)) + records + sections.flatMap(\.2)
    let checksum = body.withUnsafeBytes { CRC32.of($0) }
    return Array(file[0..<8]) + bytes(UInt32(body.count + 16)) + bytes(checksum) + body
  }

  /// One vector for one input: scale 1, offset 0, no modulus, seed 1, and a checksum of 0 for every step.
  private static func golden(steps: Int) -> [UInt8] {
    let words: [UInt32] = [1, 1, UInt32(steps), Float(1).bitPattern, 0, 0, 1]
    return (words + [UInt32](repeating: 0, count: steps)).flatMap(bytes)
  }

  private static func bytes(_ word: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * UInt32($0))) }
  }
}
