import HostTensors
import TensorTypes

extension RecurrentLayer {
  /// Back-propagation through time (Werbos 1990): from the gradients of Y, Y_h and Y_c to those of the inputs.
  func backward(_ call: BackwardCall) throws(OperatorError) -> [Tensor?] {
    let x = try call.inputs.required(RecurrentInput.x, "X")
    let recurrent = try call.inputs.required(RecurrentInput.recurrentWeight, "R")
    let extents = RecurrentExtents(
      dtype: x.dtype, steps: x.shape[form.isBatchFirst ? 1 : 0], batch: x.shape[form.isBatchFirst ? 0 : 1],
      inputSize: x.shape[2], hiddenSize: recurrent.shape[2], passes: recurrent.shape[0])
    let passes = try form.passes(extents, lengths: call.inputs.optional(RecurrentInput.lengths))
    switch x.dtype {
    case .float32: return backward(call, passes, Float.self)
    case .float64: return backward(call, passes, Double.self)
    case .float16, .bfloat16, .uint8, .int8, .uint16, .int16, .int32, .int64, .bool, .uint32, .uint64:
      throw .inputType(0, expected: "float32 or float64", found: x.dtype)
    }
  }

  private func backward<T: ProductElement>(
    _ call: BackwardCall, _ passes: [SequencePass], _: T.Type
  ) -> [Tensor?] {
    let run = BackwardRun<Cell, T>(cell: cell, trace: trace(passes[0].extents), call: call)
    withPointers(call.inputs, as: T.self) { inputs in
      withPointers(call.saved, as: T.self) { saved in
        withPointers(call.outputGradients, as: T.self) { gradients in
          for pass in passes { run.run(pass, inputs, saved, gradients) }
        }
      }
    }
    return run.gradients.map { $0?.tensor }
  }
}

/// The gradients that one backward pass writes.
private struct BackwardRun<Cell: RecurrentCell, T: ProductElement> {
  let cell: Cell
  let trace: RecurrentTrace
  /// By input; nil where the gradient is not wanted.
  let gradients: [TensorDraft<T>?]

  private var extents: RecurrentExtents { trace.extents }
  private var gateRows: Int { cell.gateCount * extents.hiddenSize }

  init(cell: Cell, trace: RecurrentTrace, call: BackwardCall) {
    self.cell = cell
    self.trace = trace
    gradients = call.inputShapes.indices.map { index in
      guard index != RecurrentInput.lengths, index < call.wants.count, call.wants[index] else { return nil }
      return call.inputShapes[index].map { TensorDraft(zeroed: $0) }
    }
  }

  func run(
    _ pass: SequencePass, _ inputs: [UnsafePointer<T>?], _ saved: [UnsafePointer<T>?],
    _ outputGradients: [UnsafePointer<T>?]
  ) {
    guard let x = inputs[RecurrentInput.x], let weight = inputs[RecurrentInput.weight],
      let recurrentWeight = inputs[RecurrentInput.recurrentWeight], let kept = saved[0], let states = saved[1],
      let memories = saved[2]
    else { return }
    let stepShape = [extents.batch, extents.hiddenSize]
    let state = TensorDraft<T>(zeroed: stepShape)
    let memory = TensorDraft<T>(zeroed: cell.hasMemory ? stepShape : [0])
    let keptGradient = TensorDraft<T>(zeroed: Array(trace.keptShape.dropFirst()))
    if let last = outputGradients.optional(1) { load(pass, last, into: state) }
    if cell.hasMemory, let last = outputGradients.optional(2) { load(pass, last, into: memory) }
    for step in (0..<extents.steps).reversed() {
      if let all = outputGradients.optional(0) { add(pass, step, all, to: state) }
      let index = pass.index
      cell.retreat(
        CellRetreat(
          pass: pass, index: step, kept: kept + trace.keptOffset(pass: index, step: step), keptRow: trace.keptRow,
          weight: recurrentWeight + index * gateRows * extents.hiddenSize,
          previous: states + trace.stateOffset(pass: index, step: step),
          previousMemory: memories + trace.memoryOffset(pass: index, step: step),
          memory: memories + trace.memoryOffset(pass: index, step: step + 1),
          keptGradient: keptGradient.base + trace.keptOffset(pass: 0, step: step), stateGradient: state.base,
          memoryGradient: memory.base))
    }
    store(pass, state, to: RecurrentInput.initialState)
    if cell.hasMemory { store(pass, memory, to: RecurrentInput.initialMemory) }
    let sums = keptGradient.tensor
    sums.withElements(as: T.self) { sums in
      guard let sums = sums.baseAddress else { return }
      differentiateRecurrence(
        pass, sums, kept + trace.keptOffset(pass: pass.index, step: 0),
        states + trace.stateOffset(pass: pass.index, step: 0))
      differentiateInput(pass, sums, x, weight + pass.index * gateRows * extents.inputSize)
    }
  }
}

