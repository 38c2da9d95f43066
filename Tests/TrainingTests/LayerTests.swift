import Foundation
import Graph
import HostTensors
import Operators
import TensorTypes
import Testing
import Training

/// A layer behind an input: what it gives and what it has to learn.
struct LayerCase: CustomTestStringConvertible, Sendable {
  var layers: String
  var input: String
  var type = "float32"
  var output: [Int]
  /// Numbers of all constants that are not scalars or integers.
  var parameters: Int

  var testDescription: String { "\(layers) behind \(input)" }

  init(_ layers: String, _ input: String, type: String = "float32", gives output: [Int], parameters: Int = 0) {
    self.layers = layers
    self.input = input
    self.type = type
    self.output = output
    self.parameters = parameters
  }

  static let all: [LayerCase] =
    [
      .init("[conv: { filters: 20, kernel: 5 }]", "[1, 28, 28]", gives: [20, 24, 24], parameters: 520),
      .init("[conv: { filters: 4, kernel: [3, 5], padding: same }]", "[2, 9, 8]", gives: [4, 9, 8], parameters: 124),
      .init(
        "[conv: { filters: 4, kernel: 3, stride: 2, padding: same, bias: false }]", "[2, 9, 8]", gives: [4, 5, 4],
        parameters: 72),
      .init(
        "[conv: { filters: 6, kernel: 3, padding: 1, groups: 2 }]", "[4, 7, 7]", gives: [6, 7, 7], parameters: 114),
      .init("[conv: { filters: 2, kernel: 3, dilation: 2 }]", "[1, 9, 9]", gives: [2, 5, 5], parameters: 20),
      .init(
        "[conv: { filters: 3, kernel: 4, padding: same, activation: gelu }]", "[2, 10]", gives: [3, 10], parameters: 27),
      .init("[depthwise_conv: { kernel: 3, padding: same }]", "[5, 6, 6]", gives: [5, 6, 6], parameters: 50),
      .init("[depthwise_conv: { kernel: 3, multiplier: 2 }]", "[5, 6, 6]", gives: [10, 4, 4], parameters: 100),
      .init(
        "[conv_transpose: { filters: 3, kernel: 4, stride: 2, padding: same }]", "[5, 7, 7]", gives: [3, 14, 14],
        parameters: 243),
      .init(
        "[conv_transpose: { filters: 3, kernel: 2, stride: 3, padding: same }]", "[1, 4]", gives: [3, 12], parameters: 9
      ),
      .init("[conv_transpose: { filters: 2, kernel: 3, groups: 2 }]", "[4, 5, 5]", gives: [2, 7, 7], parameters: 38),
      .init("[max_pool: 2]", "[3, 7, 8]", gives: [3, 3, 4]),
      .init("[max_pool: { kernel: 3, stride: 2, padding: same }]", "[3, 7, 8]", gives: [3, 4, 4]),
      .init("[average_pool: { kernel: [2, 4] }]", "[3, 8, 8]", gives: [3, 4, 2]),
      .init("[global_average_pool]", "[3, 7, 8]", gives: [3]),
      .init("[dense: 10]", "[7]", gives: [10], parameters: 80),
      .init("[dense: { units: 10, bias: false, activation: tanh }]", "[2, 3, 3]", gives: [10], parameters: 180),
      .init("[dense: 10]", "[5, 7]", gives: [5, 10], parameters: 80),
      .init("[flatten]", "[2, 3, 4]", gives: [24]),
      .init("[reshape: [6, -1]]", "[2, 3, 4]", gives: [6, 4]),
      .init("[permute: [2, 0, 1]]", "[2, 3, 4]", gives: [4, 2, 3]),
      .init("[upsample: 2]", "[2, 3, 4]", gives: [2, 6, 8]),
      .init("[upsample: { factor: 3, mode: linear }]", "[2, 3, 4]", gives: [2, 9, 12]),
      .init("[dropout: 0.5]", "[2, 3, 4]", gives: [2, 3, 4]),
      .init("[batch_norm]", "[3, 4, 4]", gives: [3, 4, 4], parameters: 12),
      .init("[softmax]", "[9]", gives: [9]),
      .init("[embedding: { vocabulary: 11, size: 3 }]", "[5]", type: "int64", gives: [5, 3], parameters: 33),
      .init(
        "[embedding: { vocabulary: 11, size: 3 }, positional]", "[5]", type: "int64", gives: [5, 3], parameters: 48),
      .init("[mean_over_time]", "[5, 3]", gives: [3]),
      .init("[max_over_time]", "[5, 3]", gives: [3]),
      .init(
        "[embedding: { vocabulary: 11, size: 3 }, mean_over_time]", "[5]", type: "int64", gives: [3], parameters: 33),
      .init(
        "[embedding: { vocabulary: 11, size: 3 }, max_over_time: {}]", "[5]", type: "int64", gives: [3], parameters: 33),
      .init("[residual: [{ dense: 6 }, relu, { dense: 4 }]]", "[4]", gives: [4], parameters: 58),
      .init(
        "[residual: { layers: [{ conv: { filters: 4, kernel: 3, stride: 2, padding: 1 } }],"
          + " shortcut: [{ conv: { filters: 4, kernel: 1, stride: 2 } }], activation: relu }]",
        "[2, 8, 8]", gives: [4, 4, 4], parameters: 76 + 12),
      .init("[layer_norm]", "[4, 6]", gives: [4, 6], parameters: 12),
      .init("[lstm: 6]", "[5, 3]", gives: [6], parameters: 4 * 6 * 3 + 4 * 6 * 6 + 8 * 6),
      .init(
        "[gru: { units: 6, return: sequence }]", "[5, 3]", gives: [5, 6], parameters: 3 * 6 * 3 + 3 * 6 * 6 + 6 * 6),
      .init("[rnn: { units: 6, bidirectional: true }]", "[5, 3]", gives: [12], parameters: 2 * (6 * 3 + 6 * 6 + 2 * 6)),
      .init(
        "[lstm: { units: 6, bidirectional: true, return: sequence }]", "[5, 3]", gives: [5, 12],
        parameters: 2 * (4 * 6 * 3 + 4 * 6 * 6 + 8 * 6)),
      .init(
        "[embedding: { vocabulary: 11, size: 3 }, lstm: 6]", "[5]", type: "int64", gives: [6],
        parameters: 33 + 4 * 6 * 3 + 4 * 6 * 6 + 8 * 6),
      .init(
        "[encoder: { heads: 2, feed_forward: 5, dropout: 0.1 }]", "[7, 4]", gives: [7, 4],
        parameters: 4 * (16 + 4) + 2 * 8 + (4 * 5 + 5) + (5 * 4 + 4)),
      .init(
        "[encoder: { heads: 4, norm: post }]", "[7, 8]", gives: [7, 8], parameters: 4 * 72 + 2 * 16 + 8 * 32 * 2 + 40),
      .init(
        "[embedding: { vocabulary: 11, size: 4 }, encoder: 2]", "[5]", type: "int64", gives: [5, 4],
        parameters: 44 + 4 * 20 + 2 * 8 + 4 * 16 * 2 + 20),
    ]
    + Activation.allCases.map { .init("[\($0.rawValue)]", "[2, 3]", gives: [2, 3]) }
}

