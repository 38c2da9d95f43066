import HostTensors
import TensorTypes

/// The facets that LSTM, GRU and RNN share, for the one cell that tells them apart.
struct RecurrentLayer<Cell: RecurrentCell>: Sendable {
  let form: RecurrentForm
  let cell: Cell

  /// Y, Y_h and, where the cell has a memory, Y_c.
  private var stateCount: Int { cell.hasMemory ? 2 : 1 }

  func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try form.outputs(form.extents(inputs, gateCount: cell.gateCount), stateCount: stateCount)
  }

  func multiplyAccumulates(_ inputs: [ValueInfo?]) -> Int {
    guard let extents = try? form.extents(inputs, gateCount: cell.gateCount) else { return 0 }
    let (width, overflow) = extents.inputSize.addingReportingOverflow(extents.hiddenSize)
    guard !overflow else { return Int.max }
    return saturatingProduct(
      [extents.passes, extents.steps, extents.batch, cell.gateCount, extents.hiddenSize, width])
  }

  /// A hidden unit has a row for each gate in W, R and B of every pass, and a column in R that sums it up.
  ///
  /// Both passes of a bidirectional layer lose the same units, as one tensor holds the rows of both.
  func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    guard let extents = try? form.extents(inputs, gateCount: cell.gateCount) else {
      return .opaque(reason: "has inputs that do not fit")
    }
    typealias Slot = RecurrentInput
    var units: [ChannelPlaces] = [
      .input(Slot.weight, axis: 1, blocks: cell.gateCount),
      .input(Slot.recurrentWeight, axis: 1, blocks: cell.gateCount),
      .input(Slot.recurrentWeight, axis: 2),
    ]
    if inputs.optional(Slot.bias) != nil { units.append(.input(Slot.bias, axis: 1, blocks: 2 * cell.gateCount)) }
    for state in [Slot.initialState, Slot.initialMemory] where inputs.optional(state) != nil {
      units.append(.input(state, axis: 2))
    }
    for index in 0...stateCount where outputs.optional(index) != nil {
      units.append(.output(index, axis: index == 0 ? 3 : 2))
    }
    let features = ChannelTie(
      .mixes, count: extents.inputSize, [.input(Slot.x, axis: 2), .input(Slot.weight, axis: 2)])
    let recurrence = ChannelTie(.mixes, count: extents.hiddenSize, [.input(Slot.recurrentWeight, axis: 2)])
    return ChannelCoupling(
      ties: [features, ChannelTie(count: extents.hiddenSize, units), recurrence], otherwise: "runs along it")
  }

  /// The outputs, and the trace that `backward` reads: kept numbers, states and memories of every step.
  func forward(_ inputs: [Tensor?]) throws(OperatorError) -> ForwardResult {
    let extents = try form.extents(inputs.infos, gateCount: cell.gateCount)
    try checkTrace(extents)
    let passes = try form.passes(extents, lengths: inputs.optional(RecurrentInput.lengths))
    switch extents.dtype {
    case .float32: return try forward(inputs, passes, Float.self)
    case .float64: return try forward(inputs, passes, Double.self)
    case .float16, .bfloat16:
      var result = try forward(inputs.map { $0?.widened }, passes, Float.self)
      result.outputs = result.outputs.map { $0.cast(to: extents.dtype) }
      return result
    case .uint8, .int8, .uint16, .int16, .int32, .int64, .bool, .uint32, .uint64:
      throw .inputType(0, expected: "a float type", found: extents.dtype)
    }
  }

  private func checkTrace(_ extents: RecurrentExtents) throws(OperatorError) {
    let width = try checkedProduct(cell.keptCount, extents.hiddenSize)
    try checkProductExtents([extents.inputSize, width])
    let rows = try checkedProduct(checkedSum(extents.steps, 1), extents.batch)
    try checkProductExtents([rows])
    try checkedElementCount([extents.passes, rows, width], of: .float64)
  }
}

/// How the numbers of every step lie in memory: pass, then step, then sequence.
struct RecurrentTrace {
  let extents: RecurrentExtents
  let keptCount: Int
  let hasMemory: Bool

  var keptRow: Int { keptCount * extents.hiddenSize }
  var stateRow: Int { extents.hiddenSize }

  var keptShape: [Int] { [extents.passes, extents.steps, extents.batch, keptRow] }
  /// The state before the first step, and after every step.
  var statesShape: [Int] { [extents.passes, extents.steps + 1, extents.batch, stateRow] }
  var memoriesShape: [Int] { hasMemory ? statesShape : [0] }

  func keptOffset(pass: Int, step: Int) -> Int { (pass * extents.steps + step) * extents.batch * keptRow }
  func stateOffset(pass: Int, step: Int) -> Int { (pass * (extents.steps + 1) + step) * extents.batch * stateRow }
  func memoryOffset(pass: Int, step: Int) -> Int { hasMemory ? stateOffset(pass: pass, step: step) : 0 }
}

extension RecurrentLayer {
  func trace(_ extents: RecurrentExtents) -> RecurrentTrace {
    RecurrentTrace(extents: extents, keptCount: cell.keptCount, hasMemory: cell.hasMemory)
  }

  /// How training goes through the layer: X, both weights, the bias and the initial states have gradients.
  func differentiation() -> Differentiation {
    let states = [RecurrentInput.initialState] + (cell.hasMemory ? [RecurrentInput.initialMemory] : [])
    let weights = [RecurrentInput.x, RecurrentInput.weight, RecurrentInput.recurrentWeight]
    return .flows(
      GradientRule(
        inputs: weights + [RecurrentInput.bias] + states,
        reads: ForwardReads(inputs: Set(weights + [RecurrentInput.lengths])),
        forward: { call throws(OperatorError) in try forward(call.inputs) },
        backward: { call throws(OperatorError) in try backward(call) }))
  }
}
