import Graph
import HostTensors
import ModelFormat
import Operators
import Packing
import Runtime
import TensorTypes
import Testing

/// The `recurrent` and `layerNormalization` steps: same bytes everywhere, refused records, what lowering leaves out.
@Suite struct SequenceStepTests {
  /// A bidirectional layer of each kind, then a normalization, over 3 sequences with computed lengths.
  static func network(_ kind: OperatorKind) throws -> Graph {
    var numbers = TestNumbers(seed: 77)
    var test = GraphUnderTest()
    let gates = kind == .lstm ? 4 : kind == .gru ? 3 : 1
    let x = test.input([6, 3, 5])
    let lengths = test.input([3], .int32)
    // 11 units: no multiple of any instruction set's block.
    let weights = [[2, gates * 11, 5], [2, gates * 11, 11], [2, gates * 22]].map { test.constant(numbers.floats($0)) }
    let outputs = try test.addNode(
      kind, [x] + weights + [lengths], ["direction": .string("bidirectional")], outputCount: kind == .lstm ? 3 : 2)
    let scale = test.constant(numbers.floats([11]))
    let normalized = try test.add(.layerNormalization, [outputs[0], scale, scale])
    return test.withOutputs([normalized] + outputs.dropFirst())
  }

  static let kinds: [OperatorKind] = [.lstm, .gru, .rnn]

  private func inputs(_ graph: Graph) -> [Tensor] {
    var numbers = TestNumbers(seed: 3)
    return [numbers.floats([6, 3, 5]), Tensor(shape: [3], elements: [6, 2, 0] as [Int32])]
  }

  @Test(arguments: kinds) func everyInstructionSetAndThreadCountGivesTheSameBytes(_ kind: OperatorKind) throws {
    let graph = try SequenceStepTests.network(kind)
    let packed = try pack(graph)
    let expected = try Evaluator(graph).run(inputs(graph))
    var reference: [[UInt8]]?
    let names = instructionSets(hardwareCapabilities: (0, 0)).map { String(decoding: $0.bytes, as: UTF8.self) }
    for name in names {
      for threads in 1...3 {
        let found = try run(packed, inputs(graph), name, threads)
        #expect(found == reference ?? found, "\(name), \(threads) threads")
        reference = found
      }
    }
    for (bytes, wanted) in zip(try #require(reference), expected) {
      let floats = bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
      // Two times a dozen steps of sums of 16 terms below 1, then division by a deviation of about 0.3.
      for (found, value) in zip(floats, wanted.floats) { #expect(abs(found - value) < 2e-5) }
    }
  }

  private func run(
    _ packed: PackedModel, _ inputs: [Tensor], _ instructionSet: String, _ threads: Int
  ) throws -> [[UInt8]] {
    try Array(instructionSet.utf8).withUnsafeBytes { name in
      var options = LoadOptions()
      options.instructionSet = name
      options.threads = threads
      let model = try packed.bytes.withUnsafeBytes { try Model($0, options: options) }
      for (index, tensor) in inputs.enumerated() {
        tensor.withBytes { model.inputBytes(index).copyMemory(from: $0) }
      }
      model.run()
      #expect(model.verify() == .identical(vectors: 1, steps: packed.steps.count))
      for (index, tensor) in inputs.enumerated() {
        tensor.withBytes { model.inputBytes(index).copyMemory(from: $0) }
      }
      model.run()
      return (0..<model.outputCount).map { [UInt8](model.outputBytes($0)) }
    }
  }

  @Test func statesThatNothingReadsAreNotStored() throws {
    var numbers = TestNumbers(seed: 8)
    var test = GraphUnderTest()
    let weights = [[1, 16, 3], [1, 16, 4]].map { test.constant(numbers.floats($0)) }
    let zeros = test.constant(Tensor(shape: [1, 1, 4], repeating: Float(0)))
    let outputs = try test.addNode(
      .lstm, [test.input([5, 1, 3])] + weights + [nil, nil, zeros, zeros], outputCount: 3)
    let packed = try test.packed(outputs: outputs[1])
    #expect(packed.kinds == ["convolution-float", "recurrent"])
    #expect(packed.steps[1].outputBytes == 4 * 4)
    // Gates of 5 elements of time, and scratch, states and the input in lines of 64 bytes.
    #expect(packed.arena.bytes <= 5 * 16 * 4 + 192 + 64 + 64 + 64)
  }

  @Test func computedWeightsAreRefusedWithAReason() throws {
    var test = GraphUnderTest()
    let outputs = try test.addNode(
      .rnn, [test.input([5, 1, 3]), test.input([1, 4, 3]), test.input([1, 4, 4])], outputCount: 2)
    #expect {
      try test.packed(outputs: outputs[0])
    } throws: { error in
      if case .unsupported(_, .rnn, let reason)? = error as? PackError { return reason.contains("weights") }
      return false
    }
  }
}

