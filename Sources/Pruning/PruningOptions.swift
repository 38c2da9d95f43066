import Training

/// Which weights count as the least important ones.
public enum WeightImportance: String, CaseIterable, Codable, Sendable {
  /// Those nearest to zero: Han, Pool, Tran and Dally, "Learning both Weights and Connections", 2015.
  case magnitude
  /// Those that training moves towards zero, the sum of -weight x gradient: Sanh, Wolf and Rush, "Movement Pruning",
  /// 2020. Needs training.
  case movement
}

/// How the wanted sparsity is shared out among the layers.
public enum PruningScope: String, CaseIterable, Codable, Sendable {
  /// Every layer gets the same.
  case layer
  /// One threshold for all layers together; no layer falls below a fifth of the average density.
  case global
  /// Each layer by how the loss answers to pruning it alone, so that the sum of the predicted losses is least.
  case sensitivity
}

/// The sparsity of the layers that a pattern of `*` and `?` names; 0 leaves them as they are.
public struct LayerSparsity: Sendable, Equatable {
  public var pattern: String
  public var sparsity: Double

  public init(_ pattern: String, _ sparsity: Double) {
    self.pattern = pattern
    self.sparsity = sparsity
  }
}

/// What to prune, and by what.
public struct PruningOptions: Sendable {
  /// The share of weights that is to be zero, those counted that are already; 0..<1. A `nOfM` pattern sets its own.
  public var sparsity: Double
  public var scope = PruningScope.global
  public var pattern = PruningPattern.unstructured
  public var importance = WeightImportance.magnitude
  /// Layers of their own sparsity; the rest share `sparsity`. The last that names a layer counts.
  public var layers: [LayerSparsity] = []

  public init(sparsity: Double) { self.sparsity = sparsity }

  /// What every layer keeps at least, as a share of the average density, where layers have different ones.
  static let leastRelativeDensity = 0.2

  func check() throws(PruningError) {
    for wanted in [sparsity] + layers.map(\.sparsity) where !(0..<1).contains(wanted) {
      throw .sparsity(wanted)
    }
    guard case .nOfM = pattern, let other = layers.first(where: { $0.sparsity != 0 }) else { return }
    throw .fixedByPattern(pattern, layers: other.pattern)
  }
}

/// Why a network cannot be pruned as asked.
public enum PruningError: Error, Sendable {
  /// No tensor counts as a weight: convolutions, products, recurrences and embeddings in float32.
  case noWeights
  /// A sparsity outside of 0..<1.
  case sparsity(Double)
  /// A sparsity for `layers` beside a pattern that has its own.
  case fixedByPattern(PruningPattern, layers: String)
  /// A pattern of names that matches no weight; `known` lists them.
  case nothingNamed(pattern: String, known: [String])
  /// Every weight is left out.
  case everythingExcluded
  /// Movement can only be measured while training.
  case movementNeedsTraining
  /// The scope asks for data.
  case sensitivityNeedsData
  case training(TrainingError)
}
