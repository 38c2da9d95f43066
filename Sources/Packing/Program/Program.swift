import HostTensors
import ModelFormat
import TensorTypes

/// What a .pare file will hold, before memory is planned: tensors, interface and steps in order.
package struct Program: Sendable {
  package struct TensorSlot: Sendable {
    package enum Content: Sendable {
      case arena
      /// Memory of one step.
      case scratch
      /// Elements little-endian, one after another.
      case constant([UInt8])
    }

    package var dtype: DType
    package var count: Int
    package var content: Content
    /// The value or constant that a listing names.
    package var name: String

    package init(dtype: DType, count: Int, content: Content, name: String) {
      self.dtype = dtype
      self.count = count
      self.content = content
      self.name = name
    }

    package var byteCount: Int { count * dtype.byteCount }

    package var constantBytes: [UInt8]? {
      if case .constant(let bytes) = content { bytes } else { nil }
    }
  }

  package struct NamedStep: Sendable {
    package var step: Step
    package var name: String

    package init(step: Step, name: String) {
      self.step = step
      self.name = name
    }
  }

  package struct Interface: Sendable {
    package var tensor: TensorIndex
    package var shape: [Int]
    package var name: String

    package init(tensor: TensorIndex, shape: [Int], name: String) {
      self.tensor = tensor
      self.shape = shape
      self.name = name
    }
  }

  package var tensors: [TensorSlot] = []
  package var inputs: [Interface] = []
  package var outputs: [Interface] = []
  package var steps: [NamedStep] = []

  package init() {}

  package subscript(index: TensorIndex) -> TensorSlot { tensors[Int(index.rawValue)] }

  /// Without steps whose output nothing reads and tensors that no step names, tensors numbered in
  /// order of first use.
  func withoutDeadSteps() -> Program {
    var live = Set(outputs.map(\.tensor.rawValue))
    var kept: [NamedStep] = []
    for named in steps.reversed() {
      let operands = named.step.record.operands
      guard operands.contains(where: { $0.role == .write && live.contains($0.tensor.rawValue) }) else { continue }
      for operand in operands where operand.role == .read { live.insert(operand.tensor.rawValue) }
      kept.append(named)
    }
    var program = self
    program.steps = kept.reversed()
    return program.renumbered()
  }

  private func renumbered() -> Program {
    var newIndex: [UInt32: TensorIndex] = [:]
    var slots: [TensorSlot] = []
    func place(_ tensor: TensorIndex) -> TensorIndex {
      if let index = newIndex[tensor.rawValue] { return index }
      let index = TensorIndex(slots.count)
      newIndex[tensor.rawValue] = index
      slots.append(self[tensor])
      return index
    }
    var program = self
    for index in inputs.indices { program.inputs[index].tensor = place(inputs[index].tensor) }
    for index in steps.indices { program.steps[index].step = steps[index].step.renamed(place) }
    for index in outputs.indices { program.outputs[index].tensor = place(outputs[index].tensor) }
    program.tensors = slots
    return program
  }
}
