import HostTensors
import Operators
import TensorTypes
import Testing

@Suite struct RegistryTests {
  @Test func everyKindNamesTheStructOfThatKind() {
    for kind in OperatorKind.allCases { #expect(kind.type.kind == kind) }
  }

  @Test func unknownOperatorsAreNamed() {
    #expect(OperatorCase("Lstm", [floats([1])]).error() == .unsupportedOperator("Lstm"))
    #expect(OperatorCase("", []).error() == .unsupportedOperator(""))
  }

  /// Whatever a file claims, an operator must answer with an error, not a trap.
  @Test(arguments: OperatorKind.allCases)
  func arbitraryInputsNeverTrap(_ kind: OperatorKind) {
    let pool: [Tensor?] = [
      nil, floats([1, -2]), Tensor(scalar: Float(3)), counting([1, 2, 3, 4]), floats([0, 3], []), int64s([1]),
      int64s([.min, .max]), int64s([]), truths([true, false]), Tensor(scalar: UInt8(200)),
      Tensor(shape: [2], elements: [Float16(1), 2]), counting([2, 2]),
    ]
    let attributes: [[String: AttributeValue]] = [
      [:],
      ["axis": .int(Int.min), "axes": .ints([Int.max]), "perm": .ints([1]), "to": .int(1), "split": .ints([Int.max])],
      [
        "axis": .int(1), "axes": .ints([0, 0]), "starts": .ints([Int.min]), "ends": .ints([Int.max]),
        "kernel_shape": .ints([2, 2]), "pads": .ints([Int.max, 1, 1, 1]), "strides": .ints([1, 1]), "to": .int(7),
      ],
      ["axis": .float(1), "keepdims": .int(7), "axes": .int(1), "to": .string("x"), "pads": .tensor(floats([1]))],
    ]
    // A fixed linear congruence picks the inputs, so that a failure comes back.
    var state: UInt64 = 88_172_645_463_325_252
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    var (errors, results) = (0, 0)
    for opset in [7, 10, 12, 13, 18, 21] {
      for _ in 0..<200 {
        let inputs = (0..<next(5)).map { _ in pool[next(pool.count)] }
        let operatorCase = OperatorCase(
          kind.rawValue, inputs, attributes[next(attributes.count)], opset: opset, outputCount: 1 + next(3))
        if operatorCase.error() == nil { results += 1 } else { errors += 1 }
        if operatorCase.evaluationError() == nil { results += 1 } else { errors += 1 }
      }
    }
    #expect(errors + results == 2400)
    #expect(errors > 0)
  }

  /// An operator written at the canonical opset and read again computes the same.
  @Test(arguments: [
    OperatorCase("Clip", [floats([-9, 2, 9])], ["min": .float(-1), "max": .float(6)], opset: 7),
    OperatorCase("Softmax", [counting([2, 3])], opset: 9),
    OperatorCase("LogSoftmax", [counting([2, 3])], ["axis": .int(0)]),
    OperatorCase("ReduceMean", [counting([2, 3])], ["axes": .ints([1]), "keepdims": .int(0)], opset: 9),
    OperatorCase("ReduceSum", [counting([2, 3])], ["axes": .ints([-2])], opset: 11),
    OperatorCase("ReduceMax", [counting([2, 3])], ["axes": .ints([1])], opset: 13),
    OperatorCase("ArgMax", [counting([2, 3])], ["axis": .int(1), "select_last_index": .int(1)]),
    OperatorCase("Squeeze", [counting([1, 3])], ["axes": .ints([0])], opset: 11),
    OperatorCase("Unsqueeze", [counting([3])], ["axes": .ints([1])], opset: 11),
    OperatorCase("Slice", [counting([4])], ["starts": .ints([1]), "ends": .ints([3])], opset: 9),
    OperatorCase(
      "Slice", [counting([2, 4])], ["starts": .ints([1]), "ends": .ints([3]), "axes": .ints([1])], opset: 9),
    OperatorCase("Split", [counting([4])], ["split": .ints([1, 3])], opset: 11, outputCount: 2),
    OperatorCase("Split", [counting([4])], opset: 11, outputCount: 2),
    OperatorCase("Transpose", [counting([2, 3])], ["perm": .ints([1, 0])]),
    OperatorCase("LeakyRelu", [floats([-1])], ["alpha": .float(0.5)]),
    OperatorCase("HardSigmoid", [floats([0.5])], ["alpha": .float(0.5), "beta": .float(0.25)]),
    OperatorCase("Elu", [floats([-1])], ["alpha": .float(0.5)]),
    OperatorCase("Gelu", [floats([-1])], ["approximate": .string("tanh")]),
    OperatorCase("Flatten", [counting([2, 3])], ["axis": .int(0)]),
    OperatorCase("Gather", [counting([2, 3]), int64s([1])], ["axis": .int(1)]),
    OperatorCase("Concat", [counting([2, 3]), counting([2, 1])], ["axis": .int(1)]),
    OperatorCase("Shape", [counting([2, 3])], ["start": .int(0), "end": .int(1)]),
    OperatorCase("Cast", [counting([2, 3])], ["to": .int(7)]),
    OperatorCase("ConstantOfShape", [int64s([2])], ["value": .tensor(int64s([5]))]),
    OperatorCase("Dropout", [counting([2])], ["ratio": .float(0.5)], opset: 7, outputCount: 2),
  ])
  func canonicalFormComputesTheSame(_ original: OperatorCase) throws {
    let op = try original.makeOperator()
    var inputs = original.inputs
    if let held = op as? any CanonicalInputs {
      for (index, value) in held.attributeInputs(inputs.map { $0.map { ValueInfo($0) } }).enumerated() {
        if index >= inputs.count { inputs.append(value) }
      }
    }
    let canonical = OperatorCase(original.opType, inputs, op.attributes, outputCount: original.outputCount)
    let (before, after) = (try original.outputs(), try canonical.outputs())
    #expect(before.map(\.shape) == after.map(\.shape))
    #expect(before.map(\.floats) == after.map(\.floats))
  }
}

@Suite struct IntegerFormTests {
  private func form(_ opType: String, _ inputs: [ValueInfo?], _ attributes: [String: AttributeValue] = [:]) throws
    -> IntegerForm
  {
    try makeOperator(NodeDefinition(opType: opType, attributes: attributes, inputCount: inputs.count))
      .integerForm(inputs)
  }
  private let x = ValueInfo(dtype: .float32, shape: [1, 4])
  private let integers = ValueInfo(dtype: .int64, shape: [1, 4])

