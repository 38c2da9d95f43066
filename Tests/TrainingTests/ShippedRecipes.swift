import Foundation
import Graph
import HostTensors
import Training

/// The recipes under `models/`.
enum ShippedRecipes {
  static let names = [
    "cnn-digits", "cnn-digits-augmented", "digit-gan", "lenet-300-100", "lenet-5", "mlp-digits", "sentiment-lstm",
    "sentiment-transformer", "xor-gate",
  ]

  static let models = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("models")

  static func path(_ name: String) -> String { models.appendingPathComponent("\(name)/recipe.yaml").path }

  static func supervised(_ name: String) throws -> SupervisedRecipe {
    guard case .supervised(let recipe) = try Recipe(contentsOf: path(name)) else { throw NotSupervised() }
    return recipe
  }

  /// The graph of a recipe's layers, its parameters drawn by `drawn`.
  static func graph(_ name: String, batch: Int = 1) throws -> Graph {
    guard case .layers(let network) = try supervised(name).network else { throw NotSupervised() }
    return try network.graph(name: name, batch: batch, initialize: drawn)
  }

  struct NotSupervised: Error {}
}

/// Numbers from -0.1 to 0.1 that follow from the name and the place alone; constants as they are.
func drawn(_ initializer: InitializerRecipe, shape: [Int], name: String) -> Tensor {
  if case .constant(let value) = initializer { return Tensor(shape: shape, repeating: value) }
  let seed = name.utf8.reduce(UInt64(14_695_981_039_346_656_037)) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
  return Tensor(shape: shape, elements: numbers(shape.elementCount, seed: seed).map { $0 / 10 })
}

/// Numbers between -1 and 1, the same in every run (a linear congruential generator, Knuth's constants).
func numbers(_ count: Int, seed: UInt64) -> [Float] {
  var state = seed
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(Int32(truncatingIfNeeded: state >> 32)) / Float(Int32.max)
  }
}

/// A supervised recipe with `layers` behind `input`, as YAML of one line each.
func network(_ layers: String, input: String = "[1, 28, 28]", type: String = "float32") throws -> LayeredNetwork {
  let yaml = """
    network: { input: \(input), input_type: \(type), layers: \(layers) }
    data: { train: t.yaml }
    loss: cross_entropy
    optimizer: adam
    epochs: 1
    """
  guard case .supervised(let recipe) = try Recipe(RecipeDocument(yaml: yaml, path: "recipe.yaml")),
    case .layers(let network) = recipe.network
  else { throw ShippedRecipes.NotSupervised() }
  return network
}
