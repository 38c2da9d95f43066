import Graph
import HostTensors
import Operators

/// A block of a transformer's encoder: self-attention and two dense layers, each with a shortcut around it
/// (Vaswani et al. 2017). [steps, features] stays.
///
/// With normalization first each half is x + f(norm(x)) (Xiong et al. 2020), else norm(x + f(x)).
struct EncoderLayer: Layer {
  enum Norm: String, CaseIterable {
    case pre, post
  }

  let heads: Int
  /// Outputs of the first dense layer; nil for four times the features.
  let feedForward: Int?
  let dropout: Double
  let norm: Norm
  let activation: Activation
  let isMasked: Bool?

  static let type = LayerType(
    "encoder", "A transformer encoder's block: self-attention and two dense layers.", shorthand: "heads",
    [
      LayerParameter("heads", "attention heads, which share the features evenly"),
      LayerParameter("feed_forward", "units between the dense layers; four times the features unless given"),
      LayerParameter("dropout", "probability, of attention weights and of both halves; 0 unless given"),
      LayerParameter("norm", "pre or post; pre unless given"),
      LayerParameter("activation", "between the dense layers; relu unless given"),
      LayerParameter("masked", "whether padding is not attended to; true unless given where the input is tokens"),
    ]
  ) { (arguments) throws(RecipeError) in
    EncoderLayer(
      heads: try arguments.required("heads").integer(in: 1...1 << 12),
      feedForward: try arguments.integer("feed_forward", in: 1...1 << 20),
      dropout: try arguments.number("dropout", in: .halfOpen(0, 1)) ?? 0,
      norm: try arguments["norm"]?.choice("kind of normalization") ?? .pre,
      activation: try Activation(arguments) ?? .relu, isMasked: try arguments.flag("masked"))
  }

  func add(to network: inout NetworkBuilder, input: ValueID) throws(NetworkError) -> ValueID {
    try network.require(input, rank: 2...2, "[steps, features]")
    guard network.sampleShape(input)[1] % heads == 0 else {
      throw network.shapeError(input, expected: "features that \(heads) heads share evenly")
    }
    let attended = try half(input, "attention", &network, attention)
    return try half(attended, "feed_forward", &network, denseLayers)
  }

  /// One half with its shortcut and its normalization.
  private func half(
    _ input: ValueID, _ part: String, _ network: inout NetworkBuilder,
    _ function: (ValueID, inout NetworkBuilder) throws(NetworkError) -> ValueID
  ) throws(NetworkError) -> ValueID {
    let read = norm == .pre ? try network.layerNorm(input, "\(part).norm") : input
    let change = try network.dropout(function(read, &network), "\(part).dropout", rate: dropout)
    let sum = try network.add("Add", "\(part).sum", [input, change])
    return norm == .pre ? sum : try network.layerNorm(sum, "\(part).norm")
  }

  private func denseLayers(_ input: ValueID, _ network: inout NetworkBuilder) throws(NetworkError) -> ValueID {
    let features = network.sampleShape(input)[1]
    let units = feedForward ?? 4 * features
    let inner = try network.product(input, "feed_forward.inner", units: units, before: activation)
    let activated = try network.add(
      activation.opType, "feed_forward.\(activation.rawValue)", [inner], activation.attributes)
    let dropped = try network.dropout(activated, "feed_forward.inner_dropout", rate: dropout)
    return try network.product(dropped, "feed_forward.outer", units: features)
  }

  /// softmax(Q K' / sqrt(d)) V by heads of d features.
  private func attention(_ input: ValueID, _ network: inout NetworkBuilder) throws(NetworkError) -> ValueID {
    let features = network.sampleShape(input)[1]
    let query = try project(input, "query", perm: [0, 2, 1, 3], &network)
    let key = try project(input, "key", perm: [0, 2, 3, 1], &network)
    let value = try project(input, "value", perm: [0, 2, 1, 3], &network)
    let scale = network.constant("attention.scale", 1 / Float(features / heads).squareRoot())
    let scaled = try network.add("Mul", "attention.scaled", [query, scale])
    var scores = try network.add("MatMul", "attention.scores", [scaled, key])
    if isMasked ?? network.masksByDefault {
      let axes = network.constant("attention.mask_axes", [1, 2])
      let penalty = try network.add("Unsqueeze", "attention.penalty", [network.maskPenalty(fitting: input), axes])
      scores = try network.add("Add", "attention.masked", [scores, penalty])
    }
    let weights = try network.add("Softmax", "attention.weights", [scores], ["axis": .int(-1)])
    let dropped = try network.dropout(weights, "attention.weights_dropout", rate: dropout)
    let mixed = try network.add("MatMul", "attention.mixed", [dropped, value])
    let turned = try network.add("Transpose", "attention.turned", [mixed], ["perm": .ints([0, 2, 1, 3])])
    let joined = try network.reshape(turned, "attention.joined", to: [0, features])
    return try network.product(joined, "attention.output", units: features)
  }

  /// A dense layer whose outputs are dealt out to the heads: [batch, heads, steps, d] in the order of `perm`.
  private func project(
    _ input: ValueID, _ part: String, perm: [Int], _ network: inout NetworkBuilder
  ) throws(NetworkError) -> ValueID {
    let features = network.sampleShape(input)[1]
    let product = try network.product(input, "attention.\(part)", units: features)
    let dealt = try network.reshape(product, "attention.\(part).heads", to: [0, heads, features / heads])
    return try network.add("Transpose", "attention.\(part).turned", [dealt], ["perm": .ints(perm)])
  }
}