/// Layers that do not fit what comes into them.
struct LayerMistake: CustomTestStringConvertible, Sendable {
  var layers: String
  var input: String
  var type = "float32"
  var sentence: String

  var testDescription: String { sentence }

  static let all: [LayerMistake] = [
    .init(
      layers: "[dense: 4, conv: { filters: 2, kernel: 3 }]", input: "[8]",
      sentence: "network.layers.1: layer 1 (conv1): expected [channels, positions...] with one to three axes of"
        + " positions, found [4]"),
    .init(
      layers: "[conv: { filters: 2, kernel: 9 }]", input: "[1, 8, 8]",
      sentence: "network.layers.0: layer 0 (conv1): Conv: a window of 9 does not fit into 8 elements padded by 0 and 0"),
    .init(
      layers: "[conv: { filters: 2, kernel: [3, 3, 3] }]", input: "[1, 8, 8]",
      sentence:
        "network.layers.0: layer 0 (conv1): expected as many axes of positions as kernel, stride and padding are"
        + " for, found [1, 8, 8]"),
    .init(
      layers: "[conv: { filters: 3, kernel: 3, groups: 2, name: stem }]", input: "[4, 8, 8]",
      sentence: "network.layers.0: layer 0 (stem): expected channels (and 3 filters) in 2 equal groups, found [4, 8, 8]"
    ),
    .init(
      layers: "[reshape: [5, -1]]", input: "[8]",
      sentence: "network.layers.0: layer 0 (reshape1): expected as many elements as [5, -1], found [8]"),
    .init(
      layers: "[embedding: { vocabulary: 4, size: 2 }]", input: "[8]",
      sentence: "network.layers.0: layer 0 (embedding1): expected [steps] of tokens (input_type: int64), found [8]"),
    .init(
      layers: "[dense: 2]", input: "[8]", type: "int64",
      sentence: "network.layers.0: layer 0 (dense1): expected [features], [steps, features] or an image of numbers, not"
        + " tokens, found [8]"),
    .init(
      layers: "[encoder: 3]", input: "[5, 8]",
      sentence: "network.layers.0: layer 0 (encoder1): expected features that 3 heads share evenly, found [5, 8]"),
    .init(
      layers: "[mean_over_time: { masked: true }]", input: "[5, 8]",
      sentence:
        "network.layers.0: layer 0 (mean_over_time1): expected tokens as the network's input (input_type: int64),"
        + " to mask by them, found [5, 8]"),
    .init(
      layers: "[residual: [{ dense: 3 }]]", input: "[4]",
      sentence: "network.layers.0: layer 0 (residual1): expected [4], as the shortcut gives, found [3]"),
    .init(
      layers: "[residual: [relu, { conv: { filters: 1, kernel: 1 } }]]", input: "[4]",
      sentence: "network.layers.0.residual.1: layer 1 (residual1.conv1): expected [channels, positions...] with one to"
        + " three axes of positions, found [4]"),
    .init(
      layers: "[dense: 16777216]", input: "[1024]",
      sentence: "network.layers.0: layer 0 (dense1): dense1.weight of shape [16777216, 1024] has more than 268435456"
        + " elements"),
  ]
}

