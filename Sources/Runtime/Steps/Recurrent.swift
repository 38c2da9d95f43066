import CMicrokernels
import ModelFormat
import TensorTypes

/// `recurrent`: LSTM, GRU and RNN over whole sequences, one sequence after another.
///
/// The gates' sums begin with what the input contributes and go on over the state: one chain of fused
/// multiply-adds per gate over both, as if they were one vector.
final class RecurrentStep: Step {
  private let record: RecurrentRecord
  private let cell: RecurrentCell
  private let functions: GateFunctions
  private let input: UnsafePointer<Float>
  private let lengths: UnsafePointer<Int32>?
  private let initialState: UnsafePointer<Float>?
  private let initialMemory: UnsafePointer<Float>?
  private let output: UnsafeMutablePointer<Float>?
  private let lastState: UnsafeMutablePointer<Float>?
  private let lastMemory: UnsafeMutablePointer<Float>?
  private let scratch: RecurrentScratch
  /// Of all gates, or of a GRU's first two and of its candidate.
  private let gates: StateProduct
  private let candidate: StateProduct?
  private let candidateBias: UnsafePointer<Float>

  @inline(never)
  init(_ record: RecurrentRecord, _ loader: borrowing Loader) throws(StepProblem) {
    guard let cell = RecurrentCell(rawValue: record.cell) else { throw .format(.unknownFunction(found: record.cell)) }
    guard record.steps > 0, record.batch > 0, record.hidden > 0 else { throw .value(.extents, found: record.hidden) }
    // So that the sums below do not overflow the 32 bits of a small device.
    guard record.hidden <= 1 << 24 else { throw .value(.extent, found: record.hidden) }
    guard record.backward <= 1 else { throw .value(.direction, found: Int(record.backward)) }
    self.record = record
    self.cell = cell
    functions = try GateFunctions(record)
    let hidden = record.hidden
    let width = try product(cell.gateCount, hidden, .extents)
    let weightCount = try product(width, hidden, .weights)
    // Of the scratch and of the prepacked weights, whose blocks are filled up to at most 64 channels.
    _ = try product(width + 64, product(hidden + 64, 4, .weights), .weights)
    input = try loader.rows(record.input, .input, record.inputRows(width)).assumingMemoryBound(to: Float.self)
    lengths =
      record.lengths.isNone
      ? nil
      : try loader.input(record.lengths, .lengths, .int32, count: record.batch).assumingMemoryBound(to: Int32.self)
    initialState = try loader.initial(record.initialState, .state, record)
    initialMemory = try loader.initial(record.initialMemory, .memory, record)
    output = try loader.writtenRows(record.output, .output, record.outputRows)
    lastState = try loader.writtenRows(record.lastState, .state, record.stateRows)
    lastMemory = try loader.writtenRows(record.lastMemory, .memory, record.stateRows)
    guard cell == .lstm || (record.initialMemory.isNone && record.lastMemory.isNone) else {
      throw .value(.memory, found: Int(record.cell))
    }
    scratch = try RecurrentScratch(record, gateCount: cell.gateCount, loader)
    let firstRows = cell.gateCount == 3 ? 2 * hidden : width
    let (kernels, memory) = (loader.kernels, loader.memory)
    (gates, candidate) = try loader.withConstant(record.weights, .weights, .float32, count: weightCount) {
      (source) throws(StepProblem) in
      let rows = source.assumingMemoryBound(to: Float.self)
      let first = StateProduct(rows, channels: firstRows, hidden: hidden, kernels, memory)
      if firstRows == width { return (first, nil) }
      return (first, StateProduct(rows + firstRows * hidden, channels: hidden, hidden: hidden, kernels, memory))
    }
    let bias = memory.allocate(hidden + 64, of: Float.self)
    if !record.bias.isNone {
      guard cell == .gruResettingSum else { throw .value(.bias, found: Int(record.cell)) }
      try loader.withConstant(record.bias, .bias, .float32, count: hidden) { (source) throws(StepProblem) in
        bias.update(from: source.assumingMemoryBound(to: Float.self), count: hidden)
      }
    }
    candidateBias = UnsafePointer(bias)
    let first = record.output.isNone ? (record.lastState.isNone ? record.lastMemory : record.lastState) : record.output
    super.init(
      outputBytes: try loader.outputSpan(first),
      multiplyAccumulates: try product(product(record.steps, record.batch, .products), weightCount, .products))
  }

  override func run(_ workers: Workers) {
    workers.run(record.batch, Unmanaged.passUnretained(self).toOpaque()) { context, sequence, worker in
      let step = Unmanaged<RecurrentStep>.fromOpaque(context!).takeUnretainedValue()
      step.run(sequence, worker)
    }
  }

