import Graph
import HostTensors
import Operators
import TensorTypes

/// Gives the first value of a parameter, of the shape, for a name that is unique in the network.
public typealias Initialize = (InitializerRecipe, [Int], String) -> Tensor

/// A network as a list of layers.
public struct LayeredNetwork: Sendable {
  /// Extents of one sample: [channels, height, width], [steps, features] or [features]; for tokens [steps].
  public var input: [Int]
  /// float32, or int64 for numbers of tokens.
  public var inputType: DType
  public var layers: [LayerRecipe]

  public init(input: [Int], inputType: DType = .float32, layers: [LayerRecipe]) {
    self.input = input
    self.inputType = inputType
    self.layers = layers
  }

  /// The graph for batches of `batch` samples: `input` [batch, sample...] to `output`.
  ///
  /// The names and shapes of parameters are the same for every batch. Parameters are named by layer,
  /// `conv1.weight`, where the number counts the layers of that type. Errors: `NetworkError` with the layer.
  public func graph(name: String, batch: Int, initialize: @escaping Initialize) throws(NetworkError) -> Graph {
    var builder = try NetworkBuilder(self, name: name, batch: batch, initialize: initialize)
    let output = try builder.add(layers, behind: builder.input)
    return builder.finished(output: output)
  }
}

extension AdversarialRecipe {
  /// The graphs of generator and discriminator for batches of `batch` samples.
  ///
  /// Parameters are drawn by names that begin with `generator.` and `discriminator.`.
  /// Errors: `.shape` of the last layer where the generator does not give what the discriminator takes, or where that
  /// gives more than one number a sample.
  public func graphs(
    batch: Int, initialize: @escaping Initialize
  ) throws(NetworkError) -> (generator: Graph, discriminator: Graph) {
    let first = try generator.network.graph(name: "generator", batch: batch) { initialize($0, $1, "generator.\($2)") }
    let second = try discriminator.network.graph(name: "discriminator", batch: batch) {
      initialize($0, $1, "discriminator.\($2)")
    }
    try Self.check(first, gives: discriminator.network.input, generator.network)
    try Self.check(second, gives: [1], discriminator.network)
    return (first, second)
  }

  private static func check(_ graph: Graph, gives shape: [Int], _ network: LayeredNetwork) throws(NetworkError) {
    let found = graph[graph.outputs[0]].info.map { Array($0.shape.dropFirst()) } ?? []
    guard found != shape, let last = network.layers.last else { return }
    let place = LayerPlace(index: network.layers.count - 1, name: last.name ?? last.type, place: last.place)
    throw .shape(place, expected: "\(graph.name) to give \(shape) a sample", found: found)
  }
}
