import Graph
import HostTensors
import Operators

/// Replaces dense layers and convolutions by two smaller ones whose product is near: collect, plan, apply.
///
/// A weight is taken as a matrix of low rank. Dense layers are split in two; convolutions into one of fewer filters
/// and one of 1 x 1, or into one of k x 1 and one of 1 x k, whichever is cheaper at the energy asked for. Weights
/// that an earlier pass gave zeros or a codebook stay as they are, and so do convolutions of several groups.
public struct LowRankFactorization: Sendable {
  public enum Budget: Sendable, Equatable {
    /// Each layer keeps at least this share of the sum of squares of its weight.
    case energy(Double)
    /// The network keeps at most this share of its multiply-accumulates, spent where most energy is kept.
    case multiplyAccumulates(share: Double)
  }

  public var budget: Budget

  public init(_ budget: Budget) { self.budget = budget }

  /// The spectra of all layers of `graph`, a training form with inferred shapes; `progress` counts layers.
  public func collect(from graph: Graph, progress: (Int, Int) -> Void = { _, _ in }) -> [LayerSpectrum] {
    let readers = graph.consumers()
    var spectra: [LayerSpectrum] = []
    for (index, node) in graph.nodes.enumerated() {
      progress(index + 1, graph.nodes.count)
      guard let reading = FactorizableLayer.reading(node, graph, readers: readers) else { continue }
      let weight = node.inputs.count > 1 ? node.inputs[1].flatMap { graph[$0].info?.shape } : nil
      var spectrum = LayerSpectrum(
        name: node.name, kind: node.kind, shape: weight ?? [],
        multiplyAccumulates: graph.multiplyAccumulates(of: node), options: [])
      switch reading {
      case .left(let reason): spectrum.reason = reason
      case .layer(let layer):
        spectrum.options = layer.candidates.map { candidate in
          LayerSpectrum.Option(candidate: candidate, values: candidate.decomposition(of: layer.tensor).values)
        }
      }
      spectra.append(spectrum)
    }
    return spectra
  }

  /// Which layers are factorized, how and to which rank.
  ///
  /// Errors: `.setting`, `.nothingToFactorize`, `.budgetOutOfReach`.
  public func plan(for graph: Graph, from spectra: [LayerSpectrum]) throws(LowRankError) -> FactorizationPlan {
    guard spectra.contains(where: { !$0.options.isEmpty }) else {
      throw .nothingToFactorize(
        reasons: spectra.compactMap { spectrum in spectrum.reason.map { "\(spectrum.name): \($0)" } })
    }
    let choices: [RankChoice?]
    let untouched: String
    switch budget {
    case .energy(let share):
      guard share > 0, share <= 1 else {
        throw .setting(name: "energy", value: share, expected: "more than 0, at most 1")
      }
      choices = spectra.map { $0.cheapest(keeping: share) }
      untouched = "no rank that keeps this energy is cheaper"
    case .multiplyAccumulates(let share):
      guard share > 0, share < 1 else { throw .setting(name: "macs", value: share, expected: "between 0 and 1") }
      choices = try RankChoice.spending(share, of: graph.multiplyAccumulates, on: spectra)
      untouched = "the budget is met without it"
    }
    return FactorizationPlan(
      layers: zip(spectra, choices).map { $0.layer($1, untouched: untouched) },
      multiplyAccumulates: graph.multiplyAccumulates,
      parameters: graph.parameterCount)
  }

  /// `graph` with the layers of `plan` in two.
  ///
  /// The layer NAME becomes NAME_reduce and NAME, its weight W becomes W_reduce and W_expand; the bias stays with the
  /// second. Errors: `.planMismatch` where the plan was made for another graph, `.graph`.
  public func apply(_ plan: FactorizationPlan, to graph: Graph) throws(LowRankError) -> Graph {
    var result = graph
    result.nodes = []
    let readers = graph.consumers()
    var layers = plan.layers[...]
    for node in graph.nodes {
      guard let reading = FactorizableLayer.reading(node, graph, readers: readers) else {
        result.nodes.append(node)
        continue
      }
      guard let layer = layers.popFirst(), layer.name == node.name else { throw .planMismatch(node: node.name) }
      guard case .factorized(let scheme, let rank, _, _) = layer.decision else {
        result.nodes.append(node)
        continue
      }
      guard case .layer(let found) = reading, let candidate = found.candidates.first(where: { $0.scheme == scheme }),
        rank <= candidate.fullRank
      else { throw .planMismatch(node: node.name) }
      do throws(GraphError) { try result.append(node, as: found, candidate, rank: rank) } catch { throw .graph(error) }
    }
    do throws(GraphError) {
      try result.verify()
      try result.inferShapes()
    } catch { throw .graph(error) }
    return result
  }
}

extension FactorizationCandidate {
  func decomposition(of weight: Tensor) -> SingularDecomposition {
    let matrix = scheme.matrix(of: weight)
    return SingularDecomposition(rows: matrix.rows, columns: matrix.columns, elements: matrix.elements)
  }
}

extension LayerSpectrum {
  /// What the plan says of this layer under a choice; nil leaves it, for the reason `untouched` where it has no own.
  func layer(_ choice: RankChoice?, untouched: String) -> FactorizationPlan.Layer {
    var layer = FactorizationPlan.Layer(
      name: name, kind: kind.rawValue, shape: shape, decision: .left(reason: reason ?? untouched),
      multiplyAccumulates: multiplyAccumulates, multiplyAccumulatesAfter: multiplyAccumulates,
      parameters: shape.elementCount, parametersAfter: shape.elementCount)
    guard let choice else { return layer }
    let candidate = options[choice.option].candidate
    layer.decision = .factorized(
      candidate.scheme, rank: choice.rank, fullRank: candidate.fullRank,
      energy: options[choice.option].energy(rank: choice.rank))
    layer.multiplyAccumulatesAfter = choice.multiplyAccumulates
    layer.parametersAfter = choice.rank * candidate.parametersPerRank
    return layer
  }
}
