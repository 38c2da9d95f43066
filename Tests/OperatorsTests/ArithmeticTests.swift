import HostTensors
import Operators
import TensorTypes
import Testing

@Suite struct ArithmeticTests {
  @Test(arguments: ["Add", "Sub", "Mul", "Div"])
  func everyBroadcastEqualsThatOfExplicitIndices(_ opType: String) throws {
    let shapes: [([Int], [Int])] = [
      ([2, 3, 4], [2, 3, 4]), ([2, 3, 4], []), ([], [2, 3]), ([2, 3, 4], [3, 1]), ([2, 1, 4], [3, 1]), ([5], [4, 1]),
      ([1, 3, 1, 2], [2, 1, 2, 1]), ([2, 0, 3], [1, 1, 3]), ([1], [1]),
    ]
    for (aShape, bShape) in shapes {
      let a = Tensor(shape: aShape, elements: (0..<aShape.elementCount).map { Float($0) + 0.5 })
      let b = Tensor(shape: bShape, elements: (0..<bShape.elementCount).map { 2 + Float($0) })
      let output = try OperatorCase(opType, [a, b]).output()
      var expected: [Float] = []
      for index in indices(of: output.shape) {
        let (x, y) = (element(of: a, at: index), element(of: b, at: index))
        switch opType {
        case "Add": expected.append(x + y)
        case "Sub": expected.append(x - y)
        case "Mul": expected.append(x * y)
        default: expected.append(x / y)
        }
      }
      #expect(output.floats == expected, "\(opType) of \(aShape) and \(bShape)")
    }
  }

  private func indices(of shape: [Int]) -> [[Int]] {
    shape.reduce([[]]) { prefixes, extent in prefixes.flatMap { prefix in (0..<extent).map { prefix + [$0] } } }
  }

  private func element(of tensor: Tensor, at index: [Int]) -> Float {
    var offset = 0
    for (axis, extent) in tensor.shape.enumerated() {
      let position = index[index.count - tensor.rank + axis]
      offset = offset * extent + (extent == 1 ? 0 : position)
    }
    return tensor.floats[offset]
  }

  @Test func integerArithmeticWraps() throws {
    let (a, b) = (Tensor(shape: [2], elements: [Int8.max, Int8.min]), Tensor(shape: [2], elements: [Int8(2), -1]))
    #expect(try OperatorCase("Add", [a, b]).output().elements(as: Int8.self) == [-127, 127])
    #expect(try OperatorCase("Sub", [a, b]).output().elements(as: Int8.self) == [125, -127])
    #expect(try OperatorCase("Mul", [a, b]).output().elements(as: Int8.self) == [-2, Int8.min])
    #expect(try OperatorCase("Div", [a, b]).output().elements(as: Int8.self) == [63, Int8.min])
    let wide = [Tensor(scalar: UInt64.max), Tensor(scalar: UInt64(2))]
    #expect(try OperatorCase("Mul", wide).output().elements(as: UInt64.self) == [UInt64.max - 1])
  }

  @Test func integerDivisionTruncatesTowardZero() throws {
    let quotient = try OperatorCase("Div", [int64s([-7, 7, -7, 7]), int64s([2, -2, -2, 2])]).output()
    #expect(quotient.integers == [-3, -3, 3, 3])
  }

  @Test func integerDivisionByZeroIsAnError() {
    #expect(OperatorCase("Div", [int64s([1, 2]), int64s([1, 0])]).error() == .invalid("integer division by zero"))
    #expect(OperatorCase("Div", [floats([1]), floats([0])]).error() == nil)
  }

  @Test func everyNumericTypeAdds() throws {
    for dtype in DType.allCases where dtype != .bool {
      let (a, b) = (floats([1, 2, 3]).cast(to: dtype), floats([1]).cast(to: dtype))
      let sum = try OperatorCase("Add", [a, b]).output()
      #expect(sum.dtype == dtype)
      #expect(sum.integers == [2, 3, 4], "\(dtype)")
    }
  }

  @Test func typesMustAgree() {
    let error = OperatorCase("Add", [floats([1]), int64s([1])]).error()
    #expect(error == .inputType(1, expected: "float32 as input 0", found: .int64))
    #expect(OperatorCase("Add", [truths([true]), truths([true])]).error() != nil)
  }

  @Test func shapesThatDoNotBroadcastAreNamed() {
    let error = OperatorCase("Add", [counting([2, 3]), counting([2])]).error()
    #expect(error == .invalid("shapes [2, 3] and [2] do not broadcast"))
  }

  @Test func missingInputsAreNamed() {
    #expect(OperatorCase("Add", [floats([1]), nil]).error() == .missingInput(1, name: "B"))
    #expect(OperatorCase("Add", [floats([1])]).error() == .inputCount(expected: "2", found: 1))
    #expect(OperatorCase("Max", []).error() == .inputCount(expected: "at least 1", found: 0))
  }
}

