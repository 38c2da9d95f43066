/// What becomes of each layer.
public struct FactorizationPlan: Sendable, Encodable {
  public enum Decision: Sendable, Equatable {
    /// `energy` is the share of the sum of squares of the matrix that its `rank` keeps, of `fullRank`.
    case factorized(FactorizationScheme, rank: Int, fullRank: Int, energy: Double)
    /// The reason is a sentence fragment for the user.
    case left(reason: String)
  }

  public struct Layer: Sendable {
    /// Of the node.
    public var name: String
    public var kind: String
    /// Of the weight; empty where it is not known.
    public var shape: [Int]
    public var decision: Decision
    public var multiplyAccumulates: Int
    public var multiplyAccumulatesAfter: Int
    /// Of the weight, biases not counted.
    public var parameters: Int
    public var parametersAfter: Int
  }

  /// Every node that multiplies by weights, in the order of the graph.
  public var layers: [Layer]
  /// Of the whole network.
  public var multiplyAccumulates: Int
  public var parameters: Int

  public var multiplyAccumulatesAfter: Int {
    layers.reduce(multiplyAccumulates) { $0 + $1.multiplyAccumulatesAfter - $1.multiplyAccumulates }
  }
  public var parametersAfter: Int { layers.reduce(parameters) { $0 + $1.parametersAfter - $1.parameters } }

  private enum CodingKeys: String, CodingKey {
    case layers, parameters, parametersAfter
    case multiplyAccumulates = "macs"
    case multiplyAccumulatesAfter = "macsAfter"
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(layers, forKey: .layers)
    try container.encode(multiplyAccumulates, forKey: .multiplyAccumulates)
    try container.encode(multiplyAccumulatesAfter, forKey: .multiplyAccumulatesAfter)
    try container.encode(parameters, forKey: .parameters)
    try container.encode(parametersAfter, forKey: .parametersAfter)
  }
}

extension FactorizationPlan.Layer: Encodable {
  private enum CodingKeys: String, CodingKey {
    case name, shape, scheme, rank, fullRank, energy, reason, parameters, parametersAfter
    case kind = "operator"
    case multiplyAccumulates = "macs"
    case multiplyAccumulatesAfter = "macsAfter"
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(kind, forKey: .kind)
    try container.encode(shape, forKey: .shape)
    switch decision {
    case .factorized(let scheme, let rank, let fullRank, let energy):
      try container.encode(scheme, forKey: .scheme)
      try container.encode(rank, forKey: .rank)
      try container.encode(fullRank, forKey: .fullRank)
      try container.encode(energy, forKey: .energy)
    case .left(let reason): try container.encode(reason, forKey: .reason)
    }
    try container.encode(multiplyAccumulates, forKey: .multiplyAccumulates)
    try container.encode(multiplyAccumulatesAfter, forKey: .multiplyAccumulatesAfter)
    try container.encode(parameters, forKey: .parameters)
    try container.encode(parametersAfter, forKey: .parametersAfter)
  }
}
