import HostTensors
import Operators
import TensorTypes
import Testing

/// Values computed with mpmath at 30 digits and rounded to Float.
private let references: [(opType: String, attributes: [String: AttributeValue], x: [Float], y: [Float])] = [
  (
    "Sigmoid", [:],
    [-5, -1.5, -0.25, -0.001, 0, 0.001, 0.3, 1, 2.5, 7],
    [0.006692851, 0.18242553, 0.4378235, 0.49975, 0.5, 0.50025, 0.5744425, 0.7310586, 0.9241418, 0.99908894]
  ),
  (
    "Tanh", [:],
    [-5, -1.5, -0.25, -0.001, 0, 0.001, 0.3, 1, 2.5, 7],
    [
      -0.9999092, -0.90514827, -0.24491866, -0.0009999997, 0, 0.0009999997, 0.29131263, 0.7615942, 0.9866143,
      0.99999833,
    ]
  ),
  (
    "Softplus", [:],
    [-5, -1.5, -0.25, -0.001, 0, 0.001, 0.3, 1, 2.5, 7],
    [0.0067153485, 0.20141327, 0.5759394, 0.6926473, 0.6931472, 0.6936473, 0.8543553, 1.3132616, 2.5788898, 7.000911]
  ),
  (
    "Erf", [:],
    [-5, -1.5, -0.25, -0.001, 0, 0.001, 0.3, 1, 2.5, 7],
    [-1, -0.96610516, -0.2763264, -0.0011283788, 0, 0.0011283788, 0.32862678, 0.8427008, 0.999593, 1]
  ),
  (
    "Exp", [:],
    [-5, -1.5, -0.25, -0.001, 0, 0.001, 0.3, 1, 2.5, 7],
    [0.006737947, 0.22313017, 0.7788008, 0.9990005, 1, 1.0010005, 1.3498589, 2.7182817, 12.182494, 1096.6332]
  ),
  (
    "Gelu", [:],
    [-5, -1.5, -0.25, -0.001, 0, 0.001, 0.3, 1, 2.5, 7],
    [-1.4332578e-06, -0.1002108, -0.10032342, -0.00049960107, 0, 0.000500399, 0.18537344, 0.8413448, 2.4844759, 7]
  ),
  (
    "Gelu", ["approximate": .string("tanh")],
    [-5, -1.5, -0.25, -0.001, 0, 0.001, 0.3, 1, 2.5, 7],
    [-2.2917962e-07, -0.100428425, -0.100324646, -0.00049960107, 0, 0.000500399, 0.18537094, 0.841192, 2.4849157, 7]
  ),
  (
    "Elu", ["alpha": .float(0.5)],
    [-5, -1.5, -0.25, -0.001, 0, 0.001, 0.3, 1, 2.5, 7],
    [-0.49663103, -0.38843492, -0.11059961, -0.0004997501, 0, 0.001, 0.3, 1, 2.5, 7]
  ),
  (
    "LeakyRelu", ["alpha": .float(0.125)],
    [-5, -1.5, -0.25, -0.001, 0, 0.001, 0.3, 1, 2.5, 7],
    [-0.625, -0.1875, -0.03125, -0.000125, 0, 0.001, 0.3, 1, 2.5, 7]
  ),
  (
    "HardSigmoid", ["alpha": .float(0.25), "beta": .float(0.625)],
    [-5, -1.5, -0.25, -0.001, 0, 0.001, 0.3, 1, 2.5, 7],
    [0, 0.25, 0.5625, 0.62475, 0.625, 0.62525, 0.7, 0.875, 1, 1]
  ),
  (
    "HardSwish", [:],
    [-5, -1.5, -0.25, -0.001, 0, 0.001, 0.3, 1, 2.5, 7],
    [0, -0.375, -0.114583336, -0.0004998334, 0, 0.0005001667, 0.165, 0.6666667, 2.2916667, 7]
  ),
  (
    "Relu", [:],
    [-5, -1.5, -0.25, -0.001, 0, 0.001, 0.3, 1, 2.5, 7],
    [0, 0, 0, 0, 0, 0.001, 0.3, 1, 2.5, 7]
  ),
  (
    "Sqrt", [:],
    [0.001, 0.3, 1, 2.5, 7, 1_000_000],
    [0.03162278, 0.5477226, 1, 1.5811388, 2.6457512, 1000]
  ),
  (
    "Log", [:],
    [0.001, 0.3, 1, 2.5, 7, 1_000_000],
    [-6.9077554, -1.2039728, 0, 0.91629076, 1.9459101, 13.815511]
  ),
]

