import Graph
import HostTensors
import Operators
import Training

/// Everything that pruning will do, decided before anything is changed.
public struct PruningPlan: Sendable {
  /// What becomes of one layer.
  public enum Target: Sendable, Equatable {
    /// A share of its own.
    case own(sparsity: Double)
    /// What the threshold over all layers that share `PruningPlan.sharedSparsity` leaves.
    case shared
    /// Left as it is.
    case excluded
  }

  public struct Layer: Sendable {
    public var layer: PrunableLayer
    public var target: Target
  }

  public var options: PruningOptions
  public var layers: [Layer]
  /// Of the layers of one threshold, taken together.
  public var sharedSparsity: Double
  /// What the layers' shares were chosen by, where the scope is sensitivity.
  public var curves: [SensitivityCurve]

  /// Weights that stay, as a share of those that are not zero now; at most 1.
  var remainingShare: Double {
    var (before, after) = (0.0, 0.0)
    for planned in layers {
      let now = Double(planned.layer.count - planned.layer.zeros)
      let wanted: Double
      switch planned.target {
      case .own(let sparsity): wanted = sparsity
      case .shared: wanted = sharedSparsity
      case .excluded: wanted = 0
      }
      before += now
      after += min(now, (1 - wanted) * Double(planned.layer.count))
    }
    return before > 0 ? after / before : 1
  }
}

/// Unstructured pruning: weights of least importance become zero, and the network keeps its shape.
///
/// `collect` finds the weights, `plan` decides, `apply` prunes in one go. `GradualPruning` does the same step by step
/// while the network is trained.
public struct WeightPruning: Sendable {
  public let options: PruningOptions

  /// Errors: `.sparsity`, `.fixedByPattern`.
  public init(_ options: PruningOptions) throws(PruningError) {
    try options.check()
    self.options = options
  }

  /// The weight tensors of `graph`. Errors: `.noWeights`.
  public func collect(from graph: Graph) throws(PruningError) -> [PrunableLayer] {
    let layers = graph.prunableLayers()
    guard !layers.isEmpty else { throw .noWeights }
    return layers
  }

  /// Decides what becomes of `layers`; `curves` are what `sensitivity(of:in:loss:)` measured.
  ///
  /// Errors: `.nothingNamed`, `.everythingExcluded`, `.sensitivityNeedsData`.
  public func plan(_ layers: [PrunableLayer], curves: [SensitivityCurve] = []) throws(PruningError) -> PruningPlan {
    for wanted in options.layers where !layers.contains(where: { Self.names(wanted, $0) }) {
      throw .nothingNamed(pattern: wanted.pattern, known: layers.map(\.name))
    }
    let common = options.pattern.ownSparsity ?? options.sparsity
    let isOneThreshold = options.scope == .global && options.pattern.ownSparsity == nil
    var planned = layers.map { layer in
      let own = options.layers.last { Self.names($0, layer) }?.sparsity
      let target: PruningPlan.Target =
        own.map { $0 == 0 ? .excluded : .own(sparsity: $0) } ?? (isOneThreshold ? .shared : .own(sparsity: common))
      return PruningPlan.Layer(layer: layer, target: target)
    }
    guard planned.contains(where: { $0.target != .excluded }) else { throw .everythingExcluded }
    if options.scope == .sensitivity, options.pattern.ownSparsity == nil {
      guard !curves.isEmpty else { throw .sensitivityNeedsData }
      let free = planned.indices.filter { index in !options.layers.contains { Self.names($0, layers[index]) } }
      let shares = SensitivityCurve.sparsities(
        of: free.map { layers[$0] }, total: options.sparsity, curves: curves)
      for (index, share) in zip(free, shares) { planned[index].target = .own(sparsity: share) }
    }
    return PruningPlan(options: options, layers: planned, sharedSparsity: common, curves: curves)
  }

  /// The graph with its least important weights at zero, and what was done.
  ///
  /// Errors: `.movementNeedsTraining`.
  public func apply(
    _ plan: PruningPlan, to graph: Graph
  ) throws(PruningError) -> (graph: Graph, report: PruningReport) {
    guard options.importance == .magnitude else { throw .movementNeedsTraining }
    var masks = PruningMasks(plan) { graph.weights($0) }
    masks.update(progress: 1) { graph.weights(plan.layers[$0].layer).map { abs($0) } }
    var pruned = graph
    for (index, planned) in plan.layers.enumerated() where planned.target != .excluded {
      pruned.setWeights(planned.layer, masks.applied(to: graph.weights(planned.layer), layer: index))
    }
    return (pruned, PruningReport(plan, before: graph, after: pruned, thresholds: masks.thresholds))
  }

  private static func names(_ wanted: LayerSparsity, _ layer: PrunableLayer) -> Bool {
    ParameterSelection.matches(layer.name, wanted.pattern)
  }
}

extension Graph {
  func weights(_ layer: PrunableLayer) -> [Float] { self[layer.value].constant?.floats ?? [] }

  mutating func setWeights(_ layer: PrunableLayer, _ weights: [Float]) {
    self[layer.value].info = ValueInfo(Tensor(shape: layer.shape, elements: weights))
  }
}
