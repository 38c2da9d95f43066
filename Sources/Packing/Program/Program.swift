import HostTensors
import ModelFormat
import TensorTypes

/// What a .pare file will hold, before memory is planned: tensors, interface and steps in order.
struct Program: Sendable {
  struct TensorSlot: Sendable {
    enum Content: Sendable {
      case arena
      /// Memory of one step.
      case scratch
      /// Elements little-endian, one after another.
      case constant([UInt8])
    }

    var dtype: DType
    var count: Int
    var content: Content
    /// The value or constant that a listing names.
    var name: String

    var byteCount: Int { count * dtype.byteCount }

    var constantBytes: [UInt8]? {
      if case .constant(let bytes) = content { bytes } else { nil }
    }
  }

  struct NamedStep: Sendable {
    var step: Step
    var name: String
  }

  struct Interface: Sendable {
    var tensor: TensorIndex
    var shape: [Int]
    var name: String
  }

  var tensors: [TensorSlot] = []
  var inputs: [Interface] = []
  var outputs: [Interface] = []
  var steps: [NamedStep] = []

  subscript(index: TensorIndex) -> TensorSlot { tensors[Int(index.rawValue)] }

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