  @Test(arguments: [
    "Relu", "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Elu", "Softplus", "Erf", "Gelu", "Sqrt", "Exp",
    "Log", "Neg", "Abs",
  ])
  func functionsOfOneValueAreTables(_ opType: String) throws {
    #expect(try form(opType, [x]) == .table)
    #expect(try form(opType, [integers]) == .floatOnly(reason: "not a float tensor"))
  }

  @Test func movedValuesKeepTheirScaleAndSumsAreRescaled() throws {
    let list = ValueInfo(int64s([1]))
    for opType in ["Reshape", "Squeeze", "Unsqueeze", "Expand", "Gather", "ReduceMax"] {
      #expect(try form(opType, [x, list]) == .sameScale)
    }
    for opType in ["Transpose", "Flatten", "Identity", "Dropout", "Split"] {
      #expect(try form(opType, [x]) == .sameScale)
    }
    #expect(try form("Slice", [x, list, list]) == .sameScale)
    for opType in ["Add", "Sub", "Mul"] {
      #expect(try form(opType, [x, x]) == .rescaled)
      #expect(try form(opType, [integers, integers]) == .floatOnly(reason: "not a float tensor"))
    }
    #expect(try form("Concat", [x, x], ["axis": .int(1)]) == .rescaled)
    #expect(try form("ReduceMean", [x, list]) == .rescaled)
  }

  @Test func clipIsATableOnlyWithKnownBounds() throws {
    #expect(try form("Clip", [x, ValueInfo(Tensor(scalar: Float(0)))]) == .table)
    #expect(
      try form("Clip", [x, ValueInfo(dtype: .float32, shape: [])]) == .floatOnly(reason: "the bounds are computed"))
  }

  @Test func whatHasNoIntegerFormSaysWhy() throws {
    for (opType, inputs) in [
      ("Softmax", [x]), ("LogSoftmax", [x]), ("ArgMax", [x]), ("Shape", [x]), ("Equal", [x, x]), ("Div", [x, x]),
      ("Where", [x, x, x]), ("PRelu", [x, x]), ("Max", [x, x]),
    ] {
      guard case .floatOnly(let reason) = try form(opType, inputs) else {
        Issue.record("\(opType) claims an integer form")
        continue
      }
      #expect(!reason.isEmpty)
    }
  }
}
