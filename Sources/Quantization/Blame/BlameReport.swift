/// Where a compressed network loses what the float one has, layer by layer.
public struct BlameReport: Codable, Sendable {
  public struct Layer: Codable, Sendable {
    public var name: String
    /// The width of the stored weights; nil where they are floats.
    public var bits: Int?
    /// Signal to noise, in dB, of the network's scores where this layer alone is compressed: the lower, the more of the
    /// loss is its. nil where nothing changes.
    public var alone: Double?
    /// Of the layer's own output, this layer alone being compressed.
    public var own: Double?
    /// Of the layer's output in the compressed network, with all that came before it.
    public var accumulated: Double?
    /// Samples whose greatest score is another one where this layer alone is compressed.
    public var changedDecisions: Int
    public var cause: BlameCause
    /// What to do about it, the most promising first.
    public var repairs: [String]
  }

  public var samples: Int
  /// Signal to noise, in dB, of the compressed network's scores; nil where they are equal.
  public var total: Double?
  public var changedDecisions: Int
  /// The one whose repair promises most first.
  public var layers: [Layer]
  /// Layers of the float network that the compressed one has not, or not in this form.
  public var unmatched: [String]
}

/// What causes most of a layer's own error.
public enum BlameCause: Codable, Sendable, Equatable {
  /// The layer computes what it did.
  case nothing
  /// One output channel reaches `ratio` times as far as the median one, and all share one step.
  case outlierChannel(index: Int, ratio: Double)
  /// In one channel a weight is `ratio` times the mean magnitude, so that the others have few levels.
  case outlierWeight(channel: Int, ratio: Double)
  /// Weights of these output channels became all zero.
  case deadChannels([Int])
  /// A share of the outputs lies beyond the levels.
  case clippedRange(share: Double)
  /// Rounding to so many bits of weights.
  case coarseWeights(bits: Int)
  /// Rounding of the outputs to 8 bits.
  case coarseOutputs
  /// A share of the weights became zero.
  case pruned(share: Double)
  /// So many values are left of the weights.
  case sharedValues(count: Int)
  /// The weights were changed, and it does not show how.
  case changedWeights
}

extension BlameCause: CustomStringConvertible {
  public var description: String {
    func percent(_ share: Double) -> String { "\((share * 100_000).rounded() / 1_000) %" }
    func tenths(_ ratio: Double) -> Double { (ratio * 10).rounded() / 10 }
    return switch self {
    case .nothing: ""
    case .outlierChannel(let index, let ratio): "outlier channel \(index), \(tenths(ratio)) times the median"
    case .outlierWeight(let channel, let ratio): "outlier weight in channel \(channel), \(tenths(ratio)) times the mean"
    case .deadChannels(let channels): "\(channels.count) dead channels, first \(channels.first ?? 0)"
    case .clippedRange(let share): "clipped range, \(percent(share)) of the outputs"
    case .coarseWeights(let bits): "coarse step of \(bits)-bit weights"
    case .coarseOutputs: "coarse step of 8-bit outputs"
    case .pruned(let share): "\(percent(share)) of the weights pruned"
    case .sharedValues(let count): "\(count) shared values"
    case .changedWeights: "changed weights"
    }
  }

  /// What to do about it, the most promising first.
  func repairs(_ layer: String) -> [String] {
    switch self {
    case .nothing: []
    case .outlierChannel: ["--equalize", "--train", "--keep-float '\(layer)'"]
    case .outlierWeight: ["--layer '\(layer)=8'", "--equalize", "--adaround"]
    case .deadChannels: ["--layer '\(layer)=8'", "--correct-biases", "prune less here and fine-tune"]
    case .clippedRange: ["--method minmax", "--percentile 99.999", "more calibration samples"]
    case .coarseWeights(let bits):
      bits < 8
        ? ["--adaround", "--layer '\(layer)=8'", "--train"]
        : ["--adaround", "--train", "--keep-float '\(layer)'"]
    case .coarseOutputs: ["--method mse", "--train", "--keep-float '\(layer)'"]
    case .pruned: ["fine-tune with zeros kept", "prune less here"]
    case .sharedValues: ["fine-tune with codebooks kept", "more values here"]
    case .changedWeights: ["fine-tune"]
    }
  }
}