// Gradients of the states.
extension BackwardRun {
  private func load(_ pass: SequencePass, _ source: UnsafePointer<T>, into state: TensorDraft<T>) {
    for sequence in 0..<extents.batch {
      (state.base + sequence * trace.stateRow)
        .update(from: source + pass.stateOffset(sequence), count: trace.stateRow)
    }
  }

  private func store(_ pass: SequencePass, _ state: TensorDraft<T>, to input: Int) {
    guard let target = gradients.optional(input) else { return }
    for sequence in 0..<extents.batch {
      (target.base + pass.stateOffset(sequence))
        .update(from: state.base + sequence * trace.stateRow, count: trace.stateRow)
    }
  }

  /// The gradient by the outputs that the step wrote.
  private func add(_ pass: SequencePass, _ step: Int, _ all: UnsafePointer<T>, to state: TensorDraft<T>) {
    for sequence in 0..<extents.batch {
      guard let row = pass.row(step: step, sequence: sequence) else { continue }
      let source = all + pass.outputOffset(row: row, sequence: sequence)
      let target = state.base + sequence * trace.stateRow
      for unit in 0..<trace.stateRow { target[unit] = T.sum(target[unit], source[unit]) }
    }
  }
}

// Gradients of the weights and of X: one product over all steps.
extension BackwardRun {
  private func differentiateRecurrence(
    _ pass: SequencePass, _ sums: UnsafePointer<T>, _ kept: UnsafePointer<T>, _ states: UnsafePointer<T>
  ) {
    let hidden = extents.hiddenSize
    let rows = extents.steps * extents.batch
    for term in cell.recurrentTerms {
      let gradient = sums + term.gradientBlock * hidden
      if let target = gradients.optional(RecurrentInput.recurrentWeight) {
        let operand =
          switch term.operand {
          case .previousState: MatrixProduct.Operand(states, rowStride: trace.stateRow)
          case .kept(let block): MatrixProduct.Operand(kept + block * hidden, rowStride: trace.keptRow)
          }
        MatrixProduct.multiply(
          rows: term.gates.count * hidden, columns: hidden, depth: rows,
          left: .init(gradient, rowStride: trace.keptRow, isTransposed: true), right: operand,
          target: target.base + (pass.index * gateRows + term.gates.lowerBound * hidden) * hidden,
          targetRowStride: hidden)
      }
      if let target = gradients.optional(RecurrentInput.bias) {
        addRows(
          gradient, count: term.gates.count * hidden,
          to: target.base + (pass.index * 2 + 1) * gateRows + term.gates.lowerBound * hidden)
      }
    }
    if let target = gradients.optional(RecurrentInput.bias) {
      addRows(sums, count: gateRows, to: target.base + pass.index * 2 * gateRows)
    }
  }

  /// Adds up the first `count` columns of the kept numbers' gradient over all steps and sequences.
  private func addRows(_ rows: UnsafePointer<T>, count: Int, to target: UnsafeMutablePointer<T>) {
    for row in 0..<extents.steps * extents.batch {
      let source = rows + row * trace.keptRow
      for column in 0..<count { target[column] = T.sum(target[column], source[column]) }
    }
  }

  private func differentiateInput(
    _ pass: SequencePass, _ sums: UnsafePointer<T>, _ x: UnsafePointer<T>, _ weight: UnsafePointer<T>
  ) {
    let rows = extents.steps * extents.batch
    let ordered = inOrderOfX(pass, sums)
    ordered.withElements(as: T.self) { ordered in
      guard let ordered = ordered.baseAddress else { return }
      if let target = gradients.optional(RecurrentInput.weight) {
        MatrixProduct.multiply(
          rows: gateRows, columns: extents.inputSize, depth: rows,
          left: .init(ordered, rowStride: gateRows, isTransposed: true),
          right: .init(x, rowStride: extents.inputSize),
          target: target.base + pass.index * gateRows * extents.inputSize, targetRowStride: extents.inputSize)
      }
      if let target = gradients.optional(RecurrentInput.x) {
        // Both passes of a bidirectional layer read X.
        MatrixProduct.multiply(
          rows: rows, columns: extents.inputSize, depth: gateRows, left: .init(ordered, rowStride: gateRows),
          right: .init(weight, rowStride: extents.inputSize), beta: 1, target: target.base,
          targetRowStride: extents.inputSize)
      }
    }
  }

  /// The gates' gradient in the rows of X: 0 where a sequence is over.
  private func inOrderOfX(_ pass: SequencePass, _ sums: UnsafePointer<T>) -> Tensor {
    Tensor(shape: [extents.steps * extents.batch, gateRows], of: T.self) { target in
      guard let target = target.baseAddress else { return }
      for step in 0..<extents.steps {
        for sequence in 0..<extents.batch {
          guard let row = pass.row(step: step, sequence: sequence) else { continue }
          (target + row * gateRows)
            .update(from: sums + (step * extents.batch + sequence) * trace.keptRow, count: gateRows)
        }
      }
    }
  }
}