@Suite struct LayerTests {
  /// Shapes are inferred and then computed; a batch of 3 has the parameters of a batch of 1.
  @Test(arguments: LayerCase.all) func layerGivesShapeAndParameters(layer: LayerCase) throws {
    let network = try network(layer.layers, input: layer.input, type: layer.type)
    var names: Set<[String]> = []
    for batch in [1, 3] {
      let graph = try network.graph(name: "layer", batch: batch, initialize: drawn)
      #expect(graph[graph.outputs[0]].info?.shape == [batch] + layer.output)
      #expect(graph[graph.outputs[0]].name == "output")
      #expect(graph.parameterCount == layer.parameters + untrained(graph))
      names.insert(graph.liveConstants().map { graph[$0].name })
      let outputs = try Evaluator(graph).run([sample(network, batch: batch)])
      #expect(outputs.map(\.shape) == [[batch] + layer.output])
      #expect(outputs[0].floats.allSatisfy { $0.isFinite })
    }
    #expect(names.count == 1)
  }

  /// A batch evaluates as its samples do one by one: no constant holds the batch.
  @Test(arguments: LayerCase.all) func graphOfOneSampleComputesAnyBatch(layer: LayerCase) throws {
    let network = try network(layer.layers, input: layer.input, type: layer.type)
    let single = Evaluator(try network.graph(name: "one", batch: 1, initialize: drawn))
    let whole = Evaluator(try network.graph(name: "three", batch: 3, initialize: drawn))
    let batch = sample(network, batch: 3)
    #expect(try single.run([batch])[0].floats == whole.run([batch])[0].floats)
  }

