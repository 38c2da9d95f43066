import HostTensors

/// One pass over the sequences of a batch: which element of time each step reads.
///
/// A sequence shorter than the longest is read from its own start, or from its own end; when it is over, its
/// state stays and its outputs are 0.
struct SequencePass {
  let form: RecurrentForm
  let extents: RecurrentExtents
  /// 0, or 1 for the second pass of a bidirectional operator.
  let index: Int
  /// Steps of each sequence, at most `extents.steps`.
  let lengths: [Int]

  var functions: [GateFunction] { form.functions[index] }

  /// The row of X, as [time * batch] or [batch * time], that `step` reads; nil where the sequence is over.
  @inline(__always) func row(step: Int, sequence: Int) -> Int? {
    guard step < lengths[sequence] else { return nil }
    let time = form.direction.passesBackward[index] ? lengths[sequence] - 1 - step : step
    return form.isBatchFirst ? sequence * extents.steps + time : time * extents.batch + sequence
  }

  /// Where in Y the output of that row begins.
  @inline(__always) func outputOffset(row: Int, sequence: Int) -> Int {
    let slot =
      form.isBatchFirst ? row * extents.passes + index : (row - sequence) * extents.passes + stateSlot(sequence)
    return slot * extents.hiddenSize
  }

  /// Where in Y_h, Y_c or the initial state the sequence's row begins.
  @inline(__always) func stateOffset(_ sequence: Int) -> Int {
    let slot = form.isBatchFirst ? sequence * extents.passes + index : stateSlot(sequence)
    return slot * extents.hiddenSize
  }

  private func stateSlot(_ sequence: Int) -> Int { index * extents.batch + sequence }
}

extension RecurrentForm {
  /// The passes of a node, one or two; throws where a length is beyond the sequences.
  func passes(_ extents: RecurrentExtents, lengths: Tensor?) throws(OperatorError) -> [SequencePass] {
    let counts = lengths?.integers ?? [Int](repeating: extents.steps, count: extents.batch)
    guard counts.allSatisfy({ $0 >= 0 && $0 <= extents.steps }) else {
      throw .invalid("sequence_lens \(counts) are not within 0...\(extents.steps)")
    }
    return (0..<extents.passes).map { SequencePass(form: self, extents: extents, index: $0, lengths: counts) }
  }
}
