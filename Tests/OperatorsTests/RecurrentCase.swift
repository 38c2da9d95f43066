import HostTensors
import Operators
import TensorTypes
import Testing

/// A recurrent node on random float64 operands.
struct RecurrentCase: Sendable, CustomTestStringConvertible {
  var opType: String
  var direction = "forward"
  var isBatchFirst = false
  var hasBias = true
  var hasInitialStates = false
  var lengths: [Int32]?
  var resetsSum = false
  var activations: [String]?

  let steps = 4
  let batch = 3
  let inputSize = 2
  let hidden = 3

  var passes: Int { direction == "bidirectional" ? 2 : 1 }
  var gates: Int { ["LSTM": 4, "GRU": 3, "RNN": 1][opType]! }
  var outputCount: Int { opType == "LSTM" ? 3 : 2 }

  var testDescription: String {
    "\(opType) \(direction), layout \(isBatchFirst ? 1 : 0), bias \(hasBias), initial \(hasInitialStates), "
      + "lengths \(lengths ?? []), linear_before_reset \(resetsSum), \(activations ?? [])"
  }

  var attributes: [String: AttributeValue] {
    var attributes: [String: AttributeValue] = ["direction": .string(direction), "hidden_size": .int(hidden)]
    if isBatchFirst { attributes["layout"] = .int(1) }
    if resetsSum { attributes["linear_before_reset"] = .int(1) }
    if let activations { attributes["activations"] = .strings(activations) }
    return attributes
  }

  var inputs: [Tensor?] {
    let states = isBatchFirst ? [batch, passes, hidden] : [passes, batch, hidden]
    var inputs: [Tensor?] = [
      spread(isBatchFirst ? [batch, steps, inputSize] : [steps, batch, inputSize], seed: 1, in: -1...1),
      spread([passes, gates * hidden, inputSize], seed: 2, in: -1...1),
      spread([passes, gates * hidden, hidden], seed: 3, in: -1...1),
      hasBias ? spread([passes, 2 * gates * hidden], seed: 4, in: -1...1) : nil,
      lengths.map { Tensor(shape: [$0.count], elements: $0) },
    ]
    inputs.append(hasInitialStates ? spread(states, seed: 5, in: -1...1) : nil)
    if opType == "LSTM" { inputs.append(hasInitialStates ? spread(states, seed: 6, in: -1...1) : nil) }
    return inputs
  }

  var operatorCase: OperatorCase { OperatorCase(opType, inputs, attributes, outputCount: outputCount) }

  /// Every operator, both forms of GRU, and with each of them every direction and layout.
  static let all: [RecurrentCase] = [("LSTM", false), ("GRU", false), ("GRU", true), ("RNN", false)].flatMap { kind in
    ["forward", "reverse", "bidirectional"].flatMap { direction in
      [false, true].flatMap { isBatchFirst in
        let plain = RecurrentCase(
          opType: kind.0, direction: direction, isBatchFirst: isBatchFirst, resetsSum: kind.1)
        var bare = plain
        bare.hasBias = false
        var started = plain
        started.hasInitialStates = true
        var ragged = started
        ragged.lengths = [4, 1, 2]
        return [plain, bare, started, ragged]
      }
    }
  }

  /// Functions of the gates other than the defaults.
  static let activated: [RecurrentCase] = [
    RecurrentCase(opType: "LSTM", hasInitialStates: true, activations: ["Sigmoid", "Relu", "Sigmoid"]),
    RecurrentCase(
      opType: "GRU", direction: "bidirectional", hasInitialStates: true,
      activations: ["Tanh", "Sigmoid", "Sigmoid", "Relu"]),
    RecurrentCase(opType: "RNN", hasInitialStates: true, activations: ["Relu"]),
    RecurrentCase(opType: "RNN", direction: "bidirectional", activations: ["Sigmoid", "Tanh"]),
  ]
}

/// What a recurrent node gives, worked out one number at a time in ONNX's equations.
struct RecurrentReference {
  let given: RecurrentCase
  private let inputs: [Tensor?]
  private(set) var all: [Double]
  private(set) var states: [Double]
  private(set) var memories: [Double]

  init(_ given: RecurrentCase) {
    self.given = given
    inputs = given.inputs
    all = [Double](repeating: 0, count: given.steps * given.passes * given.batch * given.hidden)
    states = [Double](repeating: 0, count: given.passes * given.batch * given.hidden)
    memories = states
    for pass in 0..<given.passes { for sequence in 0..<given.batch { run(pass, sequence) } }
  }