@Suite struct PowTests {
  @Test func resultHasTheTypeOfTheBase() throws {
    let integers = Tensor(shape: [3], elements: [Int32(1), 2, 3])
    let power = try OperatorCase("Pow", [integers, floats([2, 0.5, 3])]).output()
    #expect(power.elements(as: Int32.self) == [1, 1, 27])
    #expect(try OperatorCase("Pow", [floats([2, 9]), int64s([10, -1])]).output().floats == [1024, Float(1) / 9])
  }

  @Test func integerPowersAreExactAndWrap() throws {
    let (base, exponent) = (int64s([3, -2, 2, 2, -1, 7]), int64s([39, 63, 64, -1, -3, 0]))
    let power = try OperatorCase("Pow", [base, exponent]).output().elements(as: Int64.self)
    // 3^39 is beyond the 53 bits of a Double, so a power by way of Double would be off.
    #expect(power == [4_052_555_153_018_976_267, Int64.min, 0, 0, -1, 1])
  }

  @Test func scalarExponentMakesAUnaryTable() throws {
    let pow = try Pow(NodeDefinition(opType: "Pow", inputCount: 2))
    let x = ValueInfo(dtype: .float32, shape: [8])
    #expect(pow.integerForm([x, ValueInfo(Tensor(scalar: Float(2)))]) == .table)
    #expect(pow.integerForm([x, x]) != .table)
  }
}

@Suite struct MinMaxTests {
  @Test func anyNumberOfInputsBroadcast() throws {
    let inputs = [counting([2, 3]), floats([2, 1], [1, 4]), Tensor(scalar: Float(2))]
    #expect(try OperatorCase("Max", inputs).output().floats == [2, 2, 2, 4, 4, 5])
    #expect(try OperatorCase("Min", inputs).output().floats == [0, 1, 1, 2, 2, 2])
    #expect(try OperatorCase("Min", [counting([2])]).output().floats == [0, 1])
  }

  @Test func notANumberWinsOnEitherSide() throws {
    for opType in ["Min", "Max"] {
      for inputs in [[floats([.nan]), floats([1])], [floats([1]), floats([.nan])]] {
        #expect(try OperatorCase(opType, inputs).output().floats[0].isNaN)
      }
    }
  }

  @Test func unsignedValuesCompareAsUnsigned() throws {
    let inputs = [Tensor(scalar: UInt64.max), Tensor(scalar: UInt64(1))]
    #expect(try OperatorCase("Max", inputs).output().elements(as: UInt64.self) == [UInt64.max])
  }
}

@Suite struct LogicTests {
  @Test func comparisonsYieldTruthWithBroadcasting() throws {
    let (a, b) = (floats([2, 2], [1, 2, 3, .nan]), floats([2, .nan]))
    #expect(try OperatorCase("Greater", [a, b]).output().truthValues == [false, false, true, false])
    #expect(try OperatorCase("Less", [a, b]).output().truthValues == [true, false, false, false])
    #expect(try OperatorCase("Equal", [a, b]).output().truthValues == [false, false, false, false])
    #expect(try OperatorCase("Equal", [int64s([1, 2]), int64s([2])]).output().truthValues == [false, true])
    let equal = try OperatorCase("Equal", [truths([true, false]), truths([true, true])]).output()
    #expect(equal.truthValues == [true, false])
  }

  @Test func connectivesFollowTheirTruthTables() throws {
    let (a, b) = (truths([false, false, true, true]), truths([false, true, false, true]))
    #expect(try OperatorCase("And", [a, b]).output().truthValues == [false, false, false, true])
    #expect(try OperatorCase("Or", [a, b]).output().truthValues == [false, true, true, true])
    #expect(try OperatorCase("Not", [b]).output().truthValues == [true, false, true, false])
    #expect(OperatorCase("Not", [floats([1])]).error() == .inputType(0, expected: "bool", found: .float32))
  }

  @Test func anyStoredByteCountsAsTruth() throws {
    // A file may store truth as any byte; 2 and 255 both mean true.
    let bytes = Tensor(dtype: .bool, shape: [3]) { $0.copyBytes(from: [0, 2, 255]) }
    #expect(try OperatorCase("Not", [bytes]).output().truthValues == [true, false, false])
    #expect(try OperatorCase("And", [bytes, truths([true])]).output().truthValues == [false, true, true])
    #expect(try OperatorCase("Cast", [bytes], ["to": .int(7)]).output().integers == [0, 1, 1])
    let chosen = try OperatorCase("Where", [bytes, floats([1]), floats([0])]).output()
    #expect(chosen.floats == [0, 1, 1])
  }

  @Test func whereSelectsWithBroadcasting() throws {
    let condition = Tensor(shape: [2, 1], elements: [true, false])
    let output = try OperatorCase("Where", [condition, counting([3]), floats([2, 1], [8, 9])]).output()
    #expect(output.shape == [2, 3])
    #expect(output.floats == [0, 1, 2, 9, 9, 9])
    let wide = try OperatorCase("Where", [truths([false]), int64s([1]), int64s([.max])]).output()
    #expect(wide.elements(as: Int64.self) == [.max])
  }
}
