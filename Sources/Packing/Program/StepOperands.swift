import ModelFormat

/// What a step does with a tensor it names.
package enum OperandRole: Sendable {
  case read
  case write
  /// Memory of this step alone.
  case scratch
}

/// A step record that says which tensors it names.
package protocol PackedRecord: StepRecord {
  /// Visits every tensor field once, those that hold `TensorIndex.none` too.
  mutating func visitTensors(_ visit: (OperandRole, inout TensorIndex) -> Void)
}

extension PackedRecord {
  package func renamed(_ rename: (TensorIndex) -> TensorIndex) -> Self {
    var record = self
    record.visitTensors { _, index in if !index.isNone { index = rename(index) } }
    return record
  }

  /// The tensors named, without omitted ones.
  package var operands: [(role: OperandRole, tensor: TensorIndex)] {
    var record = self
    var operands: [(role: OperandRole, tensor: TensorIndex)] = []
    record.visitTensors { role, index in if !index.isNone { operands.append((role, index)) } }
    return operands
  }
}

extension ConvolutionInt8Record: PackedRecord {
  package mutating func visitTensors(_ visit: (OperandRole, inout TensorIndex) -> Void) {
    visit(.read, &input)
    visit(.read, &weights)
    visit(.read, &bias)
    visit(.read, &weightScales)
    visit(.scratch, &scratch)
    visit(.write, &output)
  }
}

extension ConvolutionFloatRecord: PackedRecord {
  package mutating func visitTensors(_ visit: (OperandRole, inout TensorIndex) -> Void) {
    visit(.read, &input)
    visit(.read, &weights)
    visit(.read, &bias)
    visit(.scratch, &scratch)
    visit(.write, &output)
  }
}

extension MaxPoolRecord: PackedRecord {
  package mutating func visitTensors(_ visit: (OperandRole, inout TensorIndex) -> Void) {
    visit(.read, &input)
    visit(.write, &output)
  }
}

extension AveragePoolFloatRecord: PackedRecord {
  package mutating func visitTensors(_ visit: (OperandRole, inout TensorIndex) -> Void) {
    visit(.read, &input)
    visit(.write, &output)
  }
}

extension AveragePoolInt8Record: PackedRecord {
  package mutating func visitTensors(_ visit: (OperandRole, inout TensorIndex) -> Void) { pool.visitTensors(visit) }
}

extension BinaryInt8Record: PackedRecord {
  package mutating func visitTensors(_ visit: (OperandRole, inout TensorIndex) -> Void) {
    visit(.read, &a)
    visit(.read, &b)
    visit(.write, &output)
  }
}

extension TableRecord: PackedRecord {
  package mutating func visitTensors(_ visit: (OperandRole, inout TensorIndex) -> Void) {
    visit(.read, &input)
    visit(.read, &table)
    visit(.write, &output)
  }
}

extension AffineMapRecord: PackedRecord {
  package mutating func visitTensors(_ visit: (OperandRole, inout TensorIndex) -> Void) {
    visit(.read, &input)
    visit(.write, &output)
  }
}

extension UnaryFloatRecord: PackedRecord {
  package mutating func visitTensors(_ visit: (OperandRole, inout TensorIndex) -> Void) {
    visit(.read, &input)
    visit(.write, &output)
  }
}

extension SoftmaxRecord: PackedRecord {
  package mutating func visitTensors(_ visit: (OperandRole, inout TensorIndex) -> Void) {
    visit(.read, &input)
    visit(.write, &output)
  }
}

extension ReduceRecord: PackedRecord {
  package mutating func visitTensors(_ visit: (OperandRole, inout TensorIndex) -> Void) {
    visit(.read, &input)
    visit(.write, &output)
  }
}

extension ArgMaxRecord: PackedRecord {
  package mutating func visitTensors(_ visit: (OperandRole, inout TensorIndex) -> Void) {
    visit(.read, &input)
    visit(.write, &output)
  }
}

extension CopyRecord: PackedRecord {
  package mutating func visitTensors(_ visit: (OperandRole, inout TensorIndex) -> Void) {
    visit(.read, &input)
    visit(.write, &output)
  }
}

extension FillRecord: PackedRecord {
  package mutating func visitTensors(_ visit: (OperandRole, inout TensorIndex) -> Void) { visit(.write, &output) }
}

extension GatherRecord: PackedRecord {
  package mutating func visitTensors(_ visit: (OperandRole, inout TensorIndex) -> Void) {
    visit(.read, &input)
    visit(.read, &indices)
    visit(.write, &output)
  }
}

extension InterpolateRecord: PackedRecord {
  package mutating func visitTensors(_ visit: (OperandRole, inout TensorIndex) -> Void) {
    visit(.read, &input)
    visit(.read, &low)
    visit(.read, &high)
    visit(.read, &fraction)
    visit(.write, &output)
  }
}

extension BinaryRecord: PackedRecord {
  package mutating func visitTensors(_ visit: (OperandRole, inout TensorIndex) -> Void) {
    visit(.read, &a)
    visit(.read, &b)
    visit(.write, &output)
  }
}

extension SelectRecord: PackedRecord {
  package mutating func visitTensors(_ visit: (OperandRole, inout TensorIndex) -> Void) {
    visit(.read, &condition)
    visit(.read, &a)
    visit(.read, &b)
    visit(.write, &output)
  }
}

extension CastRecord: PackedRecord {
  package mutating func visitTensors(_ visit: (OperandRole, inout TensorIndex) -> Void) {
    visit(.read, &input)
    visit(.write, &output)
  }
}

extension MatMulRecord: PackedRecord {
  package mutating func visitTensors(_ visit: (OperandRole, inout TensorIndex) -> Void) {
    visit(.read, &a)
    visit(.read, &b)
    visit(.write, &output)
  }
}

extension RecurrentRecord: PackedRecord {
  package mutating func visitTensors(_ visit: (OperandRole, inout TensorIndex) -> Void) {
    visit(.read, &input)
    visit(.read, &weights)
    visit(.read, &bias)
    visit(.read, &lengths)
    visit(.read, &initialState)
    visit(.read, &initialMemory)
    visit(.scratch, &scratch)
    visit(.write, &output)
    visit(.write, &lastState)
    visit(.write, &lastMemory)
  }
}

extension LayerNormalizationRecord: PackedRecord {
  package mutating func visitTensors(_ visit: (OperandRole, inout TensorIndex) -> Void) {
    visit(.read, &input)
    visit(.read, &scale)
    visit(.read, &bias)
    visit(.write, &output)
    visit(.write, &mean)
    visit(.write, &inverse)
  }
}
