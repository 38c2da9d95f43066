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
    ]
    + Activation.allCases.map { .init("[\($0.rawValue)]", "[2, 3]", gives: [2, 3]) }
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
    ("cnn-digits-augmented", 225_034), ("xor-gate", 9),
  ])
  func shippedNetworkHasItsParameters(name: String, count: Int) throws {
    let graph = try ShippedRecipes.graph(name, batch: 2)
    #expect(graph.parameterCount == count)
    let input = try #require(graph[graph.inputs[0]].info)
    let output = try Evaluator(graph).run([
      Tensor(shape: input.shape, elements: numbers(input.shape.elementCount, seed: 1))
    ])[0]
    #expect(output.shape == [2, name == "xor-gate" ? 1 : 10])
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
