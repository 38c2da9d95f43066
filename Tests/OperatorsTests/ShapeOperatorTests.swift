import HostTensors
import Operators
import TensorTypes
import Testing

@Suite struct ReshapeTests {
  let x = counting([2, 3, 4])

  @Test func zeroKeepsAndMinusOneTakesTheRest() throws {
    #expect(try OperatorCase("Reshape", [x, int64s([0, -1])]).output().shape == [2, 12])
    #expect(try OperatorCase("Reshape", [x, int64s([4, 0, -1, 1])]).output().shape == [4, 3, 2, 1])
    #expect(try OperatorCase("Reshape", [floats([7]), int64s([])]).output().shape == [])
    #expect(try OperatorCase("Reshape", [x, int64s([24])]).output().floats == x.floats)
  }

  @Test func allowzeroMeansAnEmptyTensor() throws {
    let empty = floats([0, 3, 4], [])
    let output = try OperatorCase("Reshape", [empty, int64s([3, 4, 0])], ["allowzero": .int(1)]).output()
    #expect(output.shape == [3, 4, 0])
  }

  @Test(arguments: [
    [5, 5], [-1, -1], [-2, 12], [7, -1], [0, 0, 0, 0], [Int64.max, Int64.max, 4], [-1, Int64.max, 8],
  ])
  func impossibleShapesAreRefused(_ shape: [Int64]) {
    #expect(OperatorCase("Reshape", [x, int64s(shape)]).error() != nil)
    #expect(OperatorCase("Reshape", [x, int64s(shape)]).evaluationError() != nil)
  }

  @Test func openExtentOfAnEmptyTensorIsRefused() {
    #expect(OperatorCase("Reshape", [floats([0, 2], []), int64s([0, -1])]).error() != nil)
  }

  @Test func flattenSplitsTheAxesInTwo() throws {
    for (axis, shape) in [(0, [1, 24]), (1, [2, 12]), (2, [6, 4]), (3, [24, 1]), (-1, [6, 4]), (-3, [1, 24])] {
      #expect(try OperatorCase("Flatten", [x], ["axis": .int(axis)]).output().shape == shape)
    }
    #expect(try OperatorCase("Flatten", [Tensor(scalar: Float(1))], ["axis": .int(0)]).output().shape == [1, 1])
    #expect(OperatorCase("Flatten", [x], ["axis": .int(4)]).error() != nil)
  }
}

@Suite struct TransposeTests {
  @Test(arguments: [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
  func everyPermutationMovesEveryElement(_ permutation: [Int]) throws {
    let x = counting([2, 3, 4])
    let y = try OperatorCase("Transpose", [x], ["perm": .ints(permutation)]).output()
    #expect(y.shape == permutation.map { x.shape[$0] })
    let (from, to) = (x.shape.rowMajorStrides, y.shape.rowMajorStrides)
    for i in 0..<2 {
      for j in 0..<3 {
        for k in 0..<4 {
          let index = [i, j, k]
          let source = zip(index, from).reduce(0) { $0 + $1.0 * $1.1 }
          let target = zip(permutation, to).reduce(0) { $0 + index[$1.0] * $1.1 }
          #expect(y.floats[target] == Float(source))
        }
      }
    }
  }

  @Test func withoutPermutationTheAxesAreReversed() throws {
    #expect(try OperatorCase("Transpose", [counting([2, 3])]).output().floats == [0, 3, 1, 4, 2, 5])
  }

  @Test(arguments: [[0, 0], [0], [0, 2], [-1, 0], [0, 1, 2]])
  func anythingButAPermutationIsRefused(_ permutation: [Int]) {
    let error = OperatorCase("Transpose", [counting([2, 3])], ["perm": .ints(permutation)]).error()
    #expect(
      error == .invalidAttribute("perm", expected: "each of the 2 axes once", found: "\(permutation)"))
  }

  @Test func everyElementWidthIsMoved() throws {
    for dtype in DType.allCases {
      let x = counting([2, 2]).cast(to: dtype)
      let y = try OperatorCase("Transpose", [x]).output()
      #expect(y.integers == (dtype == .bool ? [0, 1, 1, 1] : [0, 2, 1, 3]), "\(dtype)")
    }
  }
}

@Suite struct SqueezeTests {
  let x = counting([1, 3, 1, 2])