  private func element(_ input: Int, _ index: Int) -> Double { inputs[input]?.doubles[index] ?? 0 }

  private func stateIndex(_ pass: Int, _ sequence: Int) -> Int {
    (given.isBatchFirst ? sequence * given.passes + pass : pass * given.batch + sequence) * given.hidden
  }

  private mutating func run(_ pass: Int, _ sequence: Int) {
    let place = stateIndex(pass, sequence)
    var state = (0..<given.hidden).map { element(5, place + $0) }
    var memory = (0..<given.hidden).map { given.opType == "LSTM" ? element(6, place + $0) : 0 }
    let length = given.lengths.map { Int($0[sequence]) } ?? given.steps
    let isReverse = given.direction == "reverse" || pass == 1
    for step in 0..<length {
      let time = isReverse ? length - 1 - step : step
      let row = given.isBatchFirst ? sequence * given.steps + time : time * given.batch + sequence
      let x = (0..<given.inputSize).map { element(0, row * given.inputSize + $0) }
      advance(pass, x, &state, &memory)
      let output =
        given.isBatchFirst
        ? (row * given.passes + pass) * given.hidden
        : ((time * given.passes + pass) * given.batch + sequence) * given.hidden
      for unit in 0..<given.hidden { all[output + unit] = state[unit] }
    }
    for unit in 0..<given.hidden { (states[place + unit], memories[place + unit]) = (state[unit], memory[unit]) }
  }

  private func function(_ pass: Int, _ index: Int) -> (Double) -> Double {
    let defaults = ["LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]][given.opType]!
    let name = given.activations?[pass * defaults.count + index] ?? defaults[index]
    return switch name {
    case "Sigmoid": { 1 / (1 + exponential(-$0)) }
    case "Tanh": { 1 - 2 / (exponential(2 * $0) + 1) }
    default: { max($0, 0) }
    }
  }

  /// X W' of one gate, its rows counted from `gate` * hidden, and the bias of the input.
  private func fromInput(_ pass: Int, _ gate: Int, _ unit: Int, _ x: [Double]) -> Double {
    let (rows, row) = (given.gates * given.hidden, gate * given.hidden + unit)
    let sum = x.indices.reduce(0) { $0 + x[$1] * element(1, (pass * rows + row) * given.inputSize + $1) }
    return sum + element(3, pass * 2 * rows + row)
  }

  private func fromState(_ pass: Int, _ gate: Int, _ unit: Int, _ state: [Double]) -> Double {
    let (rows, row) = (given.gates * given.hidden, gate * given.hidden + unit)
    let sum = state.indices.reduce(0) { $0 + state[$1] * element(2, (pass * rows + row) * given.hidden + $1) }
    return sum + element(3, pass * 2 * rows + rows + row)
  }

  private func advance(_ pass: Int, _ x: [Double], _ state: inout [Double], _ memory: inout [Double]) {
    let (before, memoryBefore, f) = (state, memory, function(pass, 0))
    func gate(_ index: Int, _ unit: Int) -> Double {
      f(fromInput(pass, index, unit, x) + fromState(pass, index, unit, before))
    }
    let reset = given.opType == "GRU" ? (0..<given.hidden).map { gate(1, $0) } : []
    for unit in 0..<given.hidden {
      switch given.opType {
      case "LSTM":
        let candidate = function(pass, 1)(fromInput(pass, 3, unit, x) + fromState(pass, 3, unit, before))
        memory[unit] = gate(2, unit) * memoryBefore[unit] + gate(0, unit) * candidate
        state[unit] = gate(1, unit) * function(pass, 2)(memory[unit])
      case "GRU":
        let recurrent =
          given.resetsSum
          ? reset[unit] * fromState(pass, 2, unit, before) : fromState(pass, 2, unit, zip(reset, before).map(*))
        let candidate = function(pass, 1)(fromInput(pass, 2, unit, x) + recurrent)
        state[unit] = (1 - gate(0, unit)) * candidate + gate(0, unit) * before[unit]
      default:
        state[unit] = gate(0, unit)
      }
    }
  }
}

/// e^x by its series on x / 2^10, squared ten times: no library's function.
private func exponential(_ x: Double) -> Double {
  let reduced = x / 1024
  var (sum, term) = (1.0, 1.0)
  for index in 1...12 {
    term *= reduced / Double(index)
    sum += term
  }
  for _ in 0..<10 { sum *= sum }
  return sum
}
