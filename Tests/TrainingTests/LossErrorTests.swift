import HostTensors
import Testing
import Training

/// What each loss refuses, and the facts it names.
@Suite struct LossErrorTests {
  private let outputs = Tensor(shape: [2, 3], elements: [1, 2, 3, 4, 5, 6] as [Float])

  private func expect(_ error: LossError, _ loss: Loss, _ outputs: Tensor, _ targets: Targets) {
    #expect(throws: error) { try loss.evaluate(outputs: outputs, targets: targets) }
  }

  private func values(_ shape: [Int], _ elements: [Float]) -> Targets {
    .values(Tensor(shape: shape, elements: elements))
  }

  @Test func shapesAndTypesAreChecked() {
    expect(.targetCount(expected: 2, found: 3), .crossEntropy(), outputs, .classes([0, 1, 2]))
    expect(.targetCount(expected: 6, found: 2), .binaryCrossEntropy(), outputs, .classes([0, 1]))
    expect(
      .targetShape(expected: [2, 3], found: [3, 2]), .meanSquaredError, outputs,
      values([3, 2], [Float](repeating: 0, count: 6)))
    expect(.classesNotTaken, .cosine, outputs, .classes([0, 1]))
    expect(.classesNotTaken, .distillation(temperature: 1), outputs, .classes([0, 1]))
    let flat = Tensor(shape: [6], elements: [1, 2, 3, 4, 5, 6] as [Float])
    expect(.outputShape([6], expected: "[B, C] or more axes"), .crossEntropy(), flat, .classes([0]))
    let empty = Tensor(shape: [0, 3], elements: [] as [Float])
    expect(.outputShape([0, 3], expected: "at least one element"), .crossEntropy(), empty, .classes([]))
    expect(.outputType(.int32), .meanSquaredError, Tensor(shape: [1], elements: [Int32(1)]), values([1], [1]))
    expect(.classWeightCount(expected: 3, found: 2), .crossEntropy(classWeights: [1, 1]), outputs, .classes([0, 1]))
  }

  @Test func targetsAreChecked() {
    expect(.classOutOfRange(row: 1, found: 3, classCount: 3), .crossEntropy(), outputs, .classes([0, 3]))
    expect(.classOutOfRange(row: 0, found: -1, classCount: 3), .crossEntropy(), outputs, .classes([-1, 0]))
    expect(
      .classOutOfRange(row: 5, found: 2, classCount: 2), .binaryCrossEntropy(), outputs, .classes([0, 1, 0, 1, 0, 2]))
    expect(
      .notAProbability(index: 1, found: 1.5), .binaryCrossEntropy(), outputs, values([2, 3], [0, 1.5, 0, 0, 0, 0]))
    expect(
      .notAProbability(index: 2, found: -0.5), .crossEntropy(), outputs, values([2, 3], [1, 0.5, -0.5, 1, 0, 0]))
    expect(.notADistribution(row: 1, sum: 0.75), .crossEntropy(), outputs, values([2, 3], [1, 0, 0, 0.5, 0.25, 0]))
    let poisoned = values([2, 3], [.nan, 0, 0, 0, 0, 0])
    #expect(throws: LossError.self) { try Loss.crossEntropy().evaluate(outputs: outputs, targets: poisoned) }
  }

  @Test(arguments: [
    (Loss.crossEntropy(labelSmoothing: 1), "labelSmoothing"), (.crossEntropy(labelSmoothing: .nan), "labelSmoothing"),
    (.crossEntropy(classWeights: [1, -1]), "classWeights"), (.binaryCrossEntropy(positiveWeight: 0), "positiveWeight"),
    (.distillation(temperature: 0), "temperature"), (.distillation(temperature: .infinity), "temperature"),
  ])
  func settingsOutOfRangeAreRefused(_ loss: Loss, _ name: String) throws {
    let error = #expect(throws: LossError.self) { try loss.check() }
    guard case .setting(let setting) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(setting.name == name)
  }
}