/// Records that no packer writes are refused at load, with what is wrong.
@Suite struct HostileSequenceRecordTests {
  private func problem(_ kind: OperatorKind, _ code: StepCode, field: Int, _ value: UInt32) throws -> StepProblem? {
    var options = PackOptions()
    options.includesGoldenVectors = false
    var file = try PatchedFile(pack(SequenceStepTests.network(kind), options: options).bytes)
    file.program[try file.fields(of: code) + field] = value
    let bytes = try file.assembled()
    do {
      _ = try bytes.withUnsafeBytes { try Model($0) }
      return nil
    } catch LoadError.step(_, code, let problem) {
      return problem
    }
  }

  /// Fields by position: 10 tensors, cell, three functions, backward, then counts.
  @Test(
    arguments: [
      (10, 9), (11, 0), (12, 4), (13, 77), (14, 2), (15, 0), (16, 0), (17, 0), (15, 7), (16, 4), (17, 12),
      (17, 0x7FFF_FFFF),
      (18, 0x7FFF_FFFF), (19, 45), (20, 0x7FFF_FFFF), (21, 73), (22, 0x7FFF_FFFF), (23, 34), (24, 0x7FFF_FFFF),
    ] as [(Int, UInt32)])
  func recurrentRecordsOutOfBoundsAreRefused(_ field: Int, _ value: UInt32) throws {
    #expect(try problem(.lstm, .recurrent, field: field, value) != nil)
  }

  @Test func recurrentOperandsMustBeWhatTheyAreReadAs() throws {
    let none = UInt32.max
    // Input, weights and scratch are required; a bias is a GRU's alone; no tensor has number 999.
    for field in [0, 1, 9] { #expect(try problem(.lstm, .recurrent, field: field, none) != nil) }
    for field in 0..<10 { #expect(try problem(.lstm, .recurrent, field: field, 999) != nil) }
    #expect(try problem(.lstm, .recurrent, field: 2, 0) == .value(.bias, found: 2))
    // Lengths are int32: the first tensor is the float input.
    #expect(
      try problem(.lstm, .recurrent, field: 3, 0) == .type(.lengths, expected: .int32, found: .float32))
    // A GRU has no memory.
    #expect(try problem(.gru, .recurrent, field: 8, 0) != nil)
  }

  /// Fields by position: 6 tensors, epsilon, rows, length.
  @Test func layerNormalizationRecordsOutOfBoundsAreRefused() throws {
    let cases: [(Int, UInt32)] = [
      (0, .max), (1, .max), (3, .max), (0, 999), (1, 0), (2, 0), (4, 0), (5, 0), (6, Float.nan.bitPattern),
      (6, Float.infinity.bitPattern), (7, 0), (8, 0), (7, 37), (8, 12), (7, 0x7FFF_FFFF), (8, 0x7FFF_FFFF),
    ]
    for (field, value) in cases {
      #expect(try problem(.rnn, .layerNormalization, field: field, value) != nil, "field \(field): \(value)")
    }
    #expect(
      try problem(.rnn, .layerNormalization, field: 6, Float.nan.bitPattern) == .notFinite(.epsilon))
  }
}