  @Test func axesMayBeAttributeOrInputOrAll() throws {
    #expect(try OperatorCase("Squeeze", [x], ["axes": .ints([0])], opset: 11).output().shape == [3, 1, 2])
    #expect(try OperatorCase("Squeeze", [x, int64s([-2, 0])]).output().shape == [3, 2])
    #expect(try OperatorCase("Squeeze", [x]).output().shape == [3, 2])
    #expect(
      try OperatorCase("Unsqueeze", [x], ["axes": .ints([0, 5])], opset: 11).output().shape == [1, 1, 3, 1, 2, 1])
    #expect(try OperatorCase("Unsqueeze", [floats([1, 2]), int64s([-1, 0])]).output().shape == [1, 2, 1])
  }

  @Test func wrongAxesAreRefused() {
    #expect(
      OperatorCase("Squeeze", [x, int64s([1])]).error()
        == .inputShape(0, expected: "extent 1 at axis 1", found: [1, 3, 1, 2]))
    #expect(OperatorCase("Unsqueeze", [x, int64s([5])]).error() != nil)
    #expect(OperatorCase("Unsqueeze", [x, int64s([0, 0])]).error() != nil)
    #expect(OperatorCase("Unsqueeze", [x]).error() == .missingInput(1, name: "axes"))
  }

  @Test func attributeAxesBecomeCanonicalInputs() throws {
    let old = NodeDefinition(opType: "Squeeze", opset: 11, attributes: ["axes": .ints([1])], inputCount: 1)
    #expect(try Squeeze(old).attributeInputs([]).map { $0?.integers } == [nil, [1]])
  }
}

@Suite struct ConcatSplitTests {
  @Test func splitUndoesConcatAlongEveryAxis() throws {
    for axis in -3..<3 {
      var (aShape, bShape) = ([2, 3, 4], [2, 3, 4])
      aShape[(axis + 3) % 3] = 1
      bShape[(axis + 3) % 3] = 5
      let (a, b) = (counting(aShape), counting(bShape))
      let whole = try OperatorCase("Concat", [a, b], ["axis": .int(axis)]).output()
      let parts = try OperatorCase("Split", [whole, int64s([1, 5])], ["axis": .int(axis)], outputCount: 2).outputs()
      #expect(parts.map(\.shape) == [aShape, bShape])
      #expect(parts.map(\.floats) == [a.floats, b.floats])
    }
  }

  @Test func splitKnowsFourForms() throws {
    let x = counting([7])
    let six = counting([6])
    let attribute = OperatorCase("Split", [x], ["split": .ints([2, 5])], opset: 11, outputCount: 2)
    #expect(try attribute.outputs().map(\.floats) == [[0, 1], [2, 3, 4, 5, 6]])
    #expect(try OperatorCase("Split", [six], opset: 13, outputCount: 3).outputs().map(\.shape) == [[2], [2], [2]])
    let uneven = OperatorCase("Split", [x], ["num_outputs": .int(3)], opset: 18, outputCount: 3)
    #expect(try uneven.outputs().map(\.floats) == [[0, 1, 2], [3, 4, 5], [6]])
    let empty = OperatorCase("Split", [x, int64s([0, 7])], outputCount: 2)
    #expect(try empty.outputs().map(\.shape) == [[0], [7]])
  }

  @Test func canonicalSplitAlwaysSaysHowManyParts() throws {
    let equal = try Split(NodeDefinition(opType: "Split", opset: 11, inputCount: 1, outputCount: 3))
    guard case .int(3) = equal.attributes["num_outputs"] else {
      Issue.record("an equal split of opset 11 needs num_outputs from opset 18 on")
      return
    }
    let parts = try Split(
      NodeDefinition(opType: "Split", opset: 11, attributes: ["split": .ints([1, 2])], inputCount: 1, outputCount: 2))
    #expect(parts.attributes["num_outputs"] == nil)
    #expect(parts.attributeInputs([]).map { $0?.integers } == [nil, [1, 2]])
  }

