import ModelFormat

/// How raw samples become the network's input: x = (raw * scale + offset - mean) / std per channel.
public struct PackedPreprocessing: Sendable, Equatable, Codable {
  public var scale: Float
  public var offset: Float
  /// Per channel; one entry stands for all channels.
  public var mean: [Float]
  public var std: [Float]
  /// Axes of a sample as the input wants them, for example `NHWC`; empty for as they come.
  public var layout: String

  public init(
    scale: Float = 1, offset: Float = 0, mean: [Float] = [0], std: [Float] = [1], layout: String = ""
  ) {
    self.scale = scale
    self.offset = offset
    self.mean = mean
    self.std = std
    self.layout = layout
  }

  /// The metadata entry: scale, offset (float32), number of means, number of stds (words), the means,
  /// the stds (float32), then the layout in UTF-8; little-endian.
  public var encoded: [UInt8] {
    var bytes: [UInt8] = []
    func append(_ word: UInt32) { for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: word >> (8 * shift))) } }
    append(scale.bitPattern)
    append(offset.bitPattern)
    append(UInt32(mean.count))
    append(UInt32(std.count))
    for value in mean + std { append(value.bitPattern) }
    return bytes + Array(layout.utf8)
  }

  /// Reads an entry; nil where it is cut short.
  public init?(encoded bytes: UnsafeRawBufferPointer) {
    func word(_ index: Int) -> UInt32 {
      UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self))
    }
    guard bytes.count >= 16 else { return nil }
    let (means, stds) = (Int(word(2)), Int(word(3)))
    guard means + stds <= (bytes.count - 16) / 4 else { return nil }
    let values = (0..<means + stds).map { Float(bitPattern: word(4 + $0)) }
    let layout = UnsafeRawBufferPointer(rebasing: bytes[(16 + 4 * (means + stds))...])
    self.init(
      scale: Float(bitPattern: word(0)), offset: Float(bitPattern: word(1)), mean: Array(values[..<means]),
      std: Array(values[means...]), layout: String(decoding: layout, as: UTF8.self))
  }
}

/// Builds the metadata section.
struct MetadataWriter {
  private(set) var bytes: [UInt8] = []

  /// Longest name that is stored, in bytes.
  static let maximumNameBytes = 40

  mutating func add(_ tag: MetadataTag, _ contents: [UInt8]) {
    bytes.append(tag.rawValue)
    for shift in 0..<3 { bytes.append(UInt8(truncatingIfNeeded: contents.count >> (8 * shift))) }
    bytes += contents
  }

  mutating func add(_ tag: MetadataTag, _ text: String) { add(tag, Array(text.utf8)) }

  /// Step names as they are stored: without the path that all share, without what converters append
  /// after a semicolon, and no longer than `maximumNameBytes`, of which the end tells most.
  static func shortened(_ names: [String]) -> [String] {
    let heads = names.map { String($0.prefix { $0 != ";" }) }
    var shared = heads.first ?? ""
    for name in heads { shared = String(zip(shared, name).prefix { $0 == $1 }.map(\.0)) }
    let cut = shared.lastIndex(of: "/").map { shared.distance(from: shared.startIndex, to: $0) + 1 } ?? 0
    return heads.map { name in
      var short = String(name.dropFirst(cut))
      while short.utf8.count > maximumNameBytes { short.removeFirst() }
      return short
    }
  }
}
