import ModelFormat

/// Memory that one or more tensors share, and the steps it must stay untouched for.
struct ArenaBuffer: Equatable, Sendable {
  /// Positions in `Program.tensors`.
  var tensors: [Int]
  var bytes: Int
  /// First and last step of the life, both included; -1 is before the first step.
  var firstStep: Int
  var lastStep: Int

  func overlaps(_ other: ArenaBuffer) -> Bool { firstStep <= other.lastStep && other.firstStep <= lastStep }
}

extension Program {
  /// The arena buffers of the program. A step whose input dies with it may write over that input, where
  /// it computes every element from the element at the same place.
  func arenaBuffers() -> [ArenaBuffer] {
    let lives = lifetimes()
    var buffers: [ArenaBuffer] = []
    var bufferOfTensor = [Int](repeating: -1, count: tensors.count)
    func add(_ tensor: Int, _ life: ClosedRange<Int>) {
      bufferOfTensor[tensor] = buffers.count
      buffers.append(
        ArenaBuffer(
          tensors: [tensor], bytes: tensors[tensor].byteCount, firstStep: life.lowerBound, lastStep: life.upperBound))
    }
    for input in inputs where bufferOfTensor[Int(input.tensor.rawValue)] < 0 {
      if let life = lives[Int(input.tensor.rawValue)] { add(Int(input.tensor.rawValue), life) }
    }
    for (index, named) in steps.enumerated() {
      for operand in named.step.record.operands where operand.role != .read {
        let tensor = Int(operand.tensor.rawValue)
        guard bufferOfTensor[tensor] < 0, let life = lives[tensor] else { continue }
        let overwritten = named.step.overwritableInputs.map { Int($0.rawValue) }.first {
          bufferOfTensor[$0] >= 0 && buffers[bufferOfTensor[$0]].lastStep == index && life.lowerBound == index
            && tensors[$0].byteCount == tensors[tensor].byteCount
        }
        if operand.role == .write, let overwritten {
          let buffer = bufferOfTensor[overwritten]
          buffers[buffer].tensors.append(tensor)
          buffers[buffer].lastStep = life.upperBound
          bufferOfTensor[tensor] = buffer
        } else {
          add(tensor, life)
        }
      }
    }
    return buffers
  }

  /// By tensor, the steps between its first writing and its last use; nil for constants.
  private func lifetimes() -> [ClosedRange<Int>?] {
    var lives = [ClosedRange<Int>?](repeating: nil, count: tensors.count)
    func use(_ tensor: TensorIndex, at step: Int) {
      let index = Int(tensor.rawValue)
      guard tensors[index].constantBytes == nil else { return }
      lives[index] = (lives[index]?.lowerBound ?? step)...step
    }
    for input in inputs { use(input.tensor, at: -1) }
    for (index, named) in steps.enumerated() {
      for operand in named.step.record.operands { use(operand.tensor, at: index) }
    }
    for output in outputs { use(output.tensor, at: steps.count) }
    return lives
  }
}

extension Step {
  /// Inputs that the step reads element by element just before it writes the same element.
  var overwritableInputs: [TensorIndex] {
    switch self {
    case .unaryFloat(let record): [record.input]
    case .table(let record): [record.input]
    case .softmax(let record): [record.input]
    // The means and inverses are written while the row is still read.
    case .layerNormalization(let record): record.mean.isNone && record.inverse.isNone ? [record.input] : []
    case .addInt8(let record), .mulInt8(let record): [record.a, record.b]
    case .binaryFloat(let record):
      (record.isDense(record.aStrides) ? [record.a] : []) + (record.isDense(record.bStrides) ? [record.b] : [])
    case .convolutionInt8, .convolutionFloat, .depthwiseInt8, .depthwiseFloat, .maxPool, .averagePoolInt8,
      .averagePoolFloat, .quantize, .dequantize, .reduce, .argMax, .copy, .fill, .gather, .interpolate, .select, .cast,
      .matMul, .compare, .recurrent:
      []
    }
  }
}

extension BinaryRecord {
  /// Whether an operand of these strides is read in the order in which the output is written.
  func isDense(_ strides: StridedExtents) -> Bool {
    var stride = 1
    for axis in (0..<StridedExtents.rank).reversed() where extents[axis] > 1 {
      guard strides[axis] == stride else { return false }
      stride *= extents[axis]
    }
    return true
  }
}
