import HostTensors
import Operators
import TensorTypes
import Testing

@Suite struct ConvolutionTests {
  /// ONNX Conv written out as nested sums; small whole numbers make both sides exact.
  private func naive(_ test: WindowCase, _ input: [Float], _ weight: [Float], _ bias: [Float], output: [Int]) -> [Float]
  {
    let (inChannels, outChannels) = (test.groups * test.groupIn, test.groups * test.groupOut)
    let (inPlane, outPlane, taps) = (test.input.elementCount, output.elementCount, test.kernel.elementCount)
    var result = [Float](repeating: 0, count: test.batch * outChannels * outPlane)
    for image in 0..<test.batch {
      for out in 0..<outChannels {
        let target = (image * outChannels + out) * outPlane
        for index in 0..<outPlane { result[target + index] = bias[out] }
        for part in 0..<test.groupIn {
          let channel = out / test.groupOut * test.groupIn + part
          test.forEachContact(output: output) { position, tap, reached in
            result[target + position] +=
              input[(image * inChannels + channel) * inPlane + reached]
              * weight[(out * test.groupIn + part) * taps + tap]
          }
        }
      }
    }
    return result
  }

  @Test(arguments: windowCases.indices)
  func convolutionEqualsNestedSums(_ index: Int) throws {
    let test = windowCases[index]
    let input = smallWholes([test.batch, test.groups * test.groupIn] + test.tail(test.input), seed: 1)
    let weight = smallWholes([test.groups * test.groupOut, test.groupIn] + test.tail(test.kernel), seed: 2)
    let bias = smallWholes([test.groups * test.groupOut], seed: 3)
    let output = try OperatorCase("Conv", [input, weight, bias], test.attributes).output()
    let extents = (0..<3).map { axis in
      let span = (test.kernel[axis] - 1) * test.dilations[axis] + 1
      return (test.input[axis] + test.pads[axis] + test.pads[3 + axis] - span) / test.strides[axis] + 1
    }
    #expect(output.shape == [test.batch, test.groups * test.groupOut] + test.tail(extents))
    #expect(output.floats == naive(test, input.floats, weight.floats, bias.floats, output: extents))
  }

  /// The columns of this convolution fill several pieces, in rows and within one long row.
  @Test(arguments: [([1, 256, 30, 30], [1, 256, 5, 5]), ([1, 512, 1, 1500], [1, 512, 1, 9])])
  func convolutionInPiecesEqualsNestedSums(_ shapes: (input: [Int], weight: [Int])) throws {
    let test = WindowCase(
      batch: 1, groupIn: shapes.input[1], groupOut: shapes.weight[0], input: [1] + shapes.input[2...],
      kernel: [1] + shapes.weight[2...], pads: [0, 0, 1, 0, 0, 1])
    let input = smallWholes(shapes.input, seed: 4)
    let weight = smallWholes(shapes.weight, seed: 5)
    let output = try OperatorCase("Conv", [input, weight], test.attributes).output()
    let bias = [Float](repeating: 0, count: shapes.weight[0])
    // Sums of at most 6,400 products of at most 16 stay below 2^24, so they are exact in any order.
    #expect(output.floats == naive(test, input.floats, weight.floats, bias, output: [1] + output.shape[2...]))
  }

