import HostTensors
import Operators
import TensorTypes
import Testing

@Suite struct PoolTests {
  /// Pads smaller than the window, as pools demand.
  static let cases = windowCases.filter { test in
    (0..<3).allSatisfy { axis in
      let span = (test.kernel[axis] - 1) * test.dilations[axis] + 1
      return max(test.pads[axis], test.pads[3 + axis]) < span
    }
  }

  private func attributes(_ test: WindowCase, _ more: [String: AttributeValue] = [:]) -> [String: AttributeValue] {
    var attributes = test.attributes.merging(more) { $1 }
    attributes["group"] = nil
    attributes["kernel_shape"] = .ints(test.tail(test.kernel))
    return attributes
  }

  private func output(_ test: WindowCase, ceil: Bool) -> [Int] {
    (0..<3).map { axis in
      let span = (test.kernel[axis] - 1) * test.dilations[axis] + 1
      let (stride, begin) = (test.strides[axis], test.pads[axis])
      let room = test.input[axis] + begin + test.pads[3 + axis] - span
      let count = (ceil && room % stride != 0 ? room / stride + 1 : room / stride) + 1
      return ceil && (count - 1) * stride >= test.input[axis] + begin ? count - 1 : count
    }
  }

  @Test(arguments: cases.indices, [false, true])
  func poolsEqualTheirDefinitions(_ index: Int, _ ceil: Bool) throws {
    let test = Self.cases[index]
    let extents = output(test, ceil: ceil)
    let input = smallWholes([test.batch, 3] + test.tail(test.input), seed: 11)
    let mode: [String: AttributeValue] = ["ceil_mode": .int(ceil ? 1 : 0)]
    let greatest = try OperatorCase("MaxPool", [input], attributes(test, mode), outputCount: 2).outputs()
    let means = try OperatorCase("AveragePool", [input], attributes(test, mode)).output()
    #expect(means.shape == [test.batch, 3] + test.tail(extents))
    let values = input.floats
    for plane in 0..<test.batch * 3 {
      var seen = [[Float]](repeating: [], count: extents.elementCount)
      var at = [[Int]](repeating: [], count: extents.elementCount)
      test.forEachContact(output: extents) { position, _, reached in
        seen[position].append(values[plane * test.input.elementCount + reached])
        at[position].append(reached)
      }
      for (position, elements) in seen.enumerated() {
        let target = plane * extents.elementCount + position
        let top = try #require(elements.max())
        let first = try #require(elements.firstIndex(of: top))
        #expect(greatest[0].floats[target] == top)
        #expect(greatest[1].integers[target] == plane * test.input.elementCount + at[position][first])
        // Sums of wholes are exact, so the one division is the only rounding on both sides.
        #expect(means.floats[target] == elements.reduce(0, +) / Float(elements.count))
      }
    }
  }

  @Test func paddingCountsButNotWhatCeilModeReachesBeyondIt() throws {
    let ones = Tensor(shape: [1, 1, 6], repeating: Float(1))
    func pool(_ more: [String: AttributeValue]) throws -> [Float] {
      let base: [String: AttributeValue] = [
        "kernel_shape": .ints([3]), "strides": .ints([2]), "pads": .ints([1, 1]), "ceil_mode": .int(1),
      ]
      return try OperatorCase("AveragePool", [ones], base.merging(more) { $1 }).output().floats
    }
    // Windows begin at -1, 1, 3, 5; the padded input ends after 6, so the last holds one element and one pad.
    #expect(try pool([:]) == [1, 1, 1, 1])
    #expect(try pool(["count_include_pad": .int(1)]) == [2 / 3, 1, 1, 1 / 2])
  }

  @Test func columnMajorIndicesCountRowsFirst() throws {
    let input = floats([1, 2, 2, 3], [0, 1, 2, 3, 9, 5, 7, 1, 2, 3, 4, 5])
    let outputs = try OperatorCase(
      "MaxPool", [input], ["kernel_shape": .ints([2, 3]), "storage_order": .int(1)], outputCount: 2
    ).outputs()
    // Row 1, column 1 of two rows is 1 + 2 * 1; the second plane begins at 6.
    #expect(outputs[1].integers == [3, 6])
  }