  private func run(_ sequence: Int, _ worker: Int) {
    let hidden = record.hidden
    let place = scratch.place(worker)
    let stateOffset = record.stateOffset &+ sequence &* record.stateSequence
    place.start(place.state, initialState.map { $0 + stateOffset }, hidden)
    place.start(place.memory, initialMemory.map { $0 + stateOffset }, hidden)
    let length = lengths.map { min(max(Int($0[sequence]), 0), record.steps) } ?? record.steps
    for step in 0..<length {
      let time = record.backward == 1 ? length &- 1 &- step : step
      advance(place, input + (time &* record.inputStep &+ sequence &* record.inputSequence))
      if let output { row(output, time, sequence).update(from: place.state, count: hidden) }
    }
    if let output {
      for time in length..<record.steps { row(output, time, sequence).update(repeating: 0, count: hidden) }
    }
    if let lastState { (lastState + stateOffset).update(from: place.state, count: hidden) }
    if let lastMemory { (lastMemory + stateOffset).update(from: place.memory, count: hidden) }
  }

  private func row(_ output: UnsafeMutablePointer<Float>, _ time: Int, _ sequence: Int) -> UnsafeMutablePointer<Float> {
    output + (record.outputOffset &+ time &* record.outputStep &+ sequence &* record.outputSequence)
  }

  /// One element of time; `x` is what the input contributes to the gates.
  private func advance(_ place: RecurrentScratch.Place, _ x: UnsafePointer<Float>) {
    let hidden = record.hidden
    let sums = place.gates
    gates.multiply(place.state, bias: x, into: sums)
    switch cell {
    case .rnn:
      functions.apply(0, sums, hidden)
      place.state.update(from: sums, count: hidden)
    case .lstm:
      functions.apply(0, sums, 3 &* hidden)
      functions.apply(1, sums + 3 &* hidden, hidden)
      let (output, forget, fresh) = (sums + hidden, sums + 2 &* hidden, sums + 3 &* hidden)
      for unit in 0..<hidden { place.memory[unit] = forget[unit] * place.memory[unit] + sums[unit] * fresh[unit] }
      place.state.update(from: place.memory, count: hidden)
      functions.apply(2, place.state, hidden)
      for unit in 0..<hidden { place.state[unit] = output[unit] * place.state[unit] }
    case .gru, .gruResettingSum:
      functions.apply(0, sums, 2 &* hidden)
      let (reset, fresh) = (sums + hidden, sums + 2 &* hidden)
      if cell == .gruResettingSum {
        candidate?.multiply(place.state, bias: candidateBias, into: fresh)
        for unit in 0..<hidden { fresh[unit] = x[2 &* hidden &+ unit] + reset[unit] * fresh[unit] }
      } else {
        for unit in 0..<hidden { place.memory[unit] = reset[unit] * place.state[unit] }
        candidate?.multiply(place.memory, bias: x + 2 &* hidden, into: fresh)
      }
      functions.apply(1, fresh, hidden)
      for unit in 0..<hidden {
        place.state[unit] = (1 - sums[unit]) * fresh[unit] + sums[unit] * place.state[unit]
      }
    }
  }

  /// Of the rows it wrote: the output's by time and sequence, then those of the last states and memories.
  override func checksum() -> UInt32 {
    var crc = CRC32()
    func add(_ row: UnsafeMutablePointer<Float>) {
      crc.update(UnsafeRawBufferPointer(start: row, count: record.hidden &* 4))
    }
    if let output {
      for time in 0..<record.steps { for sequence in 0..<record.batch { add(row(output, time, sequence)) } }
    }
    for states in [lastState, lastMemory] {
      guard let states else { continue }
      for sequence in 0..<record.batch { add(states + (record.stateOffset &+ sequence &* record.stateSequence)) }
    }
    return crc.value
  }
}

/// The product of a state with rows of the recurrent weight, prepacked.
private struct StateProduct {
  private let product: UnsafeMutablePointer<pare_product>
  private let loop: @convention(c) (UnsafePointer<pare_product>?) -> Void

  init(
    _ rows: UnsafePointer<Float>, channels: Int, hidden: Int, _ kernels: UnsafePointer<pare_kernels>,
    _ memory: LoadMemory
  ) {
    let packing = ProductWeights(
      nr: kernels.pointee.product_f32_nr, elementsPerGroup: 1, runCount: 1, runElements: hidden, channels: channels)
    let packed = memory.allocate(packing.byteCount).baseAddress!
    packing.prepackFloat(rows, into: packed.assumingMemoryBound(to: Float.self))
    // One window at the start of the image, with one run.
    let zero = UnsafePointer(memory.allocate(1, of: Int32.self))
    product = memory.allocate(1, of: pare_product.self)
    product.pointee.windows = zero
    product.pointee.pixels = 1
    product.pointee.runs = zero
    product.pointee.run_count = 1
    product.pointee.groups_per_run = hidden
    product.pointee.weights = UnsafeRawPointer(packed)
    product.pointee.channels = channels
    product.pointee.output_stride = channels * 4
    product.pointee.low = -.infinity
    product.pointee.high = .infinity
    loop = kernels.pointee.product_f32
  }

