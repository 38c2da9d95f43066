import Graph
import HostTensors
import Operators
import Training

/// How the loss answers to pruning one layer alone.
public struct SensitivityCurve: Codable, Sendable {
  public struct Point: Codable, Sendable, Equatable {
    public var sparsity: Double
    /// The loss less that of the network as it is.
    public var lossIncrease: Double

    public init(sparsity: Double, lossIncrease: Double) {
      self.sparsity = sparsity
      self.lossIncrease = lossIncrease
    }
  }

  public var layer: String
  /// By ascending sparsity.
  public var points: [Point]

  public init(layer: String, points: [Point]) {
    self.layer = layer
    self.points = points
  }
}

extension WeightPruning {
  /// Prunes each layer alone, a little and then more, and measures `loss` every time.
  ///
  /// The last point leaves what a layer keeps at least. Layers that `options` decides on are not measured.
  /// Cost: eight evaluations a layer and one.
  public func sensitivity<E: Error>(
    of layers: [PrunableLayer], in graph: Graph, loss: (Graph) throws(E) -> Double
  ) throws(E) -> [SensitivityCurve] {
    let base = try loss(graph)
    let least = (1 - options.sparsity) * PruningOptions.leastRelativeDensity
    let densities = [0.5, 0.35, 0.2, 0.1, 0.05, 0.02, 0.01].filter { $0 > least * 1.1 } + [least]
    var curves: [SensitivityCurve] = []
    for layer in layers where !options.layers.contains(where: { ParameterSelection.matches(layer.name, $0.pattern) }) {
      var points: [SensitivityCurve.Point] = []
      for density in densities {
        let plan = PruningPlan(
          options: options, layers: [.init(layer: layer, target: .own(sparsity: 1 - density))], sharedSparsity: 0,
          curves: [])
        var masks = PruningMasks(plan) { graph.weights($0) }
        masks.update(progress: 1) { _ in graph.weights(layer).map { abs($0) } }
        var pruned = graph
        pruned.setWeights(layer, masks.applied(to: graph.weights(layer), layer: 0))
        points.append(.init(sparsity: 1 - density, lossIncrease: try loss(pruned) - base))
      }
      curves.append(SensitivityCurve(layer: layer.name, points: points))
    }
    return curves
  }
}

extension SensitivityCurve {
  /// A stretch of a curve: so many more zeros, each at the same predicted loss.
  private struct Stretch {
    var layer: Int
    var zeros: Double
    var lossPerZero: Double
  }

  /// The sparsity of each of `layers` at which they have `total` together and the sum of predicted losses is least.
  ///
  /// A layer's prediction is the greatest convex curve below its measured one, on which taking the cheapest
  /// stretches first is optimal. Layers without a curve, and what the curves cannot reach, are shared out evenly.
  package static func sparsities(of layers: [PrunableLayer], total: Double, curves: [SensitivityCurve]) -> [Double] {
    let known = Dictionary(curves.map { ($0.layer, $0) }) { first, _ in first }
    var zeros = layers.map { Double($0.zeros) }
    var stretches: [Stretch] = []
    for (index, layer) in layers.enumerated() {
      stretches += known[layer.name]?.convexStretches(layer, index) ?? []
    }
    // Sorting keeps equal costs in the order of layers.
    let order = stretches.indices.sorted {
      (stretches[$0].lossPerZero, $0) < (stretches[$1].lossPerZero, $1)
    }
    var missing = total * Double(layers.reduce(0) { $0 + $1.count }) - zeros.reduce(0, +)
    for stretch in order.map({ stretches[$0] }) where missing > 0 {
      let taken = min(missing, stretch.zeros)
      zeros[stretch.layer] += taken
      missing -= taken
    }
    let left = zip(layers, zeros).reduce(0) { $0 + Double($1.0.count) - $1.1 }
    let further = missing > 0 && left > 0 ? min(1, missing / left) : 0
    return zip(layers, zeros).map { layer, zeros in
      let count = Double(layer.count)
      // The last weight stays.
      return min((zeros + (count - zeros) * further) / count, 1 - 1 / count)
    }
  }

  /// The lower convex hull of the points behind what is zero already, as stretches of ascending cost.
  private func convexStretches(_ layer: PrunableLayer, _ index: Int) -> [Stretch] {
    var hull = [(zeros: Double(layer.zeros), loss: 0.0)]
    var greatest = 0.0
    for point in points {
      let zeros = point.sparsity * Double(layer.count)
      guard zeros > hull[0].zeros else { continue }
      // Pruning that helps by chance is not counted on.
      greatest = max(greatest, point.lossIncrease.isFinite ? point.lossIncrease : .greatestFiniteMagnitude)
      while hull.count > 1 {
        let (a, b) = (hull[hull.count - 2], hull[hull.count - 1])
        guard (b.loss - a.loss) / (b.zeros - a.zeros) >= (greatest - b.loss) / (zeros - b.zeros) else { break }
        hull.removeLast()
      }
      hull.append((zeros, greatest))
    }
    return zip(hull, hull.dropFirst()).map { a, b in
      Stretch(layer: index, zeros: b.zeros - a.zeros, lossPerZero: (b.loss - a.loss) / (b.zeros - a.zeros))
    }
  }
}
