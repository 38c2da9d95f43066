import Graph

/// Each channel with the mean and variance of the batch in training, and their running means afterwards, then scaled and
/// shifted (Ioffe and Szegedy 2015).
///
/// Scale `weight`, shift `bias`, `running_mean` and `running_var`, each [channels].
struct BatchNormLayer: Layer {
  let epsilon: Double
  let momentum: Double

  static let type = LayerType(
    "batch_norm", "Each channel with mean 0 and variance 1 over the batch, then scaled and shifted.",
    [
      LayerParameter("epsilon", "added to the variance; 0.00001 unless given"),
      LayerParameter("momentum", "what the running statistics keep of themselves in each step; 0.9 unless given"),
    ]
  ) { (arguments) throws(RecipeError) in
    BatchNormLayer(
      epsilon: try arguments.number("epsilon", in: .positive) ?? 1e-5,
      momentum: try arguments.number("momentum", in: .halfOpen(0, 1)) ?? 0.9)
  }

  func add(to network: inout NetworkBuilder, input: ValueID) throws(NetworkError) -> ValueID {
    try network.require(input, rank: 1...4, "[channels] or [channels, positions...]")
    let channels = [network.sampleShape(input)[0]]
    let inputs = [
      input, try network.parameter("weight", channels, .constant(1)),
      try network.parameter("bias", channels, .constant(0)),
      try network.parameter("running_mean", channels, .constant(0)),
      try network.parameter("running_var", channels, .constant(1)),
    ]
    return try network.add(
      "BatchNormalization", inputs, ["epsilon": .float(Float(epsilon)), "momentum": .float(Float(momentum))])
  }
}

/// The features of each sample or step with mean 0 and variance 1, then scaled and shifted (Ba, Kiros and Hinton 2016).
///
/// Scale `weight` and shift `bias`, each [features].
struct LayerNormLayer: Layer {
  let epsilon: Double

  static let type = LayerType(
    "layer_norm", "The last axis with mean 0 and variance 1, then scaled and shifted.",
    [LayerParameter("epsilon", "added to the variance; 0.00001 unless given")]
  ) { (arguments) throws(RecipeError) in
    LayerNormLayer(epsilon: try arguments.number("epsilon", in: .positive) ?? 1e-5)
  }

  func add(to network: inout NetworkBuilder, input: ValueID) throws(NetworkError) -> ValueID {
    try network.require(input, rank: 1...4, "[features] or [steps, features]")
    return try network.layerNorm(input, epsilon: epsilon)
  }
}

extension NetworkBuilder {
  /// Layer normalization along the last axis; `part` names it within its layer.
  mutating func layerNorm(
    _ input: ValueID, _ part: String? = nil, epsilon: Double = 1e-5
  ) throws(NetworkError) -> ValueID {
    func named(_ suffix: String) -> String { part.map { "\($0).\(suffix)" } ?? suffix }
    let features = Array(sampleShape(input).suffix(1))
    let inputs = [
      input, try parameter(named("weight"), features, .constant(1)),
      try parameter(named("bias"), features, .constant(0)),
    ]
    return try add("LayerNormalization", part, inputs, ["axis": .int(-1), "epsilon": .float(Float(epsilon))])
  }
}
