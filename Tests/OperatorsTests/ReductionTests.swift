import HostTensors
import Operators
import TensorTypes
import Testing

@Suite struct ReductionTests {
  let x = counting([2, 3, 4])

  @Test func axesMayBeAttributeOrInput() throws {
    for (opset, inputs, attributes) in [
      (11, [x], ["axes": AttributeValue.ints([0, -1])]), (21, [x, int64s([0, -1])], [:]),
    ] {
      let sum = try OperatorCase("ReduceSum", inputs, attributes, opset: opset).output()
      #expect(sum.shape == [1, 3, 1])
      #expect(sum.floats == [60, 92, 124])
      #expect(try OperatorCase("ReduceMean", inputs, attributes, opset: opset).output().floats == [7.5, 11.5, 15.5])
      #expect(try OperatorCase("ReduceMax", inputs, attributes, opset: opset).output().floats == [15, 19, 23])
    }
  }

  @Test func everySubsetOfAxesSumsToTheTotal() throws {
    for mask in 1..<8 {
      let axes = (0..<3).filter { mask >> $0 & 1 == 1 }
      let sum = try OperatorCase("ReduceSum", [x, Tensor(integers: axes)], ["keepdims": .int(0)]).output()
      #expect(sum.rank == 3 - axes.count)
      // Sums of integers below 2^24 are exact in Float.
      #expect(sum.floats.reduce(0, +) == 276)
    }
  }

  @Test func noAxesReducesAllUnlessToldOtherwise() throws {
    #expect(try OperatorCase("ReduceSum", [x], ["keepdims": .int(0)]).output().shape == [])
    #expect(try OperatorCase("ReduceMax", [x, int64s([])]).output().floats == [23])
    let same = try OperatorCase("ReduceSum", [x, int64s([])], ["noop_with_empty_axes": .int(1)]).output()
    #expect(same.floats == x.floats)
  }

  @Test func emptySetsGiveTheNeutralElement() throws {
    let empty = floats([2, 0], [])
    #expect(try OperatorCase("ReduceSum", [empty, int64s([1])]).output().floats == [0, 0])
    #expect(try OperatorCase("ReduceMax", [empty, int64s([1])]).output().floats == [-.infinity, -.infinity])
    #expect(try OperatorCase("ReduceMean", [empty, int64s([1])]).output().floats.allSatisfy { $0.isNaN })
    let integers = Tensor(shape: [0], elements: [Int32]())
    #expect(try OperatorCase("ReduceMax", [integers]).output().elements(as: Int32.self) == [.min])
    #expect(try OperatorCase("ReduceMean", [integers]).output().elements(as: Int32.self) == [0])
  }

  @Test func integerMeansSumWideAndTruncate() throws {
    let bytes = Tensor(shape: [3], elements: [Int8(-128), -127, -126])
    #expect(try OperatorCase("ReduceMean", [bytes]).output().elements(as: Int8.self) == [-127])
    #expect(try OperatorCase("ReduceMean", [int64s([-1, -2])]).output().integers == [-1])
  }

  @Test func greatestOfTruthIsAny() throws {
    let truth = Tensor(shape: [2, 2], elements: [false, true, false, false])
    #expect(try OperatorCase("ReduceMax", [truth, int64s([1])]).output().truthValues == [true, false])
  }

  @Test func longSumsStayAccurate() throws {
    // Eight partial sums of n/8 terms: the error is at most n/8 half ulps of the greatest partial sum,
    // 131072 * 0.1 with an ulp of 2^-10; a mean of 2^20 tenths is off by less than 2^17 * 2^-11 / 2^17.
    let tenths = Tensor(shape: [1 << 20], repeating: Float(0.1))
    let mean = try OperatorCase("ReduceMean", [tenths]).output().floats[0]
    #expect(abs(mean - 0.1) < 0x1p-11)
  }

  @Test func axesAreChecked() {
    #expect(OperatorCase("ReduceSum", [x, int64s([3])]).error() == .invalid("axis 3 is outside a tensor of rank 3"))
    #expect(OperatorCase("ReduceSum", [x, int64s([1, -2])]).error() == .invalid("axis 1 is named twice in [1, -2]"))
    #expect(OperatorCase("ReduceSum", [x, floats([1])]).error() != nil)
    let unknown = [ValueInfo(dtype: .float32, shape: [2]), ValueInfo(dtype: .int64, shape: [1])]
    let error = #expect(throws: OperatorError.self) {
      try ReduceSum(NodeDefinition(opType: "ReduceSum", inputCount: 2)).inferOutputs(unknown)
    }
    #expect(error == .inputNotConstant(1, name: "axes"))
  }

  @Test func attributeAxesBecomeCanonicalInputs() throws {
    let old = NodeDefinition(
      opType: "ReduceMean", opset: 11, attributes: ["axes": .ints([2, 3]), "keepdims": .int(0)], inputCount: 1)
    let mean = try ReduceMean(old)
    #expect(mean.attributeInputs([]).map { $0?.integers } == [nil, [2, 3]])
    #expect(mean.attributes["axes"] == nil)
    #expect(try ReduceMean(NodeDefinition(opType: "ReduceMean", inputCount: 2)).attributeInputs([]).isEmpty)
  }
}

@Suite struct ArgMaxTests {
  let x = floats([2, 4], [1, 5, 5, 2, 7, 0, 7, 7])

  @Test func tiesGoToTheFirstOrTheLast() throws {
    let first = try OperatorCase("ArgMax", [x], ["axis": .int(1)]).output()
    #expect(first.dtype == .int64)
    #expect(first.shape == [2, 1])
    #expect(first.integers == [1, 0])
    let last = try OperatorCase("ArgMax", [x], ["axis": .int(-1), "select_last_index": .int(1)]).output()
    #expect(last.integers == [2, 3])
  }

  @Test func axisDefaultsToTheFirstAndMayBeDropped() throws {
    let indices = try OperatorCase("ArgMax", [x], ["keepdims": .int(0)]).output()
    #expect(indices.shape == [4])
    #expect(indices.integers == [1, 0, 1, 1])
  }

  @Test func wideIntegersCompareExactly() throws {
    let close = int64s([9_007_199_254_740_992, 9_007_199_254_740_993])
    #expect(try OperatorCase("ArgMax", [close]).output().integers == [1])
  }

  @Test func emptyAxisIsAnError() {
    let error = OperatorCase("ArgMax", [floats([2, 0], [])], ["axis": .int(1)]).error()
    #expect(error == .inputShape(0, expected: "elements along axis 1", found: [2, 0]))
  }
}
