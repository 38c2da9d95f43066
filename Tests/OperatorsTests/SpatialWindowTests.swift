import HostTensors
import Operators
import TensorTypes
import Testing

@Suite struct SpatialWindowTests {
  private func window(
    _ attributes: [String: AttributeValue], input: [Int], kernel: [Int]? = nil
  ) throws(OperatorError) -> SpatialWindow {
    let definition = NodeDefinition(opType: "Conv", attributes: attributes, inputCount: 2)
    return try WindowAttributes(definition).resolved(input: input, kernel: kernel)
  }

  @Test(arguments: [
    // input, kernel, stride, dilation, auto_pad, then: pads, output (ONNX Conv)
    (7, 3, 1, 1, "SAME_UPPER", [1, 1], 7), (7, 2, 1, 1, "SAME_UPPER", [0, 1], 7),
    (7, 2, 1, 1, "SAME_LOWER", [1, 0], 7),
    (7, 3, 2, 1, "SAME_UPPER", [1, 1], 4), (8, 3, 2, 1, "SAME_UPPER", [0, 1], 4),
    (8, 3, 2, 1, "SAME_LOWER", [1, 0], 4),
    (7, 3, 1, 2, "SAME_UPPER", [2, 2], 7), (6, 1, 3, 1, "SAME_UPPER", [0, 0], 2), (7, 3, 2, 1, "VALID", [0, 0], 3),
    (8, 3, 2, 2, "VALID", [0, 0], 2),
  ])
  func autoPadChoosesPadsAndExtent(
    _ input: Int, _ kernel: Int, _ stride: Int, _ dilation: Int, _ autoPad: String, _ pads: [Int], _ output: Int
  ) throws {
    let resolved = try window(
      ["auto_pad": .string(autoPad), "strides": .ints([stride]), "dilations": .ints([dilation])], input: [input],
      kernel: [kernel])
    #expect(resolved.pads == pads)
    #expect(resolved.outputExtents == [output])
  }

  @Test(arguments: [
    // input, kernel, stride, pads, floor, ceil: a window that would start in the end padding is dropped.
    (5, 2, 2, [0, 0], 2, 3), (6, 2, 2, [0, 0], 3, 3), (2, 1, 2, [0, 0], 1, 1), (4, 1, 2, [0, 1], 3, 2),
    (7, 3, 2, [1, 1], 4, 4), (6, 3, 2, [1, 1], 3, 4),
  ])
  func ceilModeAddsWindowsThatBeginInsideTheInput(
    _ input: Int, _ kernel: Int, _ stride: Int, _ pads: [Int], _ floor: Int, _ ceil: Int
  ) throws {
    for (mode, expected) in [(0, floor), (1, ceil)] {
      let resolved = try window(
        ["strides": .ints([stride]), "pads": .ints(pads), "ceil_mode": .int(mode)], input: [input], kernel: [kernel])
      #expect(resolved.outputExtents == [expected])
    }
  }