@Suite struct ActivationTests {
  /// Four units in the last place: the library functions err by at most one, the formulas add three roundings.
  @Test(arguments: references.indices)
  func activationsMatchHighPrecisionReference(_ index: Int) throws {
    let reference = references[index]
    let output = try OperatorCase(reference.opType, [floats(reference.x)], reference.attributes).output()
    for (x, (found, expected)) in zip(reference.x, zip(output.floats, reference.y)) {
      let tolerance = 4 * Swift.max(expected.ulp, Float(0x1p-24) * Swift.min(x.magnitude, 1))
      #expect(abs(found - expected) <= tolerance, "\(reference.opType)(\(x)) = \(found), not \(expected)")
    }
  }

  @Test(arguments: ["Relu", "LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Elu", "Softplus", "Clip"])
  func notANumberStaysNotANumber(_ opType: String) throws {
    let x = floats([.nan])
    let inputs = opType == "Clip" ? [x, Tensor(scalar: Float(0)), Tensor(scalar: Float(1))] : [x]
    #expect(try OperatorCase(opType, inputs).output().floats[0].isNaN)
  }

  @Test func saturatingActivationsReachTheirLimits() throws {
    let x = floats([-.infinity, -200, 200, .infinity])
    #expect(try OperatorCase("Sigmoid", [x]).output().floats == [0, 0, 1, 1])
    #expect(try OperatorCase("Tanh", [x]).output().floats == [-1, -1, 1, 1])
    #expect(try OperatorCase("Softplus", [x]).output().floats == [0, 0, 200, .infinity])
    #expect(try OperatorCase("HardSigmoid", [x]).output().floats == [0, 0, 1, 1])
    #expect(try OperatorCase("Elu", [x]).output().floats == [-1, -1, 200, .infinity])
  }

  @Test func defaultsAreThoseOfTheSpecification() throws {
    #expect(try OperatorCase("LeakyRelu", [floats([-1])]).output().floats == [-0.01])
    #expect(try OperatorCase("HardSigmoid", [floats([1])]).output().floats == [0.7])
    #expect(try OperatorCase("Elu", [floats([-.infinity])], ["alpha": .float(3)]).output().floats == [-3])
  }

  @Test func halfPrecisionIsComputedInFloatAndRoundedOnce() throws {
    let x: [Float16] = [-3.5, -0.25, 0.1, 1.75, 6]
    let output = try OperatorCase("Sigmoid", [Tensor(shape: [5], elements: x)]).output()
    let single = try OperatorCase("Sigmoid", [floats(x.map { Float($0) })]).output()
    #expect(output.elements(as: Float16.self) == single.floats.map { Float16($0) })
  }

  @Test func integersAreClippedAndNegatedAsIntegers() throws {
    let x = Tensor(shape: [4], elements: [Int8.min, -1, 5, 127])
    #expect(try OperatorCase("Relu", [x]).output().elements(as: Int8.self) == [0, 0, 5, 127])
    #expect(try OperatorCase("Neg", [x]).output().elements(as: Int8.self) == [Int8.min, 1, -5, -127])
    #expect(try OperatorCase("Abs", [x]).output().elements(as: Int8.self) == [Int8.min, 1, 5, 127])
    let bounds = [Tensor(scalar: Int8(-10)), Tensor(scalar: Int8(10))]
    #expect(try OperatorCase("Clip", [x] + bounds).output().elements(as: Int8.self) == [-10, -1, 5, 10])
  }

  @Test func floatFunctionsRefuseIntegers() {
    for opType in ["Sigmoid", "Tanh", "Exp", "Sqrt", "Gelu", "Softmax", "Elu"] {
      #expect(OperatorCase(opType, [int64s([1])]).error() == .inputType(0, expected: "a float type", found: .int64))
    }
  }

  @Test func geluKnowsTwoFormulas() {
    let error = OperatorCase("Gelu", [floats([1])], ["approximate": .string("fast")]).error()
    #expect(error == .invalidAttribute("approximate", expected: "none, tanh", found: "fast"))
  }
}

@Suite struct ClipTests {
  let x = floats([-8, -1, 0, 3, 9])

  @Test func boundsAreAttributesUpToOpset10() throws {
    let attributes: [String: AttributeValue] = ["min": .float(-2), "max": .float(6)]
    #expect(try OperatorCase("Clip", [x], attributes, opset: 6).output().floats == [-2, -1, 0, 3, 6])
  }

