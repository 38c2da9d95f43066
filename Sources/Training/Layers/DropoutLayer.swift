import Graph
import HostTensors

/// In training, sets each number to 0 with probability `rate` and enlarges the others; nothing afterwards
/// (Srivastava et al. 2014).
struct DropoutLayer: Layer {
  let rate: Double

  static let type = LayerType(
    "dropout", "In training, sets each number to 0 with a probability.", shorthand: "rate",
    [LayerParameter("rate", "the probability, 0 to below 1")]
  ) { (arguments) throws(RecipeError) in
    DropoutLayer(rate: try arguments.required("rate").number(in: .halfOpen(0, 1)))
  }

  func add(to network: inout NetworkBuilder, input: ValueID) throws(NetworkError) -> ValueID {
    try network.require(input, rank: 1...4, "a sample")
    return try network.dropout(input, rate: rate)
  }
}

extension NetworkBuilder {
  /// Dropout with the probability `rate`; the value itself where that is 0.
  mutating func dropout(_ value: ValueID, _ suffix: String? = nil, rate: Double) throws(NetworkError) -> ValueID {
    guard rate > 0 else { return value }
    let ratio = constant((suffix.map { "\($0)." } ?? "") + "ratio", Float(rate))
    return try add("Dropout", suffix, [value, ratio])
  }
}
