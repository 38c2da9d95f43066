import HostTensors
import Operators
import TensorTypes
import Testing

/// Where a function has no derivative, its operator's documentation states a choice; and what large tensors add.
@Suite struct GradientKinkTests {
  private func gradients(_ operatorCase: OperatorCase, by inputs: [Int] = [0], _ upstream: Tensor) throws -> [[Float]] {
    let found = try TrainingPass(operatorCase, trained: inputs).gradients(by: Set(inputs), [upstream])
    return try inputs.map { try #require(found[$0]).floats }
  }

  private func gradient(
    _ opType: String, _ x: [Float], _ attributes: [String: AttributeValue] = [:]
  ) throws -> [Float] {
    try gradients(OperatorCase(opType, [floats(x)], attributes), floats(x.map { _ in 2 }))[0]
  }

  @Test func elementFunctionsChooseOneSideOfTheirKinks() throws {
    #expect(try gradient("Abs", [0, -0.0]) == [0, 0])
    #expect(try gradient("LeakyRelu", [0], ["alpha": .float(0.25)]) == [0.5])
    #expect(try gradient("LeakyRelu", [0], ["alpha": .float(-0.25)]) == [-0.5])
    #expect(try gradient("Elu", [0], ["alpha": .float(0.25)]) == [0.5])
    #expect(try gradient("Elu", [0], ["alpha": .float(-0.25)]) == [-0.5])
    #expect(try gradient("HardSwish", [-3, 3]) == [0, 2])
    #expect(try gradient("HardSigmoid", [-2, 2], ["alpha": .float(0.25), "beta": .float(0.5)]) == [0, 0])
  }

  @Test func clipGivesNoneAtItsBounds() throws {
    let clip = OperatorCase("Clip", [floats([-1, 0, 1, -2, 2]), Tensor(scalar: Float(-1)), Tensor(scalar: Float(1))])
    #expect(try gradients(clip, floats([1, 2, 3, 4, 5])) == [[0, 2, 0, 0, 0]])
  }

  @Test func preluCountsZeroAsNegative() throws {
    let prelu = OperatorCase("PRelu", [floats([0, -1]), floats([0.5])])
    #expect(try gradients(prelu, by: [0, 1], floats([2, 3])) == [[1, 1.5], [-3]])
  }

  @Test(arguments: ["Max", "Min"])
  func tiesOfExtremesShareEqually(_ opType: String) throws {
    let two = OperatorCase(opType, [floats([1, 2]), Tensor(scalar: Float(1))])
    let other: Float = opType == "Max" ? 0 : 3
    let own: Float = opType == "Max" ? 3 : 0
    #expect(try gradients(two, by: [0, 1], floats([2, 3])) == [[1, own], [1 + other]])
    let three = OperatorCase(opType, [floats([1]), floats([1]), floats([1])])
    #expect(try gradients(three, by: [0, 1, 2], floats([6])) == [[2], [2], [2]])
  }

  @Test func tiesOfReduceMaxShareEqually() throws {
    let reduced = OperatorCase("ReduceMax", [floats([2, 3], [1, 4, 4, 5, 5, 5]), int64s([1])], ["keepdims": .int(0)])
    #expect(try gradients(reduced, floats([8, 9])) == [[0, 4, 4, 3, 3, 3]])
  }

  @Test func powersOfZeroAreFinite() throws {
    let squares = OperatorCase("Pow", [floats([0, 0, 0, 2]), floats([0, 1, 2, 0])])
    let upstream = floats([1, 1, 1, 1])
    let found = try gradients(squares, by: [0, 1], upstream)
    #expect(found[0] == [0, 1, 0, 0])
    #expect(found[1][..<3] == [0, 0, 0])
  }
}

/// Tensors large enough to be shared among threads, whose gradients are known in closed form.
@Suite struct LargeGradientTests {
  /// Integers of up to 6 bits: every sum of them here is exact in Float.
  private func small(_ shape: [Int]) -> Tensor {
    Tensor(shape: shape, elements: (0..<shape.elementCount).map { Float(($0 &* 37) % 61 - 30) })
  }

