import Graph

/// Layers with a shortcut around them: x + f(x), or shortcut(x) + f(x) (He et al. 2016).
struct ResidualLayer: Layer {
  let layers: [LayerRecipe]
  /// Empty for the input itself.
  let shortcut: [LayerRecipe]
  let activation: Activation?

  static let type = LayerType(
    "residual", "Layers with a shortcut around them.", shorthand: "layers",
    [
      LayerParameter("layers", "a list of layers"),
      LayerParameter("shortcut", "layers of the shortcut, where the shape changes; none unless given"),
      Activation.parameter,
    ]
  ) { (arguments) throws(RecipeError) in
    ResidualLayer(
      layers: try LayerRecipe.list(arguments.required("layers")),
      shortcut: try arguments["shortcut"].map { (value) throws(RecipeError) in try LayerRecipe.list(value) } ?? [],
      activation: try Activation(arguments))
  }

  func add(to network: inout NetworkBuilder, input: ValueID) throws(NetworkError) -> ValueID {
    let main = try network.addWithin(layers, behind: input)
    let side = try network.addWithin(shortcut, behind: input)
    guard network.sampleShape(main) == network.sampleShape(side) else {
      throw network.shapeError(main, expected: "\(network.sampleShape(side)), as the shortcut gives")
    }
    let sum = try network.add("Add", [main, side])
    return try network.add(activation, behind: sum)
  }
}