  @Test func eitherBoundMayBeOmitted() throws {
    #expect(try OperatorCase("Clip", [x, nil, Tensor(scalar: Float(1))]).output().floats == [-8, -1, 0, 1, 1])
    #expect(try OperatorCase("Clip", [x, Tensor(scalar: Float(1))]).output().floats == [1, 1, 1, 3, 9])
    #expect(try OperatorCase("Clip", [x]).output().floats == x.floats)
  }

  @Test func maximumWinsWhereBoundsCross() throws {
    let bounds = [Tensor(scalar: Float(2)), Tensor(scalar: Float(1))]
    #expect(try OperatorCase("Clip", [x] + bounds).output().floats == [1, 1, 1, 1, 1])
  }

  @Test func attributeBoundsBecomeInputsOfTheDataType() throws {
    let definition = NodeDefinition(
      opType: "Clip", opset: 6, attributes: ["min": .float(0), "max": .float(6)], inputCount: 1)
    let inputs = try Clip(definition).attributeInputs([ValueInfo(dtype: .float16, shape: [2])])
    #expect(inputs.count == 3)
    #expect(inputs[0] == nil)
    #expect(inputs[1]?.dtype == .float16)
    #expect(inputs[2]?.elements(as: Float16.self) == [6])
  }

  @Test func boundsOfAnotherTypeOrShapeAreRefused() {
    #expect(
      OperatorCase("Clip", [x, Tensor(scalar: Int32(0))]).error()
        == .inputType(1, expected: "float32", found: .int32))
    #expect(
      OperatorCase("Clip", [x, nil, floats([1, 2])]).error()
        == .inputShape(2, expected: "a single value", found: [2]))
  }
}

@Suite struct PReluTests {
  @Test func slopeBroadcastsOverChannels() throws {
    let x = floats([1, 2, 2], [-1, 2, -3, 4])
    let slope = floats([2, 1], [0.5, 2])
    #expect(try OperatorCase("PRelu", [x, slope]).output().floats == [-0.5, 2, -6, 4])
  }

  @Test func slopeMayNotEnlargeTheInput() {
    let error = OperatorCase("PRelu", [floats([1], [1]), floats([2], [1, 1])]).error()
    #expect(error == .inputShape(1, expected: "a shape that broadcasts to [1]", found: [2]))
  }
}

@Suite struct SoftmaxTests {
  @Test func rowsSumToOneAlongAnyAxis() throws {
    let x = Tensor(shape: [2, 3, 4], elements: (0..<24).map { Float(($0 * 7) % 11) / 3 })
    for axis in -3..<3 {
      let y = try OperatorCase("Softmax", [x], ["axis": .int(axis)]).output()
      let sums = try OperatorCase("ReduceSum", [y, int64s([Int64(axis)])]).output()
      // Each of at most 4 quotients errs by half an ulp of at most 1, and the sum by two roundings.
      for sum in sums.floats { #expect(abs(sum - 1) <= 4 * Float.ulpOfOne) }
    }
  }

  @Test func olderOpsetsNormalizeAllInnerAxesTogether() throws {
    let x = Tensor(shape: [2, 2, 2], repeating: Float(1))
    #expect(try OperatorCase("Softmax", [x], opset: 12).output().floats == Array(repeating: 0.25, count: 8))
    #expect(try OperatorCase("Softmax", [x], opset: 13).output().floats == Array(repeating: 0.5, count: 8))
    let old = try Softmax(NodeDefinition(opType: "Softmax", opset: 12, inputCount: 1))
    #expect(!old.axis.isSingleAxis(shape: [2, 2, 2]))
    #expect(old.axis.isSingleAxis(shape: [2, 10]))
  }

  @Test func largeLogitsDoNotOverflow() throws {
    let x = floats([1, 3], [1000, 1000, -1000])
    #expect(try OperatorCase("Softmax", [x]).output().floats == [0.5, 0.5, 0])
    // log 2 rounded to Float; -2000 - log 2 lies within half an ulp (6.1e-5) of -2000.6932.
    let logs = try OperatorCase("LogSoftmax", [x]).output().floats
    #expect(logs[0] == -0.6931472)
    #expect(abs(logs[2] + 2000.6931) <= 1.3e-4)
  }

  @Test func emptyInputGivesEmptyOutput() throws {
    #expect(try OperatorCase("Softmax", [floats([0, 3], [])]).output().shape == [0, 3])
    #expect(try OperatorCase("LogSoftmax", [floats([3, 0], [])]).output().shape == [3, 0])
  }

  @Test func axisOutsideTheRankIsRefused() {
    let error = OperatorCase("Softmax", [floats([1])], ["axis": .int(1)]).error()
    #expect(error == .invalid("axis 1 is outside a tensor of rank 1"))
  }
}