  @Test func impossiblePartsAreRefused() {
    let x = counting([7])
    #expect(OperatorCase("Split", [x], opset: 13, outputCount: 2).error() != nil)
    #expect(OperatorCase("Split", [x, int64s([3, 3])], outputCount: 2).error() != nil)
    #expect(OperatorCase("Split", [x, int64s([8, -1])], outputCount: 2).error() != nil)
    #expect(OperatorCase("Split", [x, int64s([.max, .max])], outputCount: 2).error() != nil)
    #expect(OperatorCase("Split", [x], ["num_outputs": .int(3)], outputCount: 2).error() != nil)
    #expect(OperatorCase("Split", [counting([2])], ["num_outputs": .int(5)], outputCount: 5).error() != nil)
  }

  @Test func concatChecksItsInputs() {
    let (a, b) = (counting([2, 3]), counting([3, 3]))
    #expect(OperatorCase("Concat", [a, b]).error() == .missingAttribute("axis"))
    #expect(
      OperatorCase("Concat", [a, b], ["axis": .int(1)]).error()
        == .inputShape(1, expected: "[2, 3] but for axis 1", found: [3, 3]))
    #expect(OperatorCase("Concat", [a, counting([2])], ["axis": .int(0)]).error() != nil)
    #expect(
      OperatorCase("Concat", [floats([1]), int64s([1])], ["axis": .int(0)]).error()
        == .inputType(1, expected: "float32", found: .int64))
  }
}

@Suite struct SliceTests {
  let x = counting([3, 4])

  @Test func startsAndEndsAreAttributesUpToOpset9() throws {
    let attributes: [String: AttributeValue] = ["starts": .ints([1, 0]), "ends": .ints([1000, -1])]
    let y = try OperatorCase("Slice", [x], attributes, opset: 9).output()
    #expect(y.shape == [2, 3])
    #expect(y.floats == [4, 5, 6, 8, 9, 10])
    let old = NodeDefinition(opType: "Slice", opset: 9, attributes: attributes, inputCount: 1)
    #expect(try SliceOperator(old).attributeInputs([]).map { $0?.integers } == [nil, [1, 0], [1000, -1]])
  }

  /// Every start, end and step around an axis of four against the specification's rule, written out as a
  /// walk. It is Python's rule, but that a start before the axis is moved onto it for negative steps too.
  @Test func everySliceOfAShortAxisMatchesAWalk() throws {
    let line = counting([4])
    for start in -6...6 {
      for end in -6...6 {
        for step in [-5, -2, -1, 1, 2, 3] {
          let inputs = [line, int64s([Int64(start)]), int64s([Int64(end)]), int64s([0]), int64s([Int64(step)])]
          let found = try OperatorCase("Slice", inputs).output().floats
          #expect(found == walk(start, end, step), "\(start):\(end):\(step)")
        }
      }
    }
  }

  private func walk(_ start: Int, _ end: Int, _ step: Int) -> [Float] {
    let high = step > 0 ? 4 : 3
    func bound(_ value: Int, _ low: Int) -> Int { Swift.min(Swift.max(value < 0 ? value + 4 : value, low), high) }
    var (position, visited) = (bound(start, 0), [Float]())
    let last = bound(end, step > 0 ? 0 : -1)
    while step > 0 ? position < last : position > last {
      visited.append(Float(position))
      position += step
    }
    return visited
  }

  @Test(arguments: [Int64.min, -1, 1, Int64.max])
  func extremeBoundsAndStepsDoNotTrap(_ step: Int64) throws {
    for start in [Int64.min, Int64.max] {
      for end in [Int64.min, Int64.max] {
        let inputs = [counting([3]), int64s([start]), int64s([end]), int64s([-1]), int64s([step])]
        let count = try OperatorCase("Slice", inputs).output().count
        switch (step > 0, start < 0, end < 0) {
        case (true, true, false), (false, false, true): #expect(count == (step.magnitude == 1 ? 3 : 1))
        case (false, true, true): #expect(count == 1)
        default: #expect(count == 0)
        }
      }
    }
  }

