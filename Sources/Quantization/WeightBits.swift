/// How many bits the integers of a weight tensor take: levels -(2^(bits - 1) - 1)...2^(bits - 1) - 1, symmetric.
///
/// They are stored as int8 values in ONNX, which every reader loads; packing stores them at their width.
public enum WeightBits: Int, Sendable, CaseIterable, Codable {
  case four = 4
  case five
  case six
  case eight = 8

  /// The greatest magnitude of a stored integer: 7, 15, 31 or 127.
  public var greatestLevel: Int { (1 << (rawValue - 1)) - 1 }
}

/// The width of the weights of nodes whose name, or that of an output, a shell pattern matches.
public struct LayerBits: Sendable, Equatable {
  public var pattern: String
  public var bits: WeightBits

  public init(pattern: String, bits: WeightBits) {
    self.pattern = pattern
    self.bits = bits
  }
}
