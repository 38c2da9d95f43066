import Graph
import HostTensors
import Operators

/// A layer that walks along a sequence with a state: [steps, features] to [units] or [steps, units].
///
/// `weight` [directions, gates x units, features], `recurrence` [directions, gates x units, units] and `bias`
/// [directions, 2 x gates x units], with the gates in ONNX's order. Both directions give twice as many outputs.
struct RecurrentLayer: Layer {
  /// The operators, with gates for one unit.
  enum Cell: String {
    case lstm = "LSTM"
    case gru = "GRU"
    case rnn = "RNN"

    var gates: Int {
      switch self {
      case .lstm: 4
      case .gru: 3
      case .rnn: 1
      }
    }
  }

  enum Returned: String, CaseIterable {
    case last, sequence
  }

  let cell: Cell
  let units: Int
  let isBidirectional: Bool
  let returned: Returned
  let isMasked: Bool?

  private static let parameters = [
    LayerParameter("units", "extent of the state"), LayerParameter("bidirectional", "false unless given"),
    LayerParameter("return", "last (the state after the last step) or sequence (after every step); last unless given"),
    LayerParameter("masked", "whether padding at the end is left out; true unless given where the input is tokens"),
  ]

  static let lstmType = type("lstm", .lstm, "Long short-term memory (Hochreiter and Schmidhuber 1997).")
  static let gruType = type("gru", .gru, "Gated recurrent unit (Cho et al. 2014).")
  static let rnnType = type("rnn", .rnn, "Plain recurrence with tanh (Elman 1990).")

  private static func type(_ name: String, _ cell: Cell, _ summary: String) -> LayerType {
    LayerType(name, summary, shorthand: "units", parameters) { (arguments) throws(RecipeError) in
      RecurrentLayer(
        cell: cell, units: try arguments.required("units").integer(in: 1...1 << 16),
        isBidirectional: try arguments.flag("bidirectional") ?? false,
        returned: try arguments["return"]?.choice("value of return") ?? .last,
        isMasked: try arguments.flag("masked"))
    }
  }

  func add(to network: inout NetworkBuilder, input: ValueID) throws(NetworkError) -> ValueID {
    try network.require(input, rank: 2...2, "[steps, features]")
    let features = network.sampleShape(input)[1]
    let directions = isBidirectional ? 2 : 1
    let rows = cell.gates * units
    var inputs: [ValueID?] = [
      // Time comes first in ONNX.
      try network.add("Transpose", "steps_first", [input], ["perm": .ints([1, 0, 2])]),
      try network.parameter(
        "weight", [directions, rows, features], .xavierUniform(fanIn: features, fanOut: units)),
      try network.parameter(
        "recurrence", [directions, rows, units], .uniform(bound: 1 / Float(units).squareRoot())),
      network.parameter("bias", initialBias(directions: directions)),
    ]
    if isMasked ?? network.masksByDefault { inputs.append(try network.sequenceLengths(fitting: input)) }
    var attributes: [String: AttributeValue] = ["hidden_size": .int(units)]
    if isBidirectional { attributes["direction"] = .string("bidirectional") }
    // The reset gate after the product with the state, as PyTorch and Keras have it.
    if cell == .gru { attributes["linear_before_reset"] = .int(1) }
    switch returned {
    case .last:
      let state = try network.add(cell.rawValue, inputs, attributes, output: 1)
      return try batchFirst(state, axes: [1, 0, 2], sample: [-1], &network)
    case .sequence:
      let states = try network.add(cell.rawValue, inputs, attributes, output: 0)
      return try batchFirst(states, axes: [2, 0, 1, 3], sample: [0, directions * units], &network)
    }
  }

  private func batchFirst(
    _ value: ValueID, axes: [Int], sample: [Int], _ network: inout NetworkBuilder
  ) throws(NetworkError) -> ValueID {
    let turned = try network.add("Transpose", "batch_first", [value], ["perm": .ints(axes)])
    return try network.reshape(turned, "states", to: sample)
  }

  /// Zeros, but 1 for the forget gate of an LSTM, so that it remembers at first (Jozefowicz et al. 2015).
  private func initialBias(directions: Int) -> Tensor {
    var gates = [Float](repeating: 0, count: cell.gates)
    if cell == .lstm { gates[2] = 1 }
    let input = gates.flatMap { [Float](repeating: $0, count: units) }
    let both = input + [Float](repeating: 0, count: input.count)
    return Tensor(
      shape: [directions, both.count], elements: Array(repeatElement(both, count: directions).joined()))
  }
}