  @Test func ceilModeAdmitsAWindowThatOverhangsByLessThanAStride() throws {
    #expect(try window(["strides": .ints([2]), "ceil_mode": .int(1)], input: [4], kernel: [5]).outputExtents == [1])
    #expect(throws: OperatorError.self) {
      try window(["strides": .ints([1]), "ceil_mode": .int(1)], input: [4], kernel: [5])
    }
  }

  /// `taps` and `outputs` are two views of one relation: tap t of output o reads inside the input.
  @Test func tapsAndOutputsAgreeWithTheDefinition() throws {
    for (kernel, stride, dilation, begin, end) in [(3, 1, 1, 1, 1), (4, 3, 2, 5, 0), (2, 2, 5, 0, 4), (1, 4, 1, 0, 0)] {
      let axis = try window(
        ["strides": .ints([stride]), "dilations": .ints([dilation]), "pads": .ints([begin, end])], input: [9],
        kernel: [kernel]
      ).axes[0]
      for output in 0..<axis.output {
        for tap in 0..<kernel {
          let position = output * stride + tap * dilation - begin
          #expect(axis.taps(at: output).contains(tap) == (0..<9).contains(position))
          #expect(axis.outputs(touching: tap).contains(output) == (0..<9).contains(position))
          #expect(axis.paddedTaps(at: output).contains(tap) == (-begin..<9 + end).contains(position))
        }
      }
    }
  }

  @Test func attributesSurviveWriting() throws {
    let written: [String: AttributeValue] = [
      "kernel_shape": .ints([3, 2]), "strides": .ints([2, 1]), "dilations": .ints([1, 2]), "pads": .ints([1, 0, 0, 1]),
      "ceil_mode": .int(1),
    ]
    let first = try WindowAttributes(NodeDefinition(opType: "MaxPool", attributes: written, inputCount: 1))
    let again = try WindowAttributes(NodeDefinition(opType: "MaxPool", attributes: first.attributes, inputCount: 1))
    #expect(first == again)
    #expect(again.ceilMode && again.pads == [1, 0, 0, 1])
  }

  /// Numbers that a hostile file may write give errors or windows of bounded extent, never a trap.
  @Test func hostileNumbersNeverTrap() {
    let numbers = [Int.min, -1, 0, 1, 2, 1 << 24, 1 << 31, 1 << 62, Int.max]
    let names = ["Conv", "ConvTranspose", "MaxPool", "AveragePool"]
    var state: UInt64 = 12345
    func pick<T>(_ list: [T]) -> T {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return list[Int(state >> 33) % list.count]
    }
    var (errors, windows) = (0, 0)
    for _ in 0..<20_000 {
      var attributes: [String: AttributeValue] = ["auto_pad": .string(pick(AutoPad.allCases).rawValue)]
      for name in ["kernel_shape", "strides", "dilations", "output_padding", "output_shape"] where pick([true, false]) {
        attributes[name] = .ints([pick(numbers), pick([1, 2])])
      }
      if pick([true, false]) { attributes["pads"] = .ints([pick(numbers), 0, 0, pick(numbers)]) }
      attributes["ceil_mode"] = .int(pick([0, 1]))
      let name = pick(names)
      let isPool = name.hasSuffix("Pool")
      let shape = pick([
        [1, 2, 5, 5], [1, 2, Int.max, 1], [0, 2, 1 << 40, 1 << 40], [1, 0, 4, 4], [1, 2, 1 << 24, 3],
      ])
      let inputs: [ValueInfo?] = [
        ValueInfo(dtype: .float32, shape: shape),
        ValueInfo(dtype: .float32, shape: [2, 2, pick([1, 3, 1 << 24, Int.max]), pick([1, 0, 2])]),
      ]
      do throws(OperatorError) {
        let definition = NodeDefinition(
          opType: name, attributes: attributes, inputCount: isPool ? 1 : 2, outputCount: 1)
        let op = try makeOperator(definition)
        let outputs = try op.inferOutputs(isPool ? [inputs[0]] : inputs)
        #expect(outputs[0].shape.allSatisfy { $0 >= 0 })
        #expect(op.multiplyAccumulates(inputs, outputs) >= 0)
        windows += 1
      } catch {
        errors += 1
      }
    }
    #expect(errors > 0 && windows > 0)
  }

  /// What inference admits, evaluation computes within its tensors: meant to run under AddressSanitizer too.
  @Test(arguments: ["Conv", "ConvTranspose", "MaxPool", "AveragePool"])
  func admittedWindowsEvaluate(_ name: String) throws {
    var state: UInt64 = 54321
    func pick<T>(_ list: [T]) -> T {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return list[Int(state >> 33) % list.count]
    }
    let few = [1, 2, 3, 5, 40]
    let isPool = name.hasSuffix("Pool")
    var evaluated = 0
    for round in 0..<400 {
      let kernel = [pick([1, 2, 3, 4]), pick([1, 2, 5])]
      var attributes: [String: AttributeValue] = [
        "kernel_shape": .ints(kernel), "strides": .ints([pick(few), pick(few)]),
        "dilations": .ints([pick(few), pick(few)]), "ceil_mode": .int(pick([0, 1])), "count_include_pad": .int(1),
        "auto_pad": .string(pick(AutoPad.allCases).rawValue),
      ]
      if pick([true, false]) { attributes["pads"] = .ints((0..<4).map { _ in pick([0, 1, 2, 7, 30]) }) }
      if pick([true, false]) { attributes["output_shape"] = .ints([pick(few), pick(few)]) }
      let input = smallWholes([1, 2, pick([1, 4, 7]), pick([1, 6, 9])], seed: UInt64(round))
      let weight = smallWholes([2, pick([1, 2])] + kernel, seed: 1)
      let operatorCase = OperatorCase(name, isPool ? [input] : [input, weight], attributes)
      if operatorCase.error() != nil { continue }
      #expect(try operatorCase.output().floats.allSatisfy(\.isFinite))
      evaluated += 1
    }
    #expect(evaluated > 10)
  }
}