  @Test(arguments: [
    ([1, 1000], [64, 1000]), ([64, 1], [64, 1000]), ([], [64, 1000]), ([3, 1, 1], [4, 3, 80, 90]),
    ([4, 1, 80, 1], [4, 3, 80, 90]), ([70_000], [3, 70_000]), ([2, 1], [2, 70_000]), ([1, 3], [50_000, 3]),
  ])
  func sumsOverBroadcastAxesAreExact(_ shapes: ([Int], [Int])) throws {
    let (shape, target) = (shapes.0, shapes.1)
    let upstream = small(target)
    let pass = try TrainingPass(
      OperatorCase("Expand", [small(shape), Tensor(integers: target)]), trained: [0])
    var expected = [Float](repeating: 0, count: shape.elementCount)
    let lead = target.count - shape.count
    for (index, value) in upstream.floats.enumerated() {
      var (rest, position, stride) = (index, 0, 1)
      for axis in target.indices.reversed() {
        let coordinate = rest % target[axis]
        rest /= target[axis]
        guard axis >= lead else { continue }
        if shape[axis - lead] != 1 { position += coordinate * stride }
        stride *= shape[axis - lead]
      }
      expected[position] += value
    }
    #expect(try pass.gradients(by: [0], [upstream])[0]?.floats == expected)
  }

  @Test(arguments: [([70_000], [70_000]), ([70_000], []), ([40, 1], [40, 2000]), ([3, 1, 40_000], [2, 1])])
  func productsOfLargeTensorsAreThoseOfTheirElements(_ shapes: ([Int], [Int])) throws {
    let operands = [small(shapes.0), small(shapes.1)]
    let pass = try TrainingPass(OperatorCase("Mul", operands), trained: [0, 1])
    let upstream = small(pass.outputs[0].shape)
    let gradients = try pass.gradients(by: [0, 1], [upstream])
    // Each way back is the product with the other operand, summed; the sum is what Expand's way back is.
    for input in [0, 1] {
      let product = try OperatorCase("Mul", [upstream, operands[1 - input]]).output()
      let expansion = OperatorCase("Expand", [operands[input], Tensor(integers: product.shape)])
      let expected = try TrainingPass(expansion, trained: [0]).gradients(by: [0], [product])[0]
      #expect(gradients[input]?.floats == expected?.floats)
    }
  }

  @Test func gradientsDoNotDependOnTheNumberOfThreads() throws {
    let x = spread([8, 3, 60, 50]).cast(to: .float32)
    let cases = [
      OperatorCase("Mul", [x, spread([3, 1, 1]).cast(to: .float32)]), OperatorCase("Softmax", [x], ["axis": .int(1)]),
      OperatorCase("Gelu", [x]), OperatorCase("ReduceMax", [x, int64s([0, 2])]),
      OperatorCase("Pad", [x, int64s([0, 0, 1, 2, 0, 0, 2, 1])], ["mode": .string("reflect")]),
      OperatorCase("Gather", [x, int64s([1, 0, 2, 1])], ["axis": .int(1)]),
      OperatorCase("Slice", [x, int64s([49]), int64s([-99]), int64s([3]), int64s([-3])]),
      OperatorCase("Resize", [x, nil, floats([1, 1, 2, 2])], ["mode": .string("linear")]),
    ]
    let before = Parallel.threadCount
    defer { Parallel.threadCount = before }
    for operatorCase in cases {
      let trained = operatorCase.opType == "Mul" ? [0, 1] : [0]
      let results = try [1, 2, 5].map { threads in
        Parallel.threadCount = threads
        let pass = try TrainingPass(operatorCase, trained: trained)
        let upstream = spread(pass.outputs[0].shape, seed: 5).cast(to: .float32)
        return try pass.gradients(by: Set(trained), [upstream]).map { $0?.floats }
      }
      #expect(results[0] == results[1] && results[0] == results[2], "\(operatorCase.opType)")
    }
  }
}

/// Gradients that Float computes by its own exponential, far from 0 too.
@Suite struct SaturatedGradientTests {
  /// Two units in the last place of the exponential, and those of a few operations, of values up to 1.13.
  @Test(
    arguments: [
      ("Gelu", [:]), ("Gelu", ["approximate": .string("tanh")]), ("Softplus", [:]), ("Erf", [:]),
    ] as [(String, [String: AttributeValue])])
  func singleGradientsAreThoseOfDouble(_ opType: String, _ attributes: [String: AttributeValue]) throws {
    let points = (-4000...4000).map { Float($0) / 40 }
    func gradient<T: TensorElement>(_ x: [T], _ one: T) throws -> [Double] {
      let operatorCase = OperatorCase(opType, [Tensor(shape: [x.count], elements: x)], attributes)
      let upstream = Tensor(shape: [x.count], repeating: one)
      return try #require(TrainingPass(operatorCase, trained: [0]).gradients(by: [0], [upstream])[0]).doubles
    }
    let (single, double) = (try gradient(points, 1), try gradient(points.map { Double($0) }, 1))
    for (x, (found, expected)) in zip(points, zip(single, double)) {
      #expect((found - expected).magnitude <= 8 * 0x1p-23, "\(opType) at \(x): \(found), not \(expected)")
    }
  }
}
