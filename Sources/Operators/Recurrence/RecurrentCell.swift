import HostTensors

/// One step through time of a recurrent operator, and the way back through it.
///
/// A cell keeps `keptCount` blocks of one number per hidden unit for every step and sequence; the first
/// `gateCount` of them are its gates, in ONNX's order: what the input contributes before a step, the values
/// of the gates' functions after it.
protocol RecurrentCell: Sendable {
  var gateCount: Int { get }
  var keptCount: Int { get }
  /// Whether a memory (ONNX Y_c) flows beside the state.
  var hasMemory: Bool { get }
  /// The sums that read the recurrent weight.
  var recurrentTerms: [RecurrentTerm] { get }

  func advance<T: ProductElement>(_ step: CellStep<T>)
  func retreat<T: ProductElement>(_ step: CellRetreat<T>)
}

/// The sum of some gates over their rows of the recurrent weight.
struct RecurrentTerm {
  enum Operand {
    case previousState
    case kept(block: Int)
  }

  var gates: Range<Int>
  /// The block of the kept numbers' gradient at which that of the sum begins.
  var gradientBlock: Int
  /// What the weight is multiplied by.
  var operand: Operand
}

extension RecurrentCell {
  /// Whether the two biases of `gate` are just added: not where one of them is multiplied on the way.
  func addsBiases(_ gate: Int) -> Bool {
    recurrentTerms.contains { $0.gates.contains(gate) && $0.gradientBlock == $0.gates.lowerBound }
  }
}

/// What `RecurrentCell.advance` works on: matrices of one row per sequence.
struct CellStep<T: ProductElement> {
  let pass: SequencePass
  let index: Int
  let kept: UnsafeMutablePointer<T>
  let keptRow: Int
  /// The rows of R for this pass: [gateCount * hidden, hidden].
  let weight: UnsafePointer<T>
  /// The recurrent bias of this pass, where B is given.
  let recurrentBias: UnsafePointer<T>?
  let previous: UnsafePointer<T>
  let state: UnsafeMutablePointer<T>
  let previousMemory: UnsafePointer<T>
  let memory: UnsafeMutablePointer<T>

  private var hidden: Int { pass.extents.hiddenSize }

  /// Adds `operand` [batch, hidden] times the weight of `gates`, transposed, to the kept blocks from `block` on.
  func addProduct(gates: Range<Int>, operand: UnsafePointer<T>, rowStride: Int, block: Int) {
    MatrixProduct.multiply(
      rows: pass.extents.batch, columns: gates.count * hidden, depth: hidden,
      left: .init(operand, rowStride: rowStride),
      right: .init(weight + gates.lowerBound * hidden * hidden, rowStride: hidden, isTransposed: true), beta: 1,
      target: kept + block * hidden, targetRowStride: keptRow)
  }

  /// Calls `body` for every sequence that the step belongs to; the state of the others stays.
  func forEachSequence(
    carriesMemory: Bool, _ body: (_ sequence: Int, _ kept: UnsafeMutablePointer<T>) -> Void
  ) {
    forEachRow(of: pass) { sequence in
      if index < pass.lengths[sequence] { return body(sequence, kept + sequence * keptRow) }
      (state + sequence * hidden).update(from: previous + sequence * hidden, count: hidden)
      if carriesMemory {
        (memory + sequence * hidden).update(from: previousMemory + sequence * hidden, count: hidden)
      }
    }
  }
}

/// What `RecurrentCell.retreat` works on.
struct CellRetreat<T: ProductElement> {
  let pass: SequencePass
  let index: Int
  let kept: UnsafePointer<T>
  let keptRow: Int
  let weight: UnsafePointer<T>
  let previous: UnsafePointer<T>
  let previousMemory: UnsafePointer<T>
  let memory: UnsafePointer<T>
  /// The gradient by the sums of the gates and by what else is kept: written; zeros before.
  let keptGradient: UnsafeMutablePointer<T>
  /// The gradient by the state after the step, changed into that by the state before it.
  let stateGradient: UnsafeMutablePointer<T>
  let memoryGradient: UnsafeMutablePointer<T>

  private var hidden: Int { pass.extents.hiddenSize }

  /// `target` = (or +=, where `adds`) the gradient in the kept blocks from `block` on times the weight of `gates`.
  func product(
    gates: Range<Int>, block: Int, adds: Bool, target: UnsafeMutablePointer<T>, targetRowStride: Int
  ) {
    MatrixProduct.multiply(
      rows: pass.extents.batch, columns: hidden, depth: gates.count * hidden,
      left: .init(keptGradient + block * hidden, rowStride: keptRow),
      right: .init(weight + gates.lowerBound * hidden * hidden, rowStride: hidden), beta: adds ? 1 : 0, target: target,
      targetRowStride: targetRowStride)
  }

  /// Calls `body` for every sequence that the step belongs to.
  func forEachSequence(
    _ body: (_ sequence: Int, _ kept: UnsafePointer<T>, _ gradient: UnsafeMutablePointer<T>) -> Void
  ) {
    forEachRow(of: pass) { sequence in
      guard index < pass.lengths[sequence] else { return }
      body(sequence, kept + sequence * keptRow, keptGradient + sequence * keptRow)
    }
  }
}

/// Calls `body` for every sequence; large steps are shared among threads.
private func forEachRow(of pass: SequencePass, _ body: (Int) -> Void) {
  Parallel.forEachRange(pass.extents.batch, grain: max(1, 4096 / max(pass.extents.hiddenSize, 1))) { range in
    for sequence in range { body(sequence) }
  }
}
