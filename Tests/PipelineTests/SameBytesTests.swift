import Datasets
import Foundation
import HostTensors
import Measurement
import Testing

/// One file and one input give one output, however it is computed.
struct SameBytesTests {
  @Test(arguments: NetworkName.allCases, Precision.allCases)
  func everyInstructionSetAndThreadCountGivesTheSameOutputs(_ name: NetworkName, _ precision: Precision) async throws {
    let network = try await Networks.shared.prepared(name)
    let reference = try network.loaded(precision, instructionSet: "scalar")
    let data = try name.data()
    let samples = try [0, data.count - 1].map { try data.sample($0, shapedFor: reference.inputs[0].shape) }
    let expected = try samples.map { try reference.run([$0]).map(\.contents) }
    try #require(expected[0] != expected[1], "the samples must tell outputs apart")
    for isa in InstructionSets.available {
      for threads in 1...3 where isa != "scalar" || threads > 1 {
        let other = try network.loaded(precision, instructionSet: isa, threads: threads)
        let found = try samples.map { try other.run([$0]).map(\.contents) }
        #expect(found == expected, "\(isa), \(threads) threads")
      }
    }
  }

  @Test(arguments: NetworkName.allCases, Precision.allCases)
  func goldenVectorsHoldOnEveryInstructionSet(_ name: NetworkName, _ precision: Precision) async throws {
    let network = try await Networks.shared.prepared(name)
    for isa in InstructionSets.available {
      let result = try network.loaded(precision, instructionSet: isa).model.verify()
      #expect(result.isIdentical, "\(isa): \(result)")
    }
  }

  @Test(arguments: NetworkName.judged)
  func preparingTwiceGivesTheSameFiles(_ name: NetworkName) async throws {
    let first = try await Networks.shared.prepared(name)
    let second = try PreparedNetwork(name)
    #expect(first.float.bytes == second.float.bytes)
    #expect(first.int8.bytes == second.int8.bytes)
  }
}