  /// The factors of a Resize are floats that nothing trains.
  private func untrained(_ graph: Graph) -> Int {
    graph.nodes.filter { $0.kind == .resize }.reduce(0) {
      $0 + ($1.inputs[2].flatMap { graph[$0].constant?.count } ?? 0)
    }
  }

  private func sample(_ network: LayeredNetwork, batch: Int) -> Tensor {
    let shape = [batch] + network.input
    let values = numbers(shape.elementCount, seed: 3)
    if network.inputType == .float32 { return Tensor(shape: shape, elements: values) }
    return Tensor(shape: shape, elements: values.map { Int64(max(0, $0) * 10.9) })
  }

  @Test(arguments: [
    ("mlp-digits", 101_770), ("lenet-300-100", 266_610), ("lenet-5", 431_080), ("cnn-digits", 93_322),
    ("cnn-digits-augmented", 225_034), ("xor-gate", 9), ("sentiment-lstm", 460_672 + 33_280 + 65),
    ("sentiment-transformer", 460_672 + 2_560 + 2 * 33_472 + 128 + 65),
  ])
  func shippedNetworkHasItsParameters(name: String, count: Int) throws {
    guard case .layers(let network) = try ShippedRecipes.supervised(name).network else { return }
    let graph = try network.graph(name: name, batch: 2, initialize: drawn)
    #expect(graph.parameterCount == count)
    let output = try Evaluator(graph).run([sample(network, batch: 2)])[0]
    #expect(output.shape == [2, name.hasSuffix("digits") || name.contains("lenet") || name.contains("cnn") ? 10 : 1])
    #expect(output.floats.allSatisfy { $0 >= 0 && $0 <= 1 })
  }

  /// The file that token numbers come from has one line for each row of the tables.
  @Test(arguments: ["sentiment-lstm", "sentiment-transformer"])
  func vocabularyFitsItsEmbedding(name: String) throws {
    let file = ShippedRecipes.models.appendingPathComponent("data/sst2/vocabulary.txt")
    let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
    let graph = try ShippedRecipes.graph(name)
    let table = try #require(graph.liveConstants().first { graph[$0].name == "embedding1.weight" })
    #expect(graph[table].info?.shape == [lines.count, 64])
    #expect(lines.prefix(2) == ["<pad>", "<unk>"] && Set(lines).count == lines.count)
  }

  /// What stands behind the end of a sentence changes nothing.
  @Test(arguments: [
    "lstm: 6", "gru: { units: 6, bidirectional: true }", "encoder: 2", "mean_over_time", "max_over_time",
    "lstm: { units: 6, return: sequence }",
  ])
  func paddingIsLeftOut(layer: String) throws {
    let layers = "[{ embedding: { vocabulary: 9, size: 4 } }, \(layer.contains(":") ? "{ \(layer) }" : layer)"
    let tail = layer.contains("encoder") || layer.contains("sequence") ? ", mean_over_time]" : "]"
    func output(_ tokens: [Int64]) throws -> [Float] {
      let network = try network(layers + tail, input: "[\(tokens.count)]", type: "int64")
      let graph = try network.graph(name: "padded", batch: 1, initialize: drawn)
      return try Evaluator(graph).run([Tensor(shape: [1, tokens.count], elements: tokens)])[0].floats
    }
    let short = try output([5, 3, 8])
    let long = try output([5, 3, 8, 0, 0, 0])
    // Sums of at most six terms of magnitude 1, in another order: 6 x 6e-8.
    for (short, long) in zip(short, long) { #expect(abs(short - long) < 1e-6) }
    #expect(try output([0, 0, 0]).allSatisfy { $0.isFinite })
  }

  @Test(arguments: LayerMistake.all) func mistakeNamesTheLayer(mistake: LayerMistake) throws {
    let error = #expect(throws: NetworkError.self) {
      let network = try network(mistake.layers, input: mistake.input, type: mistake.type)
      _ = try network.graph(name: "wrong", batch: 2, initialize: drawn)
    }
    #expect(error?.description == "recipe.yaml:1: " + mistake.sentence)
  }