  /// target[c] = bias[c] + the sum of state[k] * weight[c][k]. `bias` is readable for 64 bytes past its end.
  func multiply(_ state: UnsafePointer<Float>, bias: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>) {
    var call = product.pointee
    call.image = UnsafeRawPointer(state).assumingMemoryBound(to: UInt8.self)
    call.bias = UnsafeRawPointer(bias)
    call.output = UnsafeMutableRawPointer(target)
    loop(&call)
  }
}

/// State, memory and gates of the sequence at work, one set for each worker.
private struct RecurrentScratch {
  struct Place {
    let state: UnsafeMutablePointer<Float>
    /// An LSTM's memory, or the state that a GRU has reset.
    let memory: UnsafeMutablePointer<Float>
    let gates: UnsafeMutablePointer<Float>

    func start(_ target: UnsafeMutablePointer<Float>, _ initial: UnsafePointer<Float>?, _ count: Int) {
      if let initial {
        target.update(from: initial, count: count)
      } else {
        target.update(repeating: 0, count: count)
      }
    }
  }

  private let shared: UnsafeMutablePointer<Float>
  private let others: UnsafeMutablePointer<Float>?
  private let floats: Int
  private let hidden: Int

  init(_ record: RecurrentRecord, gateCount: Int, _ loader: borrowing Loader) throws(StepProblem) {
    let bytes = RecurrentRecord.scratchBytes(hidden: record.hidden, gateCount: gateCount)
    let tensor = try loader.record(record.scratch, .scratch)
    guard let available = tensor.byteCount, available >= bytes else {
      throw .tooSmall(.scratch, expected: bytes, found: tensor.byteCount ?? 0)
    }
    guard tensor.offset % 4 == 0 else { throw .value(.scratch, found: tensor.offset) }
    shared = try loader.output(record.scratch, .scratch).assumingMemoryBound(to: Float.self)
    floats = bytes / 4
    hidden = record.hidden
    let extra = min(loader.workerCount, record.batch) - 1
    others = extra > 0 ? loader.memory.allocate((loader.workerCount - 1) * floats, of: Float.self) : nil
  }

  func place(_ worker: Int) -> Place {
    let base = worker == 0 ? shared : others! + (worker &- 1) &* floats
    return Place(state: base, memory: base + hidden, gates: base + 2 &* hidden)
  }
}

/// Rows of floats that a step touches: by time and by sequence.
struct RowWalk {
  var offset: Int
  var width: Int
  var steps: Int
  var stepStride: Int
  var batch: Int
  var sequenceStride: Int

  /// One more than the greatest position reached. Every factor is below 2^31, so 64 bits hold the sum.
  var end: Int64 {
    Int64(offset) + Int64(steps - 1) * Int64(stepStride) + Int64(batch - 1) * Int64(sequenceStride) + Int64(width)
  }
}

extension RecurrentRecord {
  fileprivate func inputRows(_ width: Int) -> RowWalk {
    RowWalk(
      offset: 0, width: width, steps: steps, stepStride: inputStep, batch: batch, sequenceStride: inputSequence)
  }

  fileprivate var outputRows: RowWalk {
    RowWalk(
      offset: outputOffset, width: hidden, steps: steps, stepStride: outputStep, batch: batch,
      sequenceStride: outputSequence)
  }

  fileprivate var stateRows: RowWalk {
    RowWalk(
      offset: stateOffset, width: hidden, steps: 1, stepStride: 0, batch: batch, sequenceStride: stateSequence)
  }
}

extension Loader {
  /// A float operand that reaches as far as `walk`.
  fileprivate func rows(_ index: TensorIndex, _ name: FieldName, _ walk: RowWalk) throws(StepProblem)
    -> UnsafeRawPointer
  {
    try checkRows(index, name, walk)
    return try input(index, name)
  }

  private func checkRows(_ index: TensorIndex, _ name: FieldName, _ walk: RowWalk) throws(StepProblem) {
    let tensor = try checked(index, name, .float32, count: nil)
    guard walk.end <= Int64(tensor.count) else {
      throw .tooSmall(name, expected: Int(clamping: walk.end), found: tensor.count)
    }
  }

  fileprivate func initial(
    _ index: TensorIndex, _ name: FieldName, _ record: RecurrentRecord
  ) throws(StepProblem) -> UnsafePointer<Float>? {
    index.isNone ? nil : try rows(index, name, record.stateRows).assumingMemoryBound(to: Float.self)
  }

  fileprivate func writtenRows(
    _ index: TensorIndex, _ name: FieldName, _ walk: RowWalk
  ) throws(StepProblem) -> UnsafeMutablePointer<Float>? {
    if index.isNone { return nil }
    try checkRows(index, name, walk)
    return try output(index, name).assumingMemoryBound(to: Float.self)
  }
}
