import HostTensors

extension RecurrentLayer {
  func forward<T: ProductElement>(
    _ inputs: [Tensor?], _ passes: [SequencePass], _: T.Type
  ) throws(OperatorError) -> ForwardResult {
    let extents = passes[0].extents
    let trace = trace(extents)
    let run = ForwardRun<Cell, T>(
      cell: cell, trace: trace, outputs: try form.outputs(extents, stateCount: cell.hasMemory ? 2 : 1).map(\.shape))
    withPointers(inputs, as: T.self) { pointers in
      for pass in passes { run.run(pass, pointers) }
    }
    var outputs = [run.all.tensor, run.lastState.tensor]
    if cell.hasMemory { outputs.append(run.lastMemory.tensor) }
    return ForwardResult(outputs: outputs, saved: [run.kept.tensor, run.states.tensor, run.memories.tensor])
  }
}

/// The tensors that one evaluation writes.
private struct ForwardRun<Cell: RecurrentCell, T: ProductElement> {
  let cell: Cell
  let trace: RecurrentTrace
  let all: TensorDraft<T>
  let lastState: TensorDraft<T>
  let lastMemory: TensorDraft<T>
  let kept: TensorDraft<T>
  let states: TensorDraft<T>
  let memories: TensorDraft<T>

  init(cell: Cell, trace: RecurrentTrace, outputs: [[Int]]) {
    self.cell = cell
    self.trace = trace
    // Where a sequence is over, its outputs are 0.
    all = TensorDraft(zeroed: outputs[0])
    lastState = TensorDraft(uninitialized: outputs[1])
    lastMemory = TensorDraft(uninitialized: cell.hasMemory ? outputs[2] : [0])
    kept = TensorDraft(uninitialized: trace.keptShape)
    states = TensorDraft(uninitialized: trace.statesShape)
    memories = TensorDraft(uninitialized: trace.memoriesShape)
  }

  func run(_ pass: SequencePass, _ inputs: [UnsafePointer<T>?]) {
    let extents = trace.extents
    guard let x = inputs[RecurrentInput.x], let weight = inputs[RecurrentInput.weight],
      let recurrentWeight = inputs[RecurrentInput.recurrentWeight]
    else { return }
    let rows = cell.gateCount * extents.hiddenSize
    let bias = inputs.optional(RecurrentInput.bias).map { $0 + pass.index * 2 * rows }
    start(pass, states, inputs.optional(RecurrentInput.initialState))
    if cell.hasMemory { start(pass, memories, inputs.optional(RecurrentInput.initialMemory)) }
    let product = inputProduct(x, weight + pass.index * rows * extents.inputSize, bias)
    product.withElements(as: T.self) { product in
      for step in 0..<extents.steps {
        gather(pass, step, product)
        cell.advance(
          cellStep(
            pass, step, recurrentWeight + pass.index * rows * extents.hiddenSize, bias.map { $0 + rows }))
        scatter(pass, step)
      }
    }
    finish(pass, states, lastState)
    if cell.hasMemory { finish(pass, memories, lastMemory) }
  }

  private func cellStep(
    _ pass: SequencePass, _ step: Int, _ weight: UnsafePointer<T>, _ bias: UnsafePointer<T>?
  ) -> CellStep<T> {
    let before = states.base + trace.stateOffset(pass: pass.index, step: step)
    let memoryBefore = memories.base + trace.memoryOffset(pass: pass.index, step: step)
    return CellStep(
      pass: pass, index: step, kept: kept.base + trace.keptOffset(pass: pass.index, step: step),
      keptRow: trace.keptRow, weight: weight, recurrentBias: bias, previous: before,
      state: before + trace.extents.batch * trace.stateRow, previousMemory: memoryBefore,
      memory: memories.base + trace.memoryOffset(pass: pass.index, step: step + 1))
  }

  /// What X contributes to the gates of every step: [rows of X, gateCount * hidden], biases added.
  private func inputProduct(_ x: UnsafePointer<T>, _ weight: UnsafePointer<T>, _ bias: UnsafePointer<T>?) -> Tensor {
    let extents = trace.extents
    let rows = extents.steps * extents.batch
    let columns = cell.gateCount * extents.hiddenSize
    return Tensor(uninitialized: [rows, columns], of: T.self) { target in
      guard let target = target.baseAddress, rows > 0 else { return }
      if let bias {
        for column in 0..<columns {
          let isSum = cell.addsBiases(column / extents.hiddenSize)
          target[column] = isSum ? T.sum(bias[column], bias[columns + column]) : bias[column]
        }
        for row in 1..<rows { (target + row * columns).update(from: target, count: columns) }
      }
      MatrixProduct.multiply(
        rows: rows, columns: columns, depth: extents.inputSize, left: .init(x, rowStride: extents.inputSize),
        right: .init(weight, rowStride: extents.inputSize, isTransposed: true), beta: bias != nil ? 1 : 0,
        target: target,
        targetRowStride: columns)
    }
  }

  /// The initial state of every sequence, 0 where none is given.
  private func start(_ pass: SequencePass, _ states: TensorDraft<T>, _ initial: UnsafePointer<T>?) {
    let target = states.base + trace.stateOffset(pass: pass.index, step: 0)
    for sequence in 0..<trace.extents.batch {
      let row = target + sequence * trace.stateRow
      if let initial {
        row.update(from: initial + pass.stateOffset(sequence), count: trace.stateRow)
      } else {
        row.update(repeating: 0, count: trace.stateRow)
      }
    }
  }

  /// The rows of the input's product that the step reads, where the cell finds them.
  private func gather(_ pass: SequencePass, _ step: Int, _ product: UnsafeBufferPointer<T>) {
    guard let product = product.baseAddress else { return }
    let columns = cell.gateCount * trace.extents.hiddenSize
    let target = kept.base + trace.keptOffset(pass: pass.index, step: step)
    for sequence in 0..<trace.extents.batch {
      let place = target + sequence * trace.keptRow
      guard let row = pass.row(step: step, sequence: sequence) else {
        place.update(repeating: 0, count: trace.keptRow)
        continue
      }
      place.update(from: product + row * columns, count: columns)
      (place + columns).update(repeating: 0, count: trace.keptRow - columns)
    }
  }

  private func scatter(_ pass: SequencePass, _ step: Int) {
    let source = states.base + trace.stateOffset(pass: pass.index, step: step + 1)
    for sequence in 0..<trace.extents.batch {
      guard let row = pass.row(step: step, sequence: sequence) else { continue }
      (all.base + pass.outputOffset(row: row, sequence: sequence))
        .update(from: source + sequence * trace.stateRow, count: trace.stateRow)
    }
  }

  private func finish(_ pass: SequencePass, _ states: TensorDraft<T>, _ last: TensorDraft<T>) {
    let source = states.base + trace.stateOffset(pass: pass.index, step: trace.extents.steps)
    for sequence in 0..<trace.extents.batch {
      (last.base + pass.stateOffset(sequence))
        .update(from: source + sequence * trace.stateRow, count: trace.stateRow)
    }
  }
}
