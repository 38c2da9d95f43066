import HostTensors
import TensorTypes

/// Which way a recurrent operator reads its sequences.
public enum RecurrentDirection: String, CaseIterable, Sendable {
  case forward, reverse, bidirectional

  /// Whether each pass over the sequences runs from their ends; one entry per pass.
  package var passesBackward: [Bool] {
    switch self {
    case .forward: [false]
    case .reverse: [true]
    case .bidirectional: [false, true]
    }
  }
}

/// The attributes that ONNX LSTM, GRU and RNN share.
///
/// Refused by name: `clip`, `input_forget` and gate functions other than `GateFunction`.
public struct RecurrentForm: Sendable {
  public let direction: RecurrentDirection
  /// Whether the batch comes before time, and before the direction (`layout` 1).
  public let isBatchFirst: Bool
  /// By pass, then in ONNX's order: f for the gates, g for the candidate, h for the memory's output.
  public let functions: [[GateFunction]]
  /// As written; the extents of R say it too.
  let hiddenSize: Int?
  private let defaultFunctions: [GateFunction]

  init(_ definition: NodeDefinition, functions defaults: [GateFunction]) throws(OperatorError) {
    direction = try definition.choice("direction", default: .forward)
    isBatchFirst = try definition.flag("layout", default: false)
    hiddenSize = try definition.int("hidden_size")
    defaultFunctions = defaults
    functions = try Self.functions(definition, defaults, passes: direction.passesBackward.count)
    if let bound = try definition.float("clip") {
      throw .invalidAttribute("clip", expected: "none, as the gates are not bounded", found: "\(bound)")
    }
    if try definition.flag("input_forget", default: false) {
      throw .invalidAttribute("input_forget", expected: "0, as the gates are not coupled", found: "1")
    }
  }

  private static func functions(
    _ definition: NodeDefinition, _ defaults: [GateFunction], passes: Int
  ) throws(OperatorError) -> [[GateFunction]] {
    let names: [String]
    switch definition.attributes["activations"] {
    case nil: return [[GateFunction]](repeating: defaults, count: passes)
    case .strings(let given)?: names = given
    case .some(let other):
      throw .invalidAttribute("activations", expected: "a list of strings", found: other.typeName)
    }
    guard names.count == passes * defaults.count else {
      throw .invalidAttribute("activations", expected: "\(passes * defaults.count) names", found: "\(names.count)")
    }
    var functions: [GateFunction] = []
    for name in names {
      guard let function = GateFunction(rawValue: name) else {
        let known = GateFunction.allCases.map(\.rawValue).joined(separator: ", ")
        throw .invalidAttribute("activations", expected: known, found: name)
      }
      functions.append(function)
    }
    return (0..<passes).map { Array(functions[$0 * defaults.count..<($0 + 1) * defaults.count]) }
  }

  static let peepholesRefused = OperatorError.invalid("peephole weights (input P) are not supported")

  var attributes: [String: AttributeValue] {
    var written: [String: AttributeValue] = [:]
    if direction != .forward { written["direction"] = .string(direction.rawValue) }
    if isBatchFirst { written["layout"] = .int(1) }
    if let hiddenSize { written["hidden_size"] = .int(hiddenSize) }
    if functions.contains(where: { $0 != defaultFunctions }) {
      written["activations"] = .strings(functions.joined().map(\.rawValue))
    }
    return written
  }
}

/// The extents of one recurrent node.
package struct RecurrentExtents: Sendable {
  package var dtype: DType
  package var steps: Int
  package var batch: Int
  package var inputSize: Int
  package var hiddenSize: Int
  /// Passes over the sequences: 2 where the node is bidirectional.
  package var passes: Int
}

/// Where inputs and outputs stand in ONNX's lists.
package enum RecurrentInput {
  package static let x = 0
  package static let weight = 1
  package static let recurrentWeight = 2
  package static let bias = 3
  package static let lengths = 4
  package static let initialState = 5
  package static let initialMemory = 6
  package static let peepholes = 7
}

