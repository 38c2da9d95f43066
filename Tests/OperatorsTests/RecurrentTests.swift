import HostTensors
import Operators
import TensorTypes
import Testing

@Suite struct RecurrentTests {
  /// In double arithmetic: a dozen operations per step, and ten squarings in the reference's exponential.
  @Test(arguments: RecurrentCase.all + RecurrentCase.activated)
  func followsTheEquations(_ given: RecurrentCase) throws {
    let reference = RecurrentReference(given)
    let outputs = try given.operatorCase.outputs().map(\.doubles)
    let expected = [reference.all, reference.states] + (given.opType == "LSTM" ? [reference.memories] : [])
    #expect(outputs.map(\.count) == expected.map(\.count))
    for (found, wanted) in zip(outputs.joined(), expected.joined()) { #expect(abs(found - wanted) < 1e-11) }
  }

  @Test(arguments: RecurrentCase.all)
  func singleAndHalfPrecisionStayNear(_ given: RecurrentCase) throws {
    let exact = try given.operatorCase.outputs()
    for (dtype, tolerance) in [(DType.float32, 2e-6), (.float16, 4e-3)] {
      var narrow = given.operatorCase
      narrow.inputs = narrow.inputs.map { $0?.dtype == .float64 ? $0?.cast(to: dtype) : $0 }
      let outputs = try narrow.outputs()
      #expect(outputs.allSatisfy { $0.dtype == dtype })
      for (found, wanted) in zip(outputs, exact) {
        for (a, b) in zip(found.doubles, wanted.doubles) { #expect(abs(a - b) < tolerance) }
      }
    }
  }

  @Test func outputsAreZeroAndTheStateStaysAfterASequenceEnds() throws {
    let given = RecurrentCase(opType: "LSTM", hasInitialStates: true, lengths: [4, 0, 2])
    let outputs = try given.operatorCase.outputs()
    let all = outputs[0].doubles
    for step in 0..<given.steps {
      for sequence in 0..<given.batch {
        let isOver = step >= Int(given.lengths![sequence])
        let row = all[
          (step * given.batch + sequence) * given.hidden..<(step * given.batch + sequence + 1) * given.hidden]
        #expect(row.allSatisfy { ($0 == 0) == isOver })
      }
    }
    let initial = try #require(given.inputs[5]).doubles
    #expect(outputs[1].doubles[3..<6] == initial[3..<6])
  }

  @Test func countsEveryProduct() throws {
    let given = RecurrentCase(opType: "GRU", direction: "bidirectional")
    let infos = given.inputs.map { $0.map { ValueInfo($0) } }
    let op = try given.operatorCase.makeOperator()
    // 2 passes x 4 steps x 3 sequences x 9 rows of 2 + 3 products.
    #expect(op.multiplyAccumulates(infos, []) == 2 * 4 * 3 * 9 * 5)
  }

  @Test(arguments: RecurrentCase.all + RecurrentCase.activated)
  func theCanonicalFormComputesTheSame(_ given: RecurrentCase) throws {
    let op = try given.operatorCase.makeOperator()
    let again = OperatorCase(given.opType, given.inputs, op.attributes, outputCount: given.outputCount)
    #expect(try again.outputs().map(\.doubles) == given.operatorCase.outputs().map(\.doubles))
  }

  @Test func emptySequencesAndBatchesGiveEmptyOutputs() throws {
    for shape in [[0, 3, 2], [4, 0, 2]] {
      let outputs = try OperatorCase(
        "LSTM", [counting(shape), counting([1, 12, 2]), counting([1, 12, 3]), counting([1, 24])], outputCount: 3
      ).outputs()
      #expect(outputs[0].shape == [shape[0], 1, shape[1], 3])
      #expect(outputs[1].floats == [Float](repeating: 0, count: shape[1] * 3))
    }
  }
}

@Suite struct RecurrentRefusalTests {
  private let lstm = RecurrentCase(opType: "LSTM")

  private func error(_ attribute: String, _ value: AttributeValue) -> OperatorError? {
    var refused = lstm.operatorCase
    refused.attributes[attribute] = value
    return refused.error()
  }

  @Test func whatIsNotComputedIsRefusedByName() {
    let known = "Sigmoid, Tanh, Relu"
    #expect(
      error("activations", .strings(["Sigmoid", "Affine", "Tanh"]))
        == .invalidAttribute("activations", expected: known, found: "Affine"))
    #expect(
      error("activations", .strings(["Tanh"])) == .invalidAttribute("activations", expected: "3 names", found: "1"))
    for (name, value) in [
      ("clip", AttributeValue.float(3)), ("input_forget", .int(1)), ("direction", .string("sideways")),
      ("layout", .int(2)), ("hidden_size", .int(4)), ("activations", .int(1)),
    ] {
      guard case .invalidAttribute(let found, _, _)? = error(name, value) else {
        Issue.record("\(name) is not refused")
        continue
      }
      #expect(found == name)
    }
    var peepholes = lstm.operatorCase
    peepholes.inputs += [nil, spread([1, 9])].dropFirst(peepholes.inputs.count - 6)
    #expect(peepholes.error() == .invalid("peephole weights (input P) are not supported"))
  }

  @Test func operandsThatDoNotFitAreErrors() {
    let good = RecurrentCase(opType: "LSTM", hasInitialStates: true, lengths: [1, 2, 3]).operatorCase
    #expect(good.error() == nil)
    for index in 0...6 {
      var wrong = good
      wrong.inputs[index] = index == 4 ? Tensor(shape: [2], elements: [Int32(1), 1]) : spread([2, 3])
      #expect(wrong.error() != nil, "input \(index)")
      wrong.inputs[index] = index == 4 ? int64s([1, 2, 3]) : wrong.inputs[index]?.cast(to: .int32)
      #expect(wrong.error() != nil, "input \(index)")
    }
    for lengths: [Int32] in [[1, 2, 5], [-1, 2, 3]] {
      var wrong = good
      wrong.inputs[4] = Tensor(shape: [3], elements: lengths)
      #expect(wrong.evaluationError() != nil)
    }
  }
}
