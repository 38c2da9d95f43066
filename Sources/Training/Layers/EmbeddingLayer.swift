import Graph

/// A trained vector for each token: [steps] of tokens to [steps, size]. Weight [vocabulary, size].
struct EmbeddingLayer: Layer {
  let vocabulary: Int
  let size: Int
  let initializer: InitializerChoice

  static let type = LayerType(
    "embedding", "A trained vector for each token.",
    [
      LayerParameter("vocabulary", "number of tokens, of which 0 is padding"),
      LayerParameter("size", "elements of a vector"), InitializerChoice.parameter,
    ]
  ) { (arguments) throws(RecipeError) in
    EmbeddingLayer(
      vocabulary: try arguments.required("vocabulary").integer(in: 1...1 << 24),
      size: try arguments.required("size").integer(in: 1...1 << 16), initializer: try InitializerChoice(arguments))
  }

  func add(to network: inout NetworkBuilder, input: ValueID) throws(NetworkError) -> ValueID {
    guard !network.isFloat(input), network.sampleShape(input).count == 1 else {
      throw network.shapeError(input, expected: "[steps] of tokens (input_type: int64)")
    }
    // A vector is looked up, not summed: its elements count as outputs alone.
    let weight = try network.parameter(
      "weight", [vocabulary, size], initializer.recipe(fanIn: size, fanOut: size, before: nil))
    return try network.add("Gather", [weight, input], ["axis": .int(0)])
  }
}

/// A trained vector for each place in a sequence, added to what stands there. Weight [steps, features].
struct PositionalLayer: Layer {
  static let type = LayerType("positional", "A trained vector added at each step of a sequence.") { _ in
    PositionalLayer()
  }

  func add(to network: inout NetworkBuilder, input: ValueID) throws(NetworkError) -> ValueID {
    try network.require(input, rank: 2...2, "[steps, features]")
    let weight = try network.parameter("weight", network.sampleShape(input), .normal(deviation: 0.02))
    return try network.add("Add", [input, weight])
  }
}
