import HostTensors
import Operators
import TensorTypes
import Testing

/// Outputs and gradients are the same bytes for any number of threads.
@Suite(.serialized) struct ThreadInvarianceTests {
  /// Large enough that every one of them is shared among threads.
  static let cases = [
    OperatorCase("Conv", [values([13, 3, 29, 23], 1), values([10, 3, 5, 3], 2), values([10], 3)]),
    OperatorCase("Conv", [values([2, 16, 40, 41], 1), values([24, 16, 3, 3], 2)], ["pads": .ints([1, 1, 1, 1])]),
    OperatorCase("Conv", [values([5, 8, 40, 40], 1), values([8, 1, 3, 3], 2)], ["group": .int(8)]),
    OperatorCase(
      "ConvTranspose", [values([9, 6, 14, 15], 1), values([6, 8, 4, 4], 2), values([8], 3)],
      ["strides": .ints([2, 2])]),
    OperatorCase("Gemm", [values([70, 300], 1), values([500, 300], 2), values([500], 3)], ["transB": .int(1)]),
    OperatorCase("MatMul", [values([6, 90, 110], 1), values([6, 110, 130], 2)]),
    OperatorCase("MatMul", [values([12, 90, 110], 1), values([110, 330], 2)]),
    OperatorCase(
      "MaxPool", [values([16, 8, 33, 32], 1)], ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]),
    OperatorCase("MaxPool", [values([16, 8, 33, 32], 1)], ["kernel_shape": .ints([3, 3])]),
    OperatorCase("AveragePool", [values([16, 8, 33, 32], 1)], ["kernel_shape": .ints([3, 3])]),
    OperatorCase("GlobalAveragePool", [values([16, 8, 33, 32], 1)]),
    OperatorCase("GlobalMaxPool", [values([16, 8, 33, 32], 1)]),
    OperatorCase(
      "BatchNormalization",
      [values([16, 12, 21, 20], 1), values([12], 2), values([12], 3), values([12], 4), values([12], 5)]),
    OperatorCase("Dropout", [values([300, 301], 1)]),
    OperatorCase("Relu", [values([300, 301], 1)]),
    OperatorCase("Add", [values([300, 301], 1), values([301], 2)]),
  ]

  private static func values(_ shape: [Int], _ seed: UInt64) -> Tensor { spread(shape, seed: seed).cast(to: .float32) }

  @Test(arguments: cases) func outputsAndGradientsDoNotDependOnTheThreads(_ operatorCase: OperatorCase) throws {
    let usual = Parallel.threadCount
    defer { Parallel.threadCount = usual }
    let expected = try bytes(operatorCase, threads: 1)
    for threads in 2...3 {
      #expect(try bytes(operatorCase, threads: threads) == expected, "\(operatorCase.opType) on \(threads) threads")
    }
  }

  /// All outputs and all gradients, one after another.
  private func bytes(_ operatorCase: OperatorCase, threads: Int) throws -> [[UInt8]] {
    Parallel.threadCount = threads
    let op = try operatorCase.makeOperator()
    guard case .flows(let rule) = op.differentiation(operatorCase.inputs.infos) else { return [] }
    let pass = try TrainingPass(operatorCase, trained: rule.inputs)
    let upstream = pass.outputs.enumerated().map { spread($1.shape, seed: 9 + UInt64($0)).cast(to: .float32) }
    let present = Set(rule.inputs.filter { operatorCase.inputs.optional($0) != nil })
    let gradients = try pass.gradients(by: present, upstream)
    #expect(present.allSatisfy { gradients[$0] != nil })
    return (pass.outputs + gradients.compactMap(\.self)).map { $0.withBytes { Array($0) } }
  }
}