  @Test func wrongBoundsAreRefused() {
    let ones = int64s([1])
    #expect(OperatorCase("Slice", [x, ones, ones, ones, int64s([0])]).error() == .invalid("a slice with step 0"))
    #expect(OperatorCase("Slice", [x, ones, int64s([1, 2])]).error() != nil)
    #expect(OperatorCase("Slice", [x, ones, ones, int64s([2])]).error() != nil)
    let twice = int64s([0, 1])
    #expect(
      OperatorCase("Slice", [x, twice, twice, int64s([0, -2])]).error() == .invalid("axis 0 is named twice in [0, -2]"))
    #expect(OperatorCase("Slice", [x, ones]).error() != nil)
    #expect(OperatorCase("Slice", [x], opset: 9).error() == .missingAttribute("starts"))
  }
}

@Suite struct GatherTests {
  let x = counting([3, 4])

  @Test func indicesReplaceTheAxis() throws {
    let indices = Tensor(shape: [1, 2], elements: [Int32(2), -3])
    let rows = try OperatorCase("Gather", [x, indices]).output()
    #expect(rows.shape == [1, 2, 4])
    #expect(rows.floats == [8, 9, 10, 11, 0, 1, 2, 3])
    let columns = try OperatorCase("Gather", [x, Tensor(scalar: Int64(-1))], ["axis": .int(-1)]).output()
    #expect(columns.shape == [3])
    #expect(columns.floats == [3, 7, 11])
  }

  @Test(arguments: [3, -4, Int64.max, Int64.min])
  func indicesOutsideTheAxisAreErrors(_ index: Int64) {
    #expect(
      OperatorCase("Gather", [x, int64s([index])]).evaluationError()
        == .invalid("index \(index) is outside axis 0 of extent 3"))
  }

  @Test func emptyDataHasNoIndices() {
    #expect(OperatorCase("Gather", [floats([0, 2], []), int64s([0])]).error() != nil)
    #expect(OperatorCase("Gather", [floats([0, 2], []), int64s([])]).error() == nil)
  }
}

@Suite struct ExpandTests {
  @Test func bothShapesBroadcast() throws {
    let y = try OperatorCase("Expand", [floats([3, 1], [1, 2, 3]), int64s([2, 1, 2])]).output()
    #expect(y.shape == [2, 3, 2])
    #expect(y.floats == [1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3])
    #expect(try OperatorCase("Expand", [counting([2, 2]), int64s([1])]).output().shape == [2, 2])
  }

  @Test func hostileShapesAreRefusedWithoutAllocating() {
    for shape in [[Int64.max, 2], [-1], [1 << 40, 1 << 40, 0], [1 << 36]] as [[Int64]] {
      #expect(OperatorCase("Expand", [floats([1]), int64s(shape)]).error() != nil)
      #expect(OperatorCase("ConstantOfShape", [int64s(shape)]).error() != nil)
      #expect(OperatorCase("ConstantOfShape", [int64s(shape)]).evaluationError() != nil)
    }
  }

  @Test func constantOfShapeRepeatsItsValue() throws {
    #expect(try OperatorCase("ConstantOfShape", [int64s([2])]).output().floats == [0, 0])
    let value = AttributeValue.tensor(int64s([7]))
    let sevens = try OperatorCase("ConstantOfShape", [int64s([2, 1])], ["value": value]).output()
    #expect(sevens.shape == [2, 1])
    #expect(sevens.integers == [7, 7])
    #expect(try OperatorCase("ConstantOfShape", [int64s([])]).output().shape == [])
    #expect(OperatorCase("ConstantOfShape", [int64s([1])], ["value": .tensor(int64s([1, 2]))]).error() != nil)
  }
}

@Suite struct ShapeTests {
  @Test func rangesOfAxesClamp() throws {
    let x = counting([2, 3, 4])
    for (start, end, extents) in [
      (0, nil, [2, 3, 4]), (1, nil, [3, 4]), (-1, nil, [4]), (0, -1, [2, 3]), (-9, 9, [2, 3, 4]), (2, 1, []),
    ] as [(Int, Int?, [Int])] {
      var attributes: [String: AttributeValue] = ["start": .int(start)]
      if let end { attributes["end"] = .int(end) }
      #expect(try OperatorCase("Shape", [x], attributes, opset: 15).output().integers == extents)
    }
  }

