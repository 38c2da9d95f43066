import Graph

/// What pruning made of a network, layer by layer.
public struct PruningReport: Codable, Sendable {
  public struct Layer: Codable, Sendable {
    public var name: String
    public var shape: [Int]
    public var weights: Int
    public var zerosBefore: Int
    public var zerosAfter: Int
    /// Share of weights that are zero.
    public var sparsity: Double
    /// The greatest importance that was pruned; nil where nothing was.
    public var threshold: Double?
    public var isExcluded: Bool
  }

  public var importance: WeightImportance
  public var scope: PruningScope
  public var pattern: PruningPattern
  public var requestedSparsity: Double
  public var layers: [Layer]
  /// Of the layers together.
  public var weights: Int
  public var zerosBefore: Int
  public var zerosAfter: Int
  public var sparsity: Double
  /// What the loss answered to pruning each layer alone; empty unless the scope is sensitivity.
  public var sensitivity: [SensitivityCurve]
  /// What the rates of Dropouts were multiplied by; nil where none were.
  public var dropoutFactor: Double?

  /// Counts the zeros in the weights of two graphs that share the names of `plan`.
  public init(
    _ plan: PruningPlan, before: Graph, after: Graph, thresholds: [Float?], dropoutFactor: Double? = nil
  ) {
    func zeros(_ graph: Graph) -> [String: Int] {
      Dictionary(graph.prunableLayers().map { ($0.name, $0.zeros) }) { first, _ in first }
    }
    let (zerosBefore, zerosAfter) = (zeros(before), zeros(after))
    layers = zip(plan.layers, thresholds).map { planned, threshold in
      let layer = planned.layer
      let left = zerosAfter[layer.name] ?? 0
      return Layer(
        name: layer.name, shape: layer.shape, weights: layer.count, zerosBefore: zerosBefore[layer.name] ?? 0,
        zerosAfter: left, sparsity: Double(left) / Double(layer.count), threshold: threshold.map { Double($0) },
        isExcluded: planned.target == .excluded)
    }
    importance = plan.options.importance
    scope = plan.options.scope
    pattern = plan.options.pattern
    requestedSparsity = pattern.ownSparsity ?? plan.options.sparsity
    weights = layers.reduce(0) { $0 + $1.weights }
    self.zerosBefore = layers.reduce(0) { $0 + $1.zerosBefore }
    self.zerosAfter = layers.reduce(0) { $0 + $1.zerosAfter }
    sparsity = Double(self.zerosAfter) / Double(max(weights, 1))
    sensitivity = plan.curves
    self.dropoutFactor = dropoutFactor
  }
}
