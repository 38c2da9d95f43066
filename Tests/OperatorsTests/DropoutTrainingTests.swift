import HostTensors
import Operators
import TensorTypes
import Testing

@Suite struct DropoutTrainingTests {
  private func forward(_ operatorCase: OperatorCase, seed: UInt64) throws -> ForwardResult {
    guard case .flows(let rule) = try operatorCase.makeOperator().differentiation(operatorCase.inputs.infos),
      let forward = rule.forward
    else { throw OperatorError.invalid("no forward pass of its own") }
    return try forward(ForwardCall(inputs: operatorCase.inputs, seed: seed))
  }

  private let ones = Tensor(shape: [100, 1000], repeating: Float(1))

  /// The mean of 100 000 elements with a standard deviation of sqrt(ratio / (1 - ratio)) each, within five of
  /// the mean's own standard deviations.
  @Test(arguments: [0.1, 0.5, 0.8] as [Float]) func theMeanIsKept(_ ratio: Float) throws {
    let result = try forward(OperatorCase("Dropout", [ones, Tensor(scalar: ratio)]), seed: 42)
    let elements = result.outputs[0].floats
    let mean = elements.reduce(0.0) { $0 + Double($1) } / Double(elements.count)
    #expect(abs(mean - 1) < 5 * Double(ratio / (1 - ratio)).squareRoot() / Double(elements.count).squareRoot())
    #expect(Set(elements) == [0, 1 / (1 - ratio)])
  }

  @Test func theSameSeedGivesTheSameMask() throws {
    let operatorCase = OperatorCase("Dropout", [ones], outputCount: 2)
    let first = try forward(operatorCase, seed: 3)
    #expect(try forward(operatorCase, seed: 3).outputs[1].truthValues == first.outputs[1].truthValues)
    let other = try forward(operatorCase, seed: 4).outputs[1].truthValues
    let equal = zip(first.outputs[1].truthValues, other).count { $0 == $1 }
    // Masks of neighbouring seeds agree in half of the places, within five standard deviations of sqrt(n) / 2.
    #expect(abs(Double(equal) - 50_000) < 5 * 100_000.0.squareRoot() / 2)
    // The default ratio is one half.
    #expect(zip(first.outputs[0].floats, first.outputs[1].truthValues).allSatisfy { $0 == ($1 ? 2 : 0) })
  }

  @Test func theGradientIsTheScaledMask() throws {
    let ratio = Tensor(shape: [1], elements: [Float(0.25)])
    let check = GradientCheck("Dropout", [spread([7, 9]), ratio], by: [0], thirdDerivative: 0)
    try check.verify()
    let pass = try TrainingPass(check.operatorCase, trained: [0])
    let gradient = try #require(
      pass.gradients(by: [0], [Tensor(shape: [7, 9], repeating: 1.0)])[0])
    #expect(Set(gradient.doubles) == [0, 1 / 0.75])
    #expect(gradient.doubles.map { $0 != 0 } == pass.outputs[0].doubles.map { $0 != 0 })
  }

  @Test func aRatioOfOldOpsetsIsKeptAndExported() throws {
    let old = OperatorCase("Dropout", [ones], ["ratio": .float(0.75)], opset: 10)
    #expect(try Set(forward(old, seed: 1).outputs[0].floats) == [0, 4])
    let op = try old.makeOperator()
    #expect(op.attributes.isEmpty)
    let inputs = (op as? any CanonicalInputs)?.attributeInputs(old.inputs.infos) ?? []
    #expect(inputs.map { $0?.floats } == [nil, [0.75]])
    // Inference does not mind.
    #expect(try old.output().floats == ones.floats)
  }

  @Test func theSeedOfAFileIsKept() throws {
    let op = try OperatorCase("Dropout", [ones], ["seed": .int(9)]).makeOperator()
    guard case .int(9)? = op.attributes["seed"] else {
      Issue.record("the seed is lost")
      return
    }
  }

  @Test(arguments: [-0.5, 1, 1.5, .nan] as [Float]) func impossibleRatiosAreErrors(_ ratio: Float) {
    #expect(throws: OperatorError.self) {
      try forward(OperatorCase("Dropout", [ones, Tensor(scalar: ratio)]), seed: 1)
    }
  }
}
