import HostTensors
import Operators
import TensorTypes
import Testing

@Suite struct PadTests {
  @Test(arguments: [
    ("constant", [2, 3], [0, 0, 1, 2, 3, 4, 0, 0, 0]), ("edge", [2, 3], [1, 1, 1, 2, 3, 4, 4, 4, 4]),
    ("reflect", [2, 3], [3, 2, 1, 2, 3, 4, 3, 2, 1]), ("wrap", [2, 3], [3, 4, 1, 2, 3, 4, 1, 2, 3]),
    ("wrap", [5, 1], [4, 1, 2, 3, 4, 1, 2, 3, 4, 1]), ("reflect", [4, 0], [3, 4, 3, 2, 1, 2, 3, 4]),
    ("constant", [-1, 2], [2, 3, 4, 0, 0]), ("edge", [-1, 2], [2, 3, 4, 4, 4]), ("reflect", [-1, 2], [2, 3, 4, 3, 2]),
    ("wrap", [-2, 1], [3, 4, 3]), ("constant", [-2, -1], [3]), ("edge", [-3, -1], []),
  ])
  func modesFillOneAxis(_ mode: String, _ pads: [Int], _ expected: [Float]) throws {
    let pads = int64s(pads.map { Int64($0) })
    let output = try OperatorCase("Pad", [floats([1, 2, 3, 4]), pads], ["mode": .string(mode)]).output()
    #expect(output.floats == expected)
  }

  /// Padding several axes at once is padding them one after another.
  @Test(arguments: ["constant", "edge", "reflect", "wrap"])
  func axesArePaddedIndependently(_ mode: String) throws {
    let attributes: [String: AttributeValue] = ["mode": .string(mode)]
    let input = counting([2, 3, 2, 4])
    let pads: [Int64] = [1, 0, 1, 2, 0, 2, 1, 1]
    let together = try OperatorCase("Pad", [input, int64s(pads)], attributes).output()
    #expect(together.shape == [3, 5, 4, 7])
    var apart = input
    for axis in [2, 0, 3, 1] {
      let alone = int64s([pads[axis], pads[4 + axis]])
      apart = try OperatorCase("Pad", [apart, alone, nil, int64s([Int64(axis - 4)])], attributes).output()
    }
    #expect(together.floats == apart.floats)
  }

  @Test func everyElementTypeIsPaddedWithItsConstant() throws {
    for dtype in DType.allCases {
      let input = counting([2, 2]).cast(to: dtype)
      let value = Tensor(scalar: Float(1)).cast(to: dtype)
      let output = try OperatorCase("Pad", [input, int64s([0, 1, 0, 0]), value]).output()
      #expect(output.dtype == dtype)
      #expect(output.integers == [1] + input.integers.prefix(2) + [1] + input.integers.suffix(2))
    }
  }

  @Test func opset10WritesPadsAndValueAsAttributes() throws {
    let old: [String: AttributeValue] = ["pads": .ints([0, 1, 0, 2]), "value": .float(7)]
    let output = try OperatorCase("Pad", [floats([1, 2], [5, 6])], old, opset: 10).output()
    #expect(output.floats == [7, 5, 6, 7, 7])
    let op = try #require(try OperatorCase("Pad", [counting([1, 2])], old, opset: 10).makeOperator() as? Pad)
    let supplied = op.attributeInputs([ValueInfo(dtype: .float32, shape: [1, 2])])
    #expect(supplied.count == 3 && supplied[0] == nil)
    #expect(supplied[1]?.integers == [0, 1, 0, 2] && supplied[2]?.floats == [7])
  }

  @Test func fillDecidesTheScale() throws {
    let data: ValueInfo? = ValueInfo(dtype: .float32, shape: [2])
    let pads: ValueInfo? = ValueInfo(int64s([1, 1]))
    func form(_ inputs: [ValueInfo?], _ mode: String = "constant") throws -> IntegerForm {
      let definition = NodeDefinition(opType: "Pad", attributes: ["mode": .string(mode)], inputCount: inputs.count)
      return try makeOperator(definition).integerForm(inputs)
    }
    #expect(try form([data, pads]) == .sameScale)
    #expect(try form([data, pads], "reflect") == .sameScale)
    #expect(try form([data, pads, ValueInfo(Tensor(scalar: Float(0)))]) == .sameScale)
    #expect(try form([data, pads, ValueInfo(Tensor(scalar: Float(3)))]) == .rescaled)
    for value in [ValueInfo(Tensor(scalar: -Float.infinity)), ValueInfo(dtype: .float32, shape: [])] {
      guard case .floatOnly = try form([data, pads, value]) else {
        Issue.record("an unknown or infinite fill has no integer form")
        continue
      }
    }
  }

  @Test func wrongPadsAreErrors() {
    let input = floats([1, 2, 3, 4])
    let huge = Int64.max
    let cases = [
      OperatorCase("Pad", [input, int64s([1])]), OperatorCase("Pad", [input, int64s([-3, -2])]),
      OperatorCase("Pad", [input, int64s([huge, huge])]), OperatorCase("Pad", [input, int64s([1 << 39, 0])]),
      OperatorCase("Pad", [input, int64s([Int64.min, 0])]), OperatorCase("Pad", [input, int64s([Int64.min, huge])]),
      OperatorCase("Pad", [input, floats([1, 1])]), OperatorCase("Pad", [input, nil]), OperatorCase("Pad", [input]),
      OperatorCase("Pad", [input, int64s([1, 1]), int64s([1])]),
      OperatorCase("Pad", [input, int64s([1, 1]), nil, int64s([1])]),
      OperatorCase("Pad", [counting([2, 2]), int64s([1, 1, 1, 1]), nil, int64s([0, -2])]),
      OperatorCase("Pad", [input, int64s([1, 1])], ["mode": .string("mirror")]),
      OperatorCase("Pad", [floats([0], []), int64s([1, 0])], ["mode": .string("edge")]),
      OperatorCase("Pad", [input, int64s([-4, 1])], ["mode": .string("reflect")]),
      OperatorCase("Pad", [input], opset: 10), OperatorCase("Pad", [input], ["pads": .ints([1])], opset: 10),
    ]
    for operatorCase in cases {
      #expect(operatorCase.error() != nil)
      #expect(operatorCase.evaluationError() != nil)
    }
    let unknown = [ValueInfo(dtype: .float32, shape: [4]), ValueInfo(dtype: .int64, shape: [2])]
    #expect(throws: OperatorError.inputNotConstant(1, name: "pads")) {
      try makeOperator(NodeDefinition(opType: "Pad", inputCount: 2)).inferOutputs(unknown)
    }
  }
}
