/// Few values that many weights share, and which of them each weight has.
public struct Codebook: Sendable, Equatable {
  /// What tensors of a codebook have at most.
  public static let greatestCount = 256

  /// Distinct and ascending; -0 counts as 0.
  public let values: [Float]
  /// For each weight, its place in `values`.
  public let indices: [UInt8]

  /// The codebook of `weights`; nil where they have more than 256 distinct values, or less than 8 for each of them,
  /// or one that is not a number.
  public init?(of weights: some Collection<Float>) {
    var bits: Set<UInt32> = []
    for weight in weights {
      guard !weight.isNaN else { return nil }
      // -0 + 0 is 0.
      bits.insert((weight + 0).bitPattern)
      guard bits.count <= Self.greatestCount else { return nil }
    }
    guard !bits.isEmpty, weights.count >= 8 * bits.count else { return nil }
    values = bits.map { Float(bitPattern: $0) }.sorted()
    let places = Dictionary(uniqueKeysWithValues: values.enumerated().map { ($1, UInt8($0)) })
    indices = weights.map { places[$0]! }
  }
}
