import Graph
import HostTensors

/// Every output is a weighted sum of all inputs.
///
/// [features] to [units] with weight [units, features]. [steps, features] gives [steps, units], each step on its own,
/// with weight [features, units]. An image, three axes or more, is flattened first. Bias [units].
struct DenseLayer: Layer {
  let units: Int
  let hasBias: Bool
  let activation: Activation?
  let initializer: InitializerChoice

  static let type = LayerType(
    "dense", "Weighted sums of all features; images are flattened, steps of a sequence stay apart.",
    shorthand: "units",
    [
      LayerParameter("units", "outputs"), LayerParameter("bias", "true unless given"), Activation.parameter,
      InitializerChoice.parameter,
    ]
  ) { (arguments) throws(RecipeError) in
    DenseLayer(
      units: try arguments.required("units").integer(in: 1...1 << 24), hasBias: try arguments.flag("bias") ?? true,
      activation: try Activation(arguments), initializer: try InitializerChoice(arguments))
  }

  func add(to network: inout NetworkBuilder, input: ValueID) throws(NetworkError) -> ValueID {
    try network.require(input, rank: 1...4, "[features], [steps, features] or an image")
    let isSequence = network.sampleShape(input).count == 2
    let value = network.sampleShape(input).count > 2 ? try network.add("Flatten", "flatten", [input]) : input
    let output =
      isSequence
      ? try network.product(value, units: units, hasBias: hasBias, initializer, before: activation)
      : try gemm(value, &network)
    return try network.add(activation, behind: output)
  }

  private func gemm(_ input: ValueID, _ network: inout NetworkBuilder) throws(NetworkError) -> ValueID {
    let features = network.sampleShape(input)[0]
    let weight = try network.parameter(
      "weight", [units, features], initializer.recipe(fanIn: features, fanOut: units, before: activation))
    let bias = hasBias ? try network.parameter("bias", [units], .constant(0)) : nil
    return try network.add("Gemm", [input, weight] + (bias.map { [$0] } ?? []), ["transB": .int(1)])
  }
}

extension NetworkBuilder {
  /// Weighted sums of the last axis of a sequence: weight [features, units], bias [units].
  ///
  /// `part` names it within its layer: `query.weight`.
  mutating func product(
    _ input: ValueID, _ part: String? = nil, units: Int, hasBias: Bool = true,
    _ initializer: InitializerChoice = .automatic, before activation: Activation? = nil
  ) throws(NetworkError) -> ValueID {
    func named(_ suffix: String) -> String { part.map { "\($0).\(suffix)" } ?? suffix }
    let features = sampleShape(input).last ?? 1
    let weight = try parameter(
      named("weight"), [features, units], initializer.recipe(fanIn: features, fanOut: units, before: activation))
    let product = try add("MatMul", named("product"), [input, weight])
    guard hasBias else { return product }
    return try add("Add", part, [product, try parameter(named("bias"), [units], .constant(0))])
  }
}
