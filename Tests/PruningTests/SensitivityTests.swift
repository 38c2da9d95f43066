import Graph
import HostTensors
import Pruning
import Testing

/// Layers that mind pruning keep more of their weights.
@Suite struct SensitivityTests {
  private static func layers() throws -> [PrunableLayer] { try oddNetwork().prunableLayers() }

  private static func curve(_ layer: PrunableLayer, _ scale: Double) -> SensitivityCurve {
    // Convex in the sparsity.
    let points = [0.2, 0.4, 0.6, 0.8, 0.9, 0.98].map {
      SensitivityCurve.Point(sparsity: $0, lossIncrease: scale * $0 * $0 * $0)
    }
    return SensitivityCurve(layer: layer.name, points: points)
  }

  private static func loss(_ curve: SensitivityCurve, _ sparsity: Double) -> Double {
    var before = SensitivityCurve.Point(sparsity: 0, lossIncrease: 0)
    for point in curve.points {
      if sparsity <= point.sparsity + 1e-9 {
        let share = (sparsity - before.sparsity) / (point.sparsity - before.sparsity)
        return before.lossIncrease + share * (point.lossIncrease - before.lossIncrease)
      }
      before = point
    }
    return .infinity
  }

  /// No other way to share out the same zeros predicts less loss: every pair of layers, zeros moved in both directions.
  @Test(arguments: [0.3, 0.5, 0.8, 0.9]) func sharesPredictTheLeastLoss(total: Double) throws {
    let layers = try Self.layers()
    let curves = zip(layers, [0.1, 3, 0.4]).map { Self.curve($0, $1) }
    let shares = SensitivityCurve.sparsities(of: layers, total: total, curves: curves)
    let count = Double(layers.reduce(0) { $0 + $1.count })
    let reached = zip(layers, shares).reduce(0) { $0 + Double($1.0.count) * $1.1 }
    #expect(abs(reached - total * count) < 1e-6)
    func predicted(_ shares: [Double]) -> Double { zip(curves, shares).reduce(0) { $0 + Self.loss($1.0, $1.1) } }
    for from in layers.indices {
      for to in layers.indices where to != from {
        for moved in [1.0, 5, 20] {
          var other = shares
          other[from] -= moved / Double(layers[from].count)
          other[to] += moved / Double(layers[to].count)
          guard other[from] >= 0, other[to] <= 0.98 + 1e-9 else { continue }
          #expect(predicted(other) >= predicted(shares) - 1e-9)
        }
      }
    }
  }

  @Test func whatCurvesCannotReachIsSharedOutEvenly() throws {
    let layers = try Self.layers()
    let shares = SensitivityCurve.sparsities(
      of: layers, total: 0.99, curves: layers.map { Self.curve($0, 1) })
    #expect(shares.allSatisfy { abs($0 - 0.99) < 1e-9 })
  }

  /// A layer that the loss depends on is pruned less than one that it does not see.
  @Test func measuredCurvesDecide() throws {
    let graph = try oddNetwork()
    var options = PruningOptions(sparsity: 0.8)
    options.scope = .sensitivity
    let pruning = try WeightPruning(options)
    let layers = try pruning.collect(from: graph)
    let target = graph.floats("dense2.weight")
    let curves = try pruning.sensitivity(of: layers, in: graph) { (pruned) throws(PruningError) in
      zip(pruned.floats("dense2.weight"), target).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
    }
    #expect(curves.map(\.layer) == oddWeights)
    #expect(curves[0].points.allSatisfy { $0.lossIncrease == 0 })
    #expect(curves[2].points.map(\.lossIncrease) == curves[2].points.map(\.lossIncrease).sorted())
    let (_, report) = try pruning.apply(pruning.plan(layers, curves: curves), to: graph)
    // Of the one that matters go only those that the other two cannot give, which keep a fifth of the density.
    #expect(report.layers.prefix(2).allSatisfy { abs($0.sparsity - 0.96) < 0.005 })
    #expect(abs(report.sparsity - 0.8) < 0.002)
    #expect(report.layers[2].sparsity < 0.12)
  }
}