extension RecurrentForm {
  /// The extents of a node of `gateCount` gates, whose inputs must agree on them.
  package func extents(_ inputs: [ValueInfo?], gateCount: Int) throws(OperatorError) -> RecurrentExtents {
    let x = try inputs.required(RecurrentInput.x, "X")
    let recurrent = try inputs.required(RecurrentInput.recurrentWeight, "R")
    try x.requireFloat(RecurrentInput.x)
    guard x.rank == 3 else {
      let axes = isBatchFirst ? "[batch, time, features]" : "[time, batch, features]"
      throw .inputShape(RecurrentInput.x, expected: axes, found: x.shape)
    }
    guard recurrent.rank == 3 else {
      throw .inputShape(RecurrentInput.recurrentWeight, expected: "rank 3", found: recurrent.shape)
    }
    let extents = RecurrentExtents(
      dtype: x.dtype, steps: x.shape[isBatchFirst ? 1 : 0], batch: x.shape[isBatchFirst ? 0 : 1],
      inputSize: x.shape[2], hiddenSize: recurrent.shape[2], passes: direction.passesBackward.count)
    if let hiddenSize, hiddenSize != extents.hiddenSize {
      let found = "\(hiddenSize)"
      throw .invalidAttribute("hidden_size", expected: "\(extents.hiddenSize), as R has it", found: found)
    }
    try check(inputs, extents, gateCount)
    return extents
  }

  private func check(
    _ inputs: [ValueInfo?], _ extents: RecurrentExtents, _ gateCount: Int
  ) throws(OperatorError) {
    let (passes, hidden) = (extents.passes, extents.hiddenSize)
    let rows = try checkedProduct(gateCount, hidden)
    try requireShape(inputs.required(RecurrentInput.weight, "W"), 1, [passes, rows, extents.inputSize], extents)
    try requireShape(inputs.required(RecurrentInput.recurrentWeight, "R"), 2, [passes, rows, hidden], extents)
    try requireShape(inputs.optional(RecurrentInput.bias), 3, [passes, checkedProduct(2, rows)], extents)
    if let lengths = inputs.optional(RecurrentInput.lengths) {
      try lengths.requireType(RecurrentInput.lengths, .int32)
      guard lengths.shape == [extents.batch] else {
        throw .inputShape(RecurrentInput.lengths, expected: "[\(extents.batch)]", found: lengths.shape)
      }
    }
    let state = stateShape(extents)
    try requireShape(inputs.optional(RecurrentInput.initialState), RecurrentInput.initialState, state, extents)
    try requireShape(inputs.optional(RecurrentInput.initialMemory), RecurrentInput.initialMemory, state, extents)
    guard inputs.optional(RecurrentInput.peepholes) == nil else {
      throw RecurrentForm.peepholesRefused
    }
  }

  private func requireShape(
    _ input: ValueInfo?, _ index: Int, _ shape: [Int], _ extents: RecurrentExtents
  ) throws(OperatorError) {
    guard let input else { return }
    try input.requireType(index, extents.dtype)
    guard input.shape == shape else { throw .inputShape(index, expected: "\(shape)", found: input.shape) }
  }

  /// Extents of Y_h and Y_c and of the initial state.
  func stateShape(_ extents: RecurrentExtents) -> [Int] {
    isBatchFirst
      ? [extents.batch, extents.passes, extents.hiddenSize] : [extents.passes, extents.batch, extents.hiddenSize]
  }

  /// Y, then `stateCount` final states.
  func outputs(_ extents: RecurrentExtents, stateCount: Int) throws(OperatorError) -> [ValueInfo] {
    let state = stateShape(extents)
    let all =
      isBatchFirst
      ? [extents.batch, extents.steps, extents.passes, extents.hiddenSize] : [extents.steps] + state
    var outputs = [try ValueInfo.checked(extents.dtype, all)]
    for _ in 0..<stateCount { outputs.append(try .checked(extents.dtype, state)) }
    return outputs
  }
}
