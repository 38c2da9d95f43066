import HostTensors
import ModelFormat
import Packing
import TensorTypes
import Testing

@Suite struct ArenaTests {
  /// A program of random steps: element-wise ones, copies, and convolutions with scratch.
  private func randomProgram(seed: UInt32) -> Program {
    var numbers = TestNumbers(seed: seed)
    var program = Program()
    func add(_ count: Int, _ content: Program.TensorSlot.Content = .arena) -> Int {
      program.tensors.append(.init(dtype: .uint8, count: count, content: content, name: "\(program.tensors.count)"))
      return program.tensors.count - 1
    }
    var values: [Int] = []
    for _ in 0...numbers.integer(below: 3) { values.append(add(1 + numbers.integer(below: 500))) }
    program.inputs = values.map { .init(tensor: TensorIndex($0), shape: [program.tensors[$0].count], name: "") }
    for _ in 0..<3 + numbers.integer(below: 25) {
      let source = values[numbers.integer(below: values.count)]
      let count = program.tensors[source].count
      let step: Step
      switch numbers.integer(below: 4) {
      case 0:
        var record = TableRecord()
        record.input = TensorIndex(source)
        record.table = TensorIndex(add(256, .constant([UInt8](repeating: 0, count: 256))))
        values.append(add(count))
        record.output = TensorIndex(values[values.count - 1])
        step = .table(record)
      case 1:
        var record = BinaryInt8Record()
        record.a = TensorIndex(source)
        let others = values.filter { program.tensors[$0].count == count }
        record.b = TensorIndex(others[numbers.integer(below: others.count)])
        values.append(add(count))
        record.output = TensorIndex(values[values.count - 1])
        step = .addInt8(record)
      case 2:
        var record = CopyRecord()
        record.input = TensorIndex(source)
        values.append(add(1 + numbers.integer(below: 700)))
        record.output = TensorIndex(values[values.count - 1])
        step = .copy(record)
      default:
        var record = ConvolutionInt8Record()
        record.input = TensorIndex(source)
        record.weights = TensorIndex(add(16, .constant([UInt8](repeating: 1, count: 16))))
        record.scratch = TensorIndex(add(1 + numbers.integer(below: 300), .scratch))
        values.append(add(1 + numbers.integer(below: 700)))
        record.output = TensorIndex(values[values.count - 1])
        step = .convolutionInt8(record)
      }
      program.steps.append(.init(step: step, name: ""))
    }
    for _ in 0...numbers.integer(below: 2) {
      let output = values[values.count - 1 - numbers.integer(below: min(3, values.count))]
      program.outputs.append(.init(tensor: TensorIndex(output), shape: [], name: ""))
    }
    return program
  }

  /// Runs the program on tensor identities instead of numbers: each byte remembers who wrote it last.
  @Test(arguments: 1...60)
  func everyTensorStillHoldsItsValueWhereItIsRead(seed: Int) throws {
    let program = randomProgram(seed: UInt32(seed))
    let plan = ArenaPlan(program)
    #expect(plan.bytes >= plan.lowerBoundBytes)
    var owner = [Int](repeating: -1, count: plan.bytes)
    func bytes(_ tensor: TensorIndex) throws -> Range<Int> {
      let offset = try #require(plan.offsets[Int(tensor.rawValue)])
      return offset..<offset + program[tensor].byteCount
    }
    func write(_ tensor: TensorIndex) throws {
      for byte in try bytes(tensor) { owner[byte] = Int(tensor.rawValue) }
    }
    func check(_ tensor: TensorIndex) throws {
      guard program[tensor].constantBytes == nil else { return }
      #expect(try bytes(tensor).allSatisfy { owner[$0] == Int(tensor.rawValue) })
    }
    for input in program.inputs { try write(input.tensor) }
    for named in program.steps {
      let operands = named.step.record.operands
      for operand in operands where operand.role == .read { try check(operand.tensor) }
      for operand in operands where operand.role == .scratch { try write(operand.tensor) }
      // Scratch and output are in use while the inputs are still read.
      for operand in operands where operand.role == .read && !isOverwritable(named.step, operand.tensor) {
        try check(operand.tensor)
      }
      for operand in operands where operand.role == .write { try write(operand.tensor) }
      for operand in operands where operand.role == .read && !isOverwritable(named.step, operand.tensor) {
        try check(operand.tensor)
      }
      for operand in operands where operand.role == .scratch { try check(operand.tensor) }
    }
    for output in program.outputs { try check(output.tensor) }
  }

  private func isOverwritable(_ step: Step, _ tensor: TensorIndex) -> Bool {
    switch step.code {
    case .table, .addInt8: true
    default: false
    }
  }

  @Test(arguments: 1...20)
  func offsetsAreAligned(seed: Int) {
    let plan = ArenaPlan(randomProgram(seed: UInt32(seed)))
    #expect(plan.offsets.compactMap { $0 }.allSatisfy { $0 % ArenaPlan.alignment == 0 })
  }

  @Test func aChainOfTablesNeedsOneBuffer() {
    var program = Program()
    for index in 0..<4 {
      program.tensors.append(.init(dtype: .uint8, count: 640, content: .arena, name: "\(index)"))
    }
    program.tensors.append(
      .init(dtype: .uint8, count: 256, content: .constant([UInt8](repeating: 0, count: 256)), name: "table"))
    program.inputs = [.init(tensor: TensorIndex(0), shape: [640], name: "")]
    program.outputs = [.init(tensor: TensorIndex(3), shape: [640], name: "")]
    for index in 0..<3 {
      var record = TableRecord()
      (record.input, record.output, record.table) = (TensorIndex(index), TensorIndex(index + 1), TensorIndex(4))
      program.steps.append(.init(step: .table(record), name: ""))
    }
    #expect(ArenaPlan(program).bytes == 640 + WindowGeometry.stagingSlackBytes)
  }
}
