import Datasets
import Graph
import HostTensors

extension DecisionMap {
  /// The scores of a network of two inputs over the plane of its data, and the data themselves.
  ///
  /// The score is the only output, or the last one of two. The map reaches half the data's extent beyond them. Nil
  /// where the network has other inputs or outputs than that. Errors: those of evaluation and of reading samples.
  public init?(_ graph: Graph, dataset: Dataset, title: String) throws {
    guard dataset.elementCount == 2, dataset.hasLabels, let input = graph.inputs.first.flatMap({ graph[$0].info }),
      let output = graph.outputs.first.flatMap({ graph[$0].info }), input.shape == [1, 2],
      (1...2).contains(output.shape.elementCount)
    else { return nil }
    let points = try dataset.stacked(Array(0..<dataset.count)).floats
    func range(_ column: Int) -> ClosedRange<Double> {
      let values = stride(from: column, to: points.count, by: 2).map { Double(points[$0]) }
      let (low, high) = (values.min() ?? 0, values.max() ?? 1)
      let margin = max((high - low) / 2, 0.5)
      return low - margin...high + margin
    }
    let grid = Grid(x: range(0), y: range(1))
    let centers = grid.centers.flatMap { [Float($0.x), Float($0.y)] }
    let scores = try Evaluator(graph).run([Tensor(shape: [centers.count / 2, 2], elements: centers)])[0].floats
    let width = output.shape.elementCount
    self.init(
      title, x: PlotAxis("first input"), y: PlotAxis("second input"), grid: grid,
      values: stride(from: width - 1, to: scores.count, by: width).map { Double(scores[$0]) },
      samples: (0..<dataset.count).map { index in
        Sample(
          Double(points[2 * index]), Double(points[2 * index + 1]), isPositive: (dataset.label(index) ?? 0) > 0)
      })
  }
}
