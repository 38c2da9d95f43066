import Graph
import Operators

/// The greatest or the mean of a sliding window, channel by channel.
struct PoolLayer: Layer {
  let opType: String
  let window: WindowArguments

  private static let parameters = [
    LayerParameter("kernel", "extent of the window: one number or one for each axis"),
    LayerParameter("stride", "one number or one for each axis; the kernel unless given"), Padding.parameter,
  ]

  static let maxType = LayerType(
    "max_pool", "The greatest of a sliding window.", shorthand: "kernel", parameters
  ) { (arguments) throws(RecipeError) in
    PoolLayer(opType: "MaxPool", window: try WindowArguments(arguments, strideIsKernel: true))
  }

  static let averageType = LayerType(
    "average_pool", "The mean of a sliding window, padding not counted.", shorthand: "kernel", parameters
  ) { (arguments) throws(RecipeError) in
    PoolLayer(opType: "AveragePool", window: try WindowArguments(arguments, strideIsKernel: true))
  }

  func add(to network: inout NetworkBuilder, input: ValueID) throws(NetworkError) -> ValueID {
    try network.require(input, rank: 2...4, "[channels, positions...] with one to three axes of positions")
    guard let attributes = window.attributes(over: Array(network.sampleShape(input)[1...])) else {
      throw network.shapeError(input, expected: "as many axes of positions as kernel, stride and padding are for")
    }
    return try network.add(opType, [input], attributes)
  }
}

/// The mean of each channel: [channels, positions...] to [channels].
struct GlobalAverageLayer: Layer {
  static let type = LayerType("global_average_pool", "The mean of each channel.") { _ in GlobalAverageLayer() }

  func add(to network: inout NetworkBuilder, input: ValueID) throws(NetworkError) -> ValueID {
    try network.require(input, rank: 2...4, "[channels, positions...] with one to three axes of positions")
    let means = try network.add("GlobalAveragePool", [input])
    return try network.add("Flatten", "flatten", [means])
  }
}