  /// Each output is what the inputs that touch it add to it: the transposed sum of Conv's contacts.
  @Test(arguments: windowCases.indices)
  func transposedConvolutionEqualsNestedSums(_ index: Int) throws {
    var test = windowCases[index]
    // Here the case's input is the operator's output; its extents follow from the operator's input.
    let source = [test.rank > 2 ? 3 : 1, test.rank > 1 ? 4 : 1, 5]
    let padding = (0..<3).map { test.strides[$0] > 1 ? 1 : 0 }
    test.input = (0..<3).map { axis in
      let span = (test.kernel[axis] - 1) * test.dilations[axis] + 1
      return test.strides[axis] * (source[axis] - 1) + padding[axis] + span - test.pads[axis] - test.pads[3 + axis]
    }
    try #require(test.input.allSatisfy { $0 >= 1 })
    let (inChannels, outChannels) = (test.groups * test.groupIn, test.groups * test.groupOut)
    let input = smallWholes([test.batch, inChannels] + test.tail(source), seed: 6)
    let weight = smallWholes([inChannels, test.groupOut] + test.tail(test.kernel), seed: 7)
    let bias = smallWholes([outChannels], seed: 8)
    var attributes = test.attributes
    attributes["output_padding"] = .ints(test.tail(padding))
    let output = try OperatorCase("ConvTranspose", [input, weight, bias], attributes).output()
    #expect(output.shape == [test.batch, outChannels] + test.tail(test.input))
    let (inPlane, outPlane, taps) = (source.elementCount, test.input.elementCount, test.kernel.elementCount)
    var expected = [Float](repeating: 0, count: output.count)
    let (x, w, b) = (input.floats, weight.floats, bias.floats)
    for plane in 0..<test.batch * outChannels {
      for position in 0..<outPlane { expected[plane * outPlane + position] = b[plane % outChannels] }
    }
    for image in 0..<test.batch {
      for channel in 0..<inChannels {
        for part in 0..<test.groupOut {
          let target = (image * outChannels + channel / test.groupIn * test.groupOut + part) * outPlane
          test.forEachContact(output: source) { position, tap, reached in
            expected[target + reached] +=
              x[(image * inChannels + channel) * inPlane + position] * w[(channel * test.groupOut + part) * taps + tap]
          }
        }
      }
    }
    #expect(output.floats == expected)
  }

  @Test func outputShapeOfATransposedConvolutionChoosesThePads() throws {
    let input = floats([1, 1, 3], [1, 2, 3])
    let weight = floats([1, 1, 3], [1, 1, 1])
    // Uncropped, stride 2: 1 1 (1+2) 2 (2+3) 3 3. One element of 7 is cropped to reach 6.
    let cases: [(autoPad: String, expected: [Float])] = [
      ("SAME_UPPER", [1, 1, 3, 2, 5, 3]), ("SAME_LOWER", [1, 3, 2, 5, 3, 3]), ("NOTSET", [1, 3, 2, 5, 3, 3]),
    ]
    for (autoPad, expected) in cases {
      let output = try OperatorCase(
        "ConvTranspose", [input, weight],
        ["strides": .ints([2]), "output_shape": .ints([6]), "auto_pad": .string(autoPad)]
      ).output()
      #expect(output.floats == expected)
    }
    let longer = try OperatorCase(
      "ConvTranspose", [input, weight, floats([10])], ["strides": .ints([2]), "output_shape": .ints([9])]
    ).output()
    #expect(longer.floats == [11, 11, 13, 12, 15, 13, 13, 10, 10])
  }

  @Test func halfAndDoubleAreComputedInFloatAndRoundedOnce() throws {
    let input = smallWholes([1, 2, 4, 4], seed: 9)
    let weight = smallWholes([3, 2, 3, 3], seed: 10)
    let expected = try OperatorCase("Conv", [input, weight]).output()
    for dtype in [DType.float16, .float64, .bfloat16] {
      let output = try OperatorCase("Conv", [input.cast(to: dtype), weight.cast(to: dtype)]).output()
      #expect(output.dtype == dtype)
      // Sums of 18 products of at most 16 are exact in 11 bits for float16, and rounded alike in bfloat16.
      #expect(output.floats == expected.cast(to: dtype).floats)
    }
  }

  @Test func emptyBatchGivesAnEmptyOutput() throws {
    let output = try OperatorCase("Conv", [floats([0, 2, 4, 4], []), counting([3, 2, 3, 3])]).output()
    #expect(output.shape == [0, 3, 2, 2])
  }

  @Test func multiplyAccumulatesCountEveryTapOfEveryOutput() throws {
    func count(_ operatorCase: OperatorCase) throws -> Int {
      let infos = operatorCase.inputs.map { $0.map { ValueInfo($0) } }
      let op = try operatorCase.makeOperator()
      return op.multiplyAccumulates(infos, try op.inferOutputs(infos))
    }
    let grouped: [String: AttributeValue] = ["group": .int(2), "pads": .ints([1, 1, 1, 1])]
    let input = counting([2, 4, 5, 5])
    #expect(try count(OperatorCase("Conv", [input, counting([6, 2, 3, 3])], grouped)) == 2 * 6 * 25 * 2 * 9)
    #expect(try count(OperatorCase("ConvTranspose", [input, counting([4, 3, 3, 3])], grouped)) == 2 * 4 * 25 * 3 * 9)
    #expect(try count(OperatorCase("Gemm", [counting([3, 4]), counting([5, 4])], ["transB": .int(1)])) == 60)
    #expect(try count(OperatorCase("MatMul", [counting([2, 1, 3, 4]), counting([6, 4, 5])])) == 2 * 6 * 3 * 5 * 4)
    #expect(try count(OperatorCase("MatMul", [counting([4]), counting([4])])) == 4)
  }

