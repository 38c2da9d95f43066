import Graph
import HostTensors

extension Initializer {
  /// Draws the parameters of a layered network by `seed` and their names.
  static func drawing(seed: UInt64) -> Initialize {
    { recipe, shape, name in
      let (initializer, fans) = Initializer.reading(recipe)
      do throws(InitializerError) {
        return Tensor(
          shape: shape, elements: try initializer.values(shape: shape, fans: fans, seed: seed, name: name))
      } catch { preconditionFailure("a layer asked for \(recipe) of \(shape): \(error)") }
    }
  }

  private static func reading(_ recipe: InitializerRecipe) -> (Initializer, Fans) {
    let none = Fans(input: 1, output: 1)
    switch recipe {
    case .constant(let value): return (.uniform(low: Double(value), high: Double(value)), none)
    case .uniform(let bound): return (.uniform(low: -Double(bound), high: Double(bound)), none)
    case .normal(let deviation): return (.normal(deviation: Double(deviation)), none)
    case .kaimingUniform(let fanIn): return (.kaimingUniform(), Fans(input: fanIn, output: 1))
    case .kaimingNormal(let fanIn): return (.kaimingNormal(), Fans(input: fanIn, output: 1))
    case .xavierUniform(let fanIn, let fanOut): return (.xavierUniform(), Fans(input: fanIn, output: fanOut))
    case .xavierNormal(let fanIn, let fanOut): return (.xavierNormal(), Fans(input: fanIn, output: fanOut))
    }
  }
}

/// The network that a recipe's `network` mapping describes, for one sample; its parameters are drawn by `seed`.
///
/// Errors: `.recipe`, `.network`.
package func layeredGraph(yaml: String, seed: UInt64) throws(TrainingError) -> Graph {
  let network: LayeredNetwork
  do throws(RecipeError) {
    network = try LayeredNetwork(RecipeDocument(yaml: yaml, path: "network").value.mapping())
  } catch { throw .recipe(error) }
  do throws(NetworkError) {
    return try network.graph(name: "network", batch: 1, initialize: Initializer.drawing(seed: seed))
  } catch { throw .network(error) }
}
