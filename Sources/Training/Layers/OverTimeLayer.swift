import Graph
import HostTensors
import Operators

/// The mean or the greatest of each feature over the steps: [steps, features] to [features].
struct OverTimeLayer: Layer {
  enum Summary {
    case mean, greatest
  }

  let summary: Summary
  let isMasked: Bool?

  private static let parameters = [
    LayerParameter("masked", "whether padding is left out; true unless given where the input is tokens")
  ]

  static let meanType = LayerType(
    "mean_over_time", "The mean of each feature over the steps.", parameters
  ) { (arguments) throws(RecipeError) in
    OverTimeLayer(summary: .mean, isMasked: try arguments.flag("masked"))
  }

  static let maxType = LayerType(
    "max_over_time", "The greatest of each feature over the steps.", parameters
  ) { (arguments) throws(RecipeError) in
    OverTimeLayer(summary: .greatest, isMasked: try arguments.flag("masked"))
  }

  func add(to network: inout NetworkBuilder, input: ValueID) throws(NetworkError) -> ValueID {
    try network.require(input, rank: 2...2, "[steps, features]")
    let steps = network.constant("axis", [1])
    guard isMasked ?? network.masksByDefault else {
      return try network.add(summary == .mean ? "ReduceMean" : "ReduceMax", [input, steps], ["keepdims": .int(0)])
    }
    let features = network.constant("feature_axis", [2])
    switch summary {
    case .mean:
      let mask = try network.paddingMask(fitting: input)
      let weights = try network.add("Unsqueeze", "weights", [mask, features])
      let kept = try network.add("Mul", "kept", [input, weights])
      let sum = try network.add("ReduceSum", "sum", [kept, steps], ["keepdims": .int(0)])
      let count = try network.add("ReduceSum", "count", [mask, steps], ["keepdims": .int(1)])
      // A sample of padding alone has the mean 0.
      let divisor = try network.add("Max", "divisor", [count, network.constant("one", 1)])
      return try network.add("Div", [sum, divisor])
    case .greatest:
      let penalty = try network.add("Unsqueeze", "penalty", [network.maskPenalty(fitting: input), features])
      let kept = try network.add("Add", "kept", [input, penalty])
      return try network.add("ReduceMax", [kept, steps], ["keepdims": .int(0)])
    }
  }
}
