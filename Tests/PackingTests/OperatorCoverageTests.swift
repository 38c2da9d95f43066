import Graph
import HostTensors
import ModelFormat
import Operators
import Packing
import TensorTypes
import Testing

/// Every operator lowers to steps that compute what the evaluator computes, on computed operands.
@Suite struct OperatorCoverageTests {
  @Test(arguments: OperatorKind.allCases)
  func lowersAndAgreesWithTheEvaluator(kind: OperatorKind) throws {
    var test = GraphUnderTest()
    let outputs = try OperatorExample.build(kind, &test)
    try expectAgreement(test.withOutputs(outputs))
  }

  @Test(arguments: OperatorKind.allCases)
  func lowersOnQuantizedOperandsToo(kind: OperatorKind) throws {
    guard OperatorExample.takesFloats(kind) else { return }
    var test = GraphUnderTest()
    test.quantizesInputs = true
    let outputs = try OperatorExample.build(kind, &test)
    // Both sides compute in float from the same dequantized values; nothing is rounded to 8 bits after.
    try expectAgreement(test.withOutputs(outputs))
  }

  @Test func computedWeightsAreRefusedWithAReason() throws {
    var test = GraphUnderTest()
    let y = try test.add(.conv, [test.input([1, 1, 3, 3]), test.input([1, 1, 2, 2])])
    #expect {
      try test.packed(outputs: y)
    } throws: { error in
      if case .unsupported(_, .conv, let reason)? = error as? PackError { return reason.contains("weights") }
      return false
    }
  }

  @Test func arithmeticOnIntegersIsRefusedWithAReason() throws {
    var test = GraphUnderTest()
    let x = test.input([3], .int64)
    let y = try test.add(.add, [x, x])
    #expect {
      try test.packed(outputs: y)
    } throws: { error in
      if case .unsupported(_, .add, let reason)? = error as? PackError { return reason.contains("int64") }
      return false
    }
  }

  @Test func windowsOverThreeAxesAreRefusedWithAReason() throws {
    var numbers = TestNumbers(seed: 1)
    var test = GraphUnderTest()
    let w = test.constant(numbers.floats([1, 1, 2, 2, 2]))
    let y = try test.add(.conv, [test.input([1, 1, 3, 3, 3]), w])
    #expect(throws: PackError.self) { try test.packed(outputs: y) }
  }

  @Test func interfacesBeyondTheGreatestRankAreRefused() throws {
    var test = GraphUnderTest()
    let x = test.input([1, 1, 1, 1, 1, 1, 1, 1, 2])
    let y = try test.add(.relu, [x])
    #expect(throws: PackError.self) { try test.packed(outputs: y) }
  }

  @Test func tensorsWithoutElementsAreRefused() throws {
    var test = GraphUnderTest()
    let x = test.input([0, 3])
    let y = try test.add(.relu, [x])
    #expect {
      try test.packed(outputs: y)
    } throws: { error in
      if case .unsupportedExtent? = error as? PackError { return true }
      return false
    }
  }
}
