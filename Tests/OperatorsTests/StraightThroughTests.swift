import HostTensors
import Operators
import TensorTypes
import Testing

/// Gradients through rounding are not those of differences: they are held against the formulas of LSQ by hand.
@Suite struct StraightThroughTests {
  /// The gradients by x and by the scale of QuantizeLinear and DequantizeLinear together.
  private func gradients(
    _ x: Tensor, _ scale: Tensor, _ zeroPoint: Tensor, upstream: Tensor, axis: Int = 1
  ) throws -> (input: [Float], scale: [Float]) {
    let attributes: [String: AttributeValue] = ["axis": .int(axis)]
    let quantize = OperatorCase("QuantizeLinear", [x, scale, zeroPoint], attributes)
    let levels = try quantize.output()
    let back = try backward(OperatorCase("DequantizeLinear", [levels, scale, zeroPoint], attributes), upstream)
    let byLevel = try #require(back[0])
    let front = try backward(quantize, byLevel)
    let scales = zip(try #require(back[1]).floats, try #require(front[1]).floats).map { $0 + $1 }
    return (try #require(front[0]).floats, scales)
  }

  private func backward(_ operatorCase: OperatorCase, _ upstream: Tensor) throws -> [Tensor?] {
    guard case .flows(let rule) = try operatorCase.makeOperator().differentiation(operatorCase.inputs.infos) else {
      Issue.record("no gradient passes")
      return [nil, nil, nil]
    }
    return try rule.backward(
      BackwardCall(
        inputs: operatorCase.inputs, inputShapes: operatorCase.inputs.map { $0?.shape }, outputs: [nil], saved: [],
        outputGradients: [upstream], wants: [true, true, false]))
  }

  /// v = x / s = [-2, 0.6, 400, 1.2], levels 0...255: by s they give 0, 1 - 0.6, 255 and 1 - 1.2.
  @Test func unsignedLevelsFollowTheFormulasOfLSQ() throws {
    let result = try gradients(
      floats([-1, 0.3, 200, 0.6]), Tensor(scalar: Float(0.5)), Tensor(scalar: UInt8(0)), upstream: floats([1, 2, 3, 4]))
    #expect(result.input == [0, 2, 0, 4])
    #expect(abs(result.scale[0] - (2 * 0.4 + 3 * 255 - 4 * 0.2)) < 1e-4)
  }

  /// With a zero point of 10 the levels are -10...245: v = [-20, -3.25, 300].
  @Test func zeroPointsShiftTheLevels() throws {
    let result = try gradients(
      floats([-5, -0.8125, 75]), Tensor(scalar: Float(0.25)), Tensor(scalar: UInt8(10)), upstream: floats([1, 2, 4]))
    #expect(result.input == [0, 2, 0])
    #expect(abs(result.scale[0] - (-10 + 2 * 0.25 + 4 * 245)) < 1e-4)
  }

  /// Two channels with scales 1 and 2: v = [0.25, 2.5] and [-200, 1.75], int8.
  @Test func eachChannelHasTheGradientOfItsOwnScale() throws {
    let result = try gradients(
      Tensor(shape: [2, 2], elements: [0.25, 2.5, -400, 3.5] as [Float]), floats([1, 2]),
      Tensor(shape: [2], elements: [Int8(0), 0]), upstream: Tensor(shape: [2, 2], elements: [1, 1, 1, 2] as [Float]),
      axis: 0)
    #expect(result.input == [1, 1, 0, 2])
    #expect(result.scale == [-0.25 - 0.5, -128 + 2 * 0.25])
  }

  @Test func blocksHaveNoGradient() throws {
    let blocked = OperatorCase(
      "QuantizeLinear", [floats([1, 2]), floats([1]), Tensor(shape: [1], elements: [UInt8(0)])],
      ["axis": .int(0), "block_size": .int(2)])
    guard case .stops = try blocked.makeOperator().differentiation(blocked.inputs.infos) else {
      Issue.record("a gradient passes through blocks")
      return
    }
  }
}