  @Test func integerFormNamesTheWeightAndItsChannels() throws {
    let input: ValueInfo? = ValueInfo(dtype: .float32, shape: [1, 4, 5, 5])
    let weight: ValueInfo? = ValueInfo(counting([4, 4, 3, 3]))
    func form(_ name: String, _ group: Int, _ inputs: [ValueInfo?]) throws -> IntegerForm {
      let definition = NodeDefinition(opType: name, attributes: ["group": .int(group)], inputCount: 2)
      return try makeOperator(definition).integerForm(inputs)
    }
    #expect(try form("Conv", 1, [input, weight]) == .accumulate(weightInput: 1, channelAxis: 0))
    #expect(try form("ConvTranspose", 1, [input, weight]) == .accumulate(weightInput: 1, channelAxis: 1))
    guard case .floatOnly = try form("ConvTranspose", 2, [input, weight]) else {
      Issue.record("a grouped transposed weight has no one channel axis")
      return
    }
    guard case .floatOnly = try form("Conv", 1, [input, input]) else {
      Issue.record("a weight that is not constant has no scales")
      return
    }
  }

  @Test func wrongShapesAreErrors() {
    let input = counting([1, 4, 5, 5])
    let cases: [(OperatorCase, String)] = [
      (OperatorCase("Conv", [input, counting([2, 3, 3, 3])]), "channels"),
      (OperatorCase("Conv", [input, counting([3, 2, 3, 3])], ["group": .int(2)]), "groups"),
      (OperatorCase("Conv", [input, counting([2, 4, 3, 3])], ["group": .int(0)]), "no group"),
      (OperatorCase("Conv", [input, counting([2, 4, 6, 3])]), "kernel larger than the input"),
      (OperatorCase("Conv", [input, counting([2, 4, 3])]), "rank"),
      (OperatorCase("Conv", [counting([4, 5]), counting([2, 4])]), "no spatial axis"),
      (OperatorCase("Conv", [counting([1, 1, 1, 1, 1, 1]), counting([1, 1, 1, 1, 1, 1])]), "four spatial axes"),
      (OperatorCase("Conv", [input, counting([2, 4, 3, 3]), counting([3])]), "bias"),
      (OperatorCase("Conv", [input, counting([2, 4, 3, 3])], ["strides": .ints([1])]), "list length"),
      (OperatorCase("Conv", [input, counting([2, 4, 3, 3])], ["strides": .ints([0, 1])]), "stride 0"),
      (OperatorCase("Conv", [input, counting([2, 4, 3, 3])], ["dilations": .ints([1, -1])]), "negative dilation"),
      (OperatorCase("Conv", [input, counting([2, 4, 3, 3])], ["pads": .ints([0, -1, 0, 0])]), "negative pad"),
      (OperatorCase("Conv", [input, counting([2, 4, 3, 3])], ["kernel_shape": .ints([3, 2])]), "kernel_shape"),
      (OperatorCase("Conv", [input, counting([2, 4, 3, 3])], ["auto_pad": .string("SAME")]), "auto_pad"),
      (OperatorCase("Conv", [input, int64s([1])]), "weight type"),
      (OperatorCase("Conv", [input]), "no weight"),
      (OperatorCase("ConvTranspose", [input, counting([3, 2, 3, 3])]), "channels"),
      (OperatorCase("ConvTranspose", [input, counting([4, 2, 3, 3])], ["pads": .ints([9, 0, 9, 0])]), "all cropped"),
      (OperatorCase("ConvTranspose", [input, counting([4, 2, 3, 3])], ["output_shape": .ints([7])]), "output_shape"),
      (
        OperatorCase("ConvTranspose", [input, counting([4, 2, 3, 3])], ["output_padding": .ints([-1, 0])]), "padding"
      ),
    ]
    for (operatorCase, what) in cases {
      #expect(operatorCase.error() != nil, "\(what)")
      #expect(operatorCase.evaluationError() != nil, "\(what)")
    }
  }
}