  /// The same seed draws the same weights, whatever the batch; another seed draws others.
  @Test func sameSeedSameWeights() throws {
    func weights(seed: UInt64, batch: Int) throws -> [[Float]] {
      let network = try network("[{ conv: { filters: 3, kernel: 3, activation: relu } }, { dense: 4 }]")
      let graph = try network.graph(name: "drawn", batch: batch) { recipe, shape, name in
        guard case .constant(let value) = recipe else {
          let values = try? Initializer.normal(deviation: 1).values(
            shape: shape, fans: Fans(input: 1, output: 1), seed: seed, name: name)
          return Tensor(shape: shape, elements: values ?? [])
        }
        return Tensor(shape: shape, repeating: value)
      }
      return graph.liveConstants().compactMap { graph[$0].constant?.floats }
    }
    #expect(try weights(seed: 1, batch: 1) == weights(seed: 1, batch: 8))
    #expect(try weights(seed: 1, batch: 1) != weights(seed: 2, batch: 1))
  }

  @Test func initializersKnowTheirFans() throws {
    var asked: [String: InitializerRecipe] = [:]
    let layers =
      "[{ conv: { filters: 8, kernel: 3, groups: 2, activation: relu } },"
      + " { conv_transpose: { filters: 4, kernel: 4, stride: 2, initializer: kaiming_normal } }, { dense: 5 },"
      + " { dense: { units: 2, initializer: { normal: 0.5 } } }]"
    _ = try network(layers, input: "[4, 5, 5]").graph(name: "fans", batch: 1) { recipe, shape, name in
      asked[name] = recipe
      return Tensor(shape: shape, repeating: Float(0))
    }
    #expect(asked["conv1.weight"] == .kaimingUniform(fanIn: 18))
    #expect(asked["conv1.bias"] == .constant(0))
    #expect(asked["conv_transpose1.weight"] == .kaimingNormal(fanIn: 8 * 16 / 4))
    #expect(asked["dense1.weight"] == .xavierUniform(fanIn: 4 * 8 * 8, fanOut: 5))
    #expect(asked["dense2.weight"] == .normal(deviation: 0.5))
  }

  @Test func parametersAreNamedAsTheFieldDoes() throws {
    let graph = try ShippedRecipes.graph("lenet-5")
    #expect(
      graph.liveConstants().map { graph[$0].name } == [
        "conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "dense1.weight", "dense1.bias", "dropout1.ratio",
        "dense2.weight", "dense2.bias",
      ])
    #expect(graph.nodes.contains { $0.kind == .gemm && $0.name == "dense1" })
    let layers =
      "[{ dense: { units: 2, name: head } }, { residual: [{ dense: 2 }] }, { dense: { units: 3, name: head } }]"
    let named = try network(layers, input: "[2]").graph(name: "named", batch: 1, initialize: drawn)
    #expect(
      named.liveConstants().map { named[$0].name } == [
        "head.weight", "head.bias", "residual1.dense1.weight", "residual1.dense1.bias", "head1.weight", "head1.bias",
      ])
  }

  @Test func gansNetworksFitEachOther() throws {
    guard case .adversarial(let recipe) = try Recipe(contentsOf: ShippedRecipes.path("digit-gan")) else {
      throw ShippedRecipes.NotSupervised()
    }
    let graphs = try recipe.graphs(batch: 2, initialize: drawn)
    let picture = try Evaluator(graphs.generator).run([Tensor(shape: [2, 64], elements: numbers(128, seed: 1))])[0]
    #expect(picture.shape == [2, 1, 28, 28])
    #expect(try Evaluator(graphs.discriminator).run([picture])[0].shape == [2, 1])
  }
}
