import HostTensors
import Operators
import TensorTypes
import Testing

@Suite struct RecurrentGradientTests {
  @Test(arguments: RecurrentCase.all + RecurrentCase.activated)
  func gradientsAreThoseOfDifferences(_ given: RecurrentCase) throws {
    try GradientCheck(given.opType, given.inputs, given.attributes, outputCount: given.outputCount).verify()
  }

  /// Each output alone, the others having no gradient.
  @Test(arguments: ["LSTM", "GRU", "RNN"], [0, 1, 2])
  func gradientsFlowThroughEachOutputAlone(_ opType: String, _ output: Int) throws {
    let given = RecurrentCase(
      opType: opType, direction: "bidirectional", hasInitialStates: true, lengths: [3, 4, 0])
    guard output < given.outputCount else { return }
    try GradientCheck(
      opType, given.inputs, given.attributes, outputCount: given.outputCount, reading: [output]
    ).verify()
  }
}

@Suite struct LayerNormalizationGradientTests {
  @Test(arguments: [1, -1, 0], [false, true])
  func gradientsAreThoseOfDifferences(_ axis: Int, _ hasBias: Bool) throws {
    let row = axis == 1 ? [4, 5] : axis == 0 ? [3, 4, 5] : [5]
    let inputs = [spread([3, 4, 5], seed: 1), spread(row, seed: 2), hasBias ? spread(row, seed: 3) : nil]
    try GradientCheck("LayerNormalization", inputs, ["axis": .int(axis)]).verify()
  }

  @Test func parametersThatBroadcastCollectTheirGradients() throws {
    let inputs = [spread([3, 4, 5], seed: 1), spread([4, 1], seed: 2), spread([5], seed: 3)]
    try GradientCheck("LayerNormalization", inputs, ["axis": .int(1), "epsilon": .float(0.01)]).verify()
    let scalar = [spread([3, 4, 5], seed: 1), spread([], seed: 2)]
    try GradientCheck("LayerNormalization", scalar, ["axis": .int(1), "epsilon": .float(0.01)]).verify()
  }

  /// Mean and InvStdDev come in float32, too coarse for differences: their gradients are worked out by hand,
  /// 1 / n and -InvStdDev^3 (x - mean) / n.
  @Test func gradientsFlowThroughTheStatistics() throws {
    let x: [Double] = [1, 2, 4, 9]
    let operatorCase = OperatorCase(
      "LayerNormalization", [Tensor(shape: [1, 4], elements: x), Tensor(shape: [4], elements: x)],
      ["epsilon": .float(0.5)], outputCount: 3)
    let pass = try TrainingPass(operatorCase, trained: [0, 1])
    let gradients = try pass.gradients(by: [0], [nil, floats([1, 1], [2]), floats([1, 1], [3])])
    // Mean 4; variance (9 + 4 + 0 + 25) / 4.
    let inverse = 1 / (9.5 + 0.5).squareRoot()
    for (value, found) in zip(x, try #require(gradients[0]).doubles) {
      #expect(abs(found - (2 / 4.0 - 3 * inverse * inverse * inverse * (value - 4) / 4)) < 1e-14)
    }
  }
}