  /// The chain that exporters write before a Reshape: its value is known from the shape alone.
  @Test func shapeArithmeticFoldsWithoutData() throws {
    let x = ValueInfo(dtype: .float32, shape: [2, 3, 4, 5])
    func infer(_ opType: String, _ inputs: [ValueInfo?], _ attributes: [String: AttributeValue] = [:]) throws
      -> ValueInfo
    {
      try makeOperator(NodeDefinition(opType: opType, attributes: attributes, inputCount: inputs.count))
        .inferOutputs(inputs)[0]
    }
    let shape = try infer("Shape", [x])
    let batch = try infer("Gather", [shape, ValueInfo(Tensor(scalar: Int64(0)))])
    let doubled = try infer("Mul", [batch, ValueInfo(Tensor(scalar: Int64(2)))])
    let list = try infer("Unsqueeze", [doubled, ValueInfo(int64s([0]))])
    let wanted = try infer("Concat", [list, ValueInfo(int64s([-1]))], ["axis": .int(0)])
    #expect(wanted.constant?.integers == [4, -1])
    #expect(try infer("Reshape", [x, wanted]).shape == [4, 30])
    #expect(try infer("Reshape", [x, wanted]).constant == nil)
  }

  @Test func largeConstantsAreNotFolded() throws {
    let large = ValueInfo(Tensor(shape: [2000], repeating: Float(1)))
    let relu = try Relu(NodeDefinition(opType: "Relu", inputCount: 1))
    #expect(try relu.inferOutputs([large])[0].constant == nil)
  }
}

@Suite struct ConstantTests {
  @Test func everyNumericFormIsRead() throws {
    let forms: [(String, AttributeValue, DType, [Int], [Int])] = [
      ("value", .tensor(int64s([1, 2])), .int64, [2], [1, 2]), ("value_float", .float(3), .float32, [], [3]),
      ("value_floats", .floats([4, 5]), .float32, [2], [4, 5]), ("value_int", .int(6), .int64, [], [6]),
      ("value_ints", .ints([7, 8]), .int64, [2], [7, 8]),
    ]
    for (name, attribute, dtype, shape, values) in forms {
      let value = try OperatorCase("Constant", [], [name: attribute]).output()
      #expect(value.dtype == dtype)
      #expect(value.shape == shape)
      #expect(value.integers == values)
      guard case .tensor = try OperatorCase("Constant", [], [name: attribute]).makeOperator().attributes["value"] else {
        Issue.record("\(name) is not written as value")
        continue
      }
    }
  }

  @Test func stringsAndNothingAreRefused() {
    #expect(OperatorCase("Constant", []).error() == .missingAttribute("value"))
    #expect(
      OperatorCase("Constant", [], ["value_string": .string("a")]).error()
        == .invalidAttribute("value_string", expected: "a dense tensor of numbers", found: "a string"))
  }
}

@Suite struct DropoutTests {
  @Test func inferenceKeepsEverything() throws {
    let x = counting([2, 2])
    #expect(try OperatorCase("Dropout", [x], ["ratio": .float(0.7)], opset: 10).output().floats == x.floats)
    let both = try OperatorCase("Dropout", [x, Tensor(scalar: Float(0.7))], outputCount: 2).outputs()
    #expect(both[0].floats == x.floats)
    #expect(both[1].truthValues == [true, true, true, true])
  }

  @Test func trainingIsRefusedUnlessItDropsNothing() throws {
    let (x, on) = (counting([2]), Tensor(scalar: true))
    #expect(
      OperatorCase("Dropout", [x, Tensor(scalar: Float(0.5)), on]).error()
        == .invalid("Dropout in training mode is random"))
    #expect(OperatorCase("Dropout", [x, nil, on]).error() == .invalid("Dropout in training mode is random"))
    let unknownRatio: [ValueInfo?] = [ValueInfo(x), ValueInfo(dtype: .float32, shape: []), ValueInfo(on)]
    let error = #expect(throws: OperatorError.self) {
      try Dropout(NodeDefinition(opType: "Dropout", inputCount: 3)).inferOutputs(unknownRatio)
    }
    #expect(error == .inputNotConstant(1, name: "ratio"))
    #expect(try OperatorCase("Dropout", [x, Tensor(scalar: Float(0)), on]).output().floats == x.floats)
  }
}
