import Graph

/// One layer of a recipe's network: it adds its nodes and parameters to a graph.
///
/// Axis 0 of every value is the batch. What a layer writes as constants never holds the batch's extent, so the graph
/// computes any batch.
protocol Layer: Sendable {
  /// Adds the layer behind `input` and returns its output.
  ///
  /// Errors: `.shape` where the input does not fit.
  func add(to network: inout NetworkBuilder, input: ValueID) throws(NetworkError) -> ValueID
}

/// An argument of a layer in recipes.
public struct LayerParameter: Sendable {
  public let name: String
  /// What it means, its unit and its default.
  public let summary: String

  init(_ name: String, _ summary: String) {
    self.name = name
    self.summary = summary
  }
}

/// A kind of layer that recipes know: a row of `layerTypes`.
public struct LayerType: Sendable {
  public let name: String
  /// One sentence.
  public let summary: String
  public let parameters: [LayerParameter]
  /// The parameter that a value alone stands for: `dense: 10`.
  public let shorthand: String?
  let read: @Sendable (RecipeMapping) throws(RecipeError) -> any Layer

  init(
    _ name: String, _ summary: String, shorthand: String? = nil, _ parameters: [LayerParameter] = [],
    read: @escaping @Sendable (RecipeMapping) throws(RecipeError) -> any Layer
  ) {
    self.name = name
    self.summary = summary
    self.parameters = parameters
    self.shorthand = shorthand
    self.read = read
  }
}

/// Every layer that a recipe may name, in the order in which they are listed.
public let layerTypes: [LayerType] =
  [
    ConvolutionLayer.type, ConvolutionLayer.depthwiseType, TransposedConvolutionLayer.type, PoolLayer.maxType,
    PoolLayer.averageType, GlobalAverageLayer.type, DenseLayer.type, FlattenLayer.type, ReshapeLayer.type,
    PermuteLayer.type, UpsampleLayer.type, DropoutLayer.type, BatchNormLayer.type, LayerNormLayer.type,
    SoftmaxLayer.type, EmbeddingLayer.type, PositionalLayer.type, RecurrentLayer.lstmType, RecurrentLayer.gruType,
    RecurrentLayer.rnnType, EncoderLayer.type, OverTimeLayer.meanType, OverTimeLayer.maxType, ResidualLayer.type,
  ] + Activation.allCases.map(\.layerType)

/// A layer as a recipe lists it.
public struct LayerRecipe: Sendable {
  /// The row of `layerTypes`.
  public var type: String
  /// The name that the recipe gives it; nil for the type and a number.
  public var name: String?
  public var place: RecipePlace
  let layer: any Layer
}

extension LayerRecipe {
  /// Reads a list of layers.
  static func list(_ value: RecipeValue) throws(RecipeError) -> [LayerRecipe] {
    var layers: [LayerRecipe] = []
    for element in try value.elements("a list of layers") { layers.append(try LayerRecipe(element)) }
    return layers
  }

  /// Reads `softmax`, `dense: 10` or `dense: { units: 10 }`.
  init(_ value: RecipeValue) throws(RecipeError) {
    let named = try NamedArguments(value, what: "layer")
    guard let type = layerTypes.first(where: { $0.name == named.name }) else {
      throw .unknownName(value.place, what: "layer", found: named.name, known: layerTypes.map(\.name))
    }
    let arguments = try Self.arguments(named, of: type)
    try arguments.allowOnly(type.parameters.map(\.name) + ["name"])
    self.init(
      type: type.name, name: try arguments["name"].map { (value) throws(RecipeError) in try Self.name(value) },
      place: value.place, layer: try type.read(arguments))
  }

  private static func arguments(_ named: NamedArguments, of type: LayerType) throws(RecipeError) -> RecipeMapping {
    guard let value = named.arguments else { return RecipeMapping(place: named.place, entries: []) }
    if case .mapping = value.node { return try value.mapping() }
    guard let shorthand = type.shorthand else { throw value.wrong("a mapping of keys") }
    return RecipeMapping(place: named.place, entries: [.init(key: shorthand, value: value)])
  }

  /// A name may be part of an ONNX value's name and of a pattern.
  private static func name(_ value: RecipeValue) throws(RecipeError) -> String {
    let name = try value.text()
    guard name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }) else {
      throw value.wrong("a name of letters, digits, _ and -")
    }
    return name
  }
}