  @Test func bytesPoolAsTheyAre() throws {
    let kernel: [String: AttributeValue] = ["kernel_shape": .ints([2]), "strides": .ints([2]), "pads": .ints([1, 1])]
    let signed = Tensor(shape: [1, 1, 4], elements: [Int8(-128), -128, -3, -7])
    let unsigned = Tensor(shape: [1, 1, 4], elements: [UInt8(255), 0, 0, 9])
    #expect(try OperatorCase("MaxPool", [signed], kernel).output().elements(as: Int8.self) == [-128, -3, -7])
    #expect(try OperatorCase("MaxPool", [unsigned], kernel).output().elements(as: UInt8.self) == [255, 0, 9])
  }

  @Test func halfPrecisionPoolsExactly() throws {
    let input = smallWholes([1, 2, 5, 5], seed: 12)
    let kernel: [String: AttributeValue] = ["kernel_shape": .ints([2, 2])]
    let expected = try OperatorCase("MaxPool", [input], kernel).output()
    for dtype in [DType.float16, .bfloat16, .float64] {
      let output = try OperatorCase("MaxPool", [input.cast(to: dtype)], kernel).output()
      #expect(output.dtype == dtype && output.floats == expected.floats)
    }
  }

  @Test func globalPoolsReduceEveryPlane() throws {
    let input = counting([2, 3, 5, 7])
    let means = try OperatorCase("GlobalAveragePool", [input]).output()
    let greatest = try OperatorCase("GlobalMaxPool", [input]).output()
    #expect(means.shape == [2, 3, 1, 1] && greatest.shape == [2, 3, 1, 1])
    for plane in 0..<6 {
      #expect(means.floats[plane] == Float(plane * 35 + 17))
      #expect(greatest.floats[plane] == Float(plane * 35 + 34))
    }
    #expect(try OperatorCase("GlobalAveragePool", [counting([1, 2, 4])]).output().floats == [1.5, 5.5])
  }

  @Test func poolsSayHowTheyQuantize() throws {
    let input: [ValueInfo?] = [ValueInfo(dtype: .float32, shape: [1, 2, 4, 4])]
    let kernel: [String: AttributeValue] = ["kernel_shape": .ints([2, 2])]
    func form(_ name: String, _ outputs: Int = 1) throws -> IntegerForm {
      try makeOperator(NodeDefinition(opType: name, attributes: kernel, inputCount: 1, outputCount: outputs))
        .integerForm(input)
    }
    #expect(try form("MaxPool") == .sameScale)
    #expect(try form("GlobalMaxPool") == .sameScale)
    #expect(try form("AveragePool") == .rescaled)
    #expect(try form("GlobalAveragePool") == .rescaled)
    guard case .floatOnly = try form("MaxPool", 2) else {
      Issue.record("indices of maxima have no scale")
      return
    }
  }

  @Test func wrongPoolsAreErrors() {
    let input = counting([1, 1, 4, 4])
    for name in ["MaxPool", "AveragePool"] {
      let cases: [[String: AttributeValue]] = [
        [:], ["kernel_shape": .ints([5, 2])], ["kernel_shape": .ints([2])], ["kernel_shape": .ints([0, 2])],
        ["kernel_shape": .ints([2, 2]), "pads": .ints([2, 0, 0, 0])],
        ["kernel_shape": .ints([2, 2]), "dilations": .ints([0, 1])], ["kernel_shape": .floats([2, 2])],
        ["kernel_shape": .ints([2, 2]), "ceil_mode": .int(2)],
      ]
      for attributes in cases {
        #expect(OperatorCase(name, [input], attributes).error() != nil)
        #expect(OperatorCase(name, [input], attributes).evaluationError() != nil)
      }
      let kernel: [String: AttributeValue] = ["kernel_shape": .ints([2, 2])]
      #expect(OperatorCase(name, [int64s([1])], kernel).error() != nil)
      #expect(OperatorCase(name, [counting([1, 1, 4])], kernel).error() != nil)
    }
    for name in ["GlobalMaxPool", "GlobalAveragePool"] {
      #expect(OperatorCase(name, [counting([2, 3])]).evaluationError() != nil)
      #expect(OperatorCase(name, [counting([2, 3, 0])]).evaluationError() != nil)
      #expect(OperatorCase(name, []).evaluationError() != nil)
    }
  }
}
