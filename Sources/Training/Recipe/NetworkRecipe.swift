import TensorTypes

/// The network that a recipe trains.
public enum NetworkRecipe: Sendable {
  /// An ONNX file.
  case file(String)
  case layers(LayeredNetwork)
}

extension NetworkRecipe {
  init(_ value: RecipeValue) throws(RecipeError) {
    let mapping = try value.mapping()
    if let file = mapping["file"] {
      try mapping.allowOnly(["file"])
      self = .file(located(try file.text(), from: value.file))
    } else {
      try mapping.allowOnly(["file", "input", "input_type", "layers"])
      self = .layers(try LayeredNetwork(mapping))
    }
  }
}

extension LayeredNetwork {
  /// The names of input types in recipes.
  private enum InputType: String, CaseIterable {
    case float32, int64
  }

  /// Reads `input`, `input_type` and `layers` of `mapping`.
  init(_ mapping: RecipeMapping) throws(RecipeError) {
    let inputType: InputType = try mapping["input_type"]?.choice("input type") ?? .float32
    self.init(
      input: try mapping.required("input").extents(), inputType: inputType == .int64 ? .int64 : .float32,
      layers: try LayerRecipe.list(mapping.required("layers")))
  }
}

extension RecipeValue {
  /// A list of extents of one sample.
  func extents() throws(RecipeError) -> [Int] {
    var extents: [Int] = []
    for element in try elements("a list of extents") { extents.append(try element.integer(in: 1...1 << 24)) }
    return extents
  }
}
