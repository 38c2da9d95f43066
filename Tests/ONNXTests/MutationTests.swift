import Foundation
import Graph
import HostTensors
import ONNX
import Operators
import Testing

/// Mutated files: typed errors or a graph, never a trap.
@Suite struct MutationTests {
  /// xorshift64*: the same mutations in every run.
  private struct Random {
    var state: UInt64
    mutating func next(below limit: Int) -> Int {
      state ^= state >> 12
      state ^= state << 25
      state ^= state >> 27
      return Int((state &* 0x2545_F491_4F6C_DD1D) >> 33) % limit
    }
  }

  /// A small network with every kind of field: attributes, raw and typed constants, symbolic extents.
  private static let seed: Data = {
    var model = TestModel.relu
    model.inputs = [value("x", [.symbol("n"), .fixed(2), .fixed(4), .fixed(4)])]
    model.outputs = [value("y", nil)]
    model.initializers = [
      tensor("w", 1, [3, 2, 3, 3]) { $0.packedFixed(9, (0..<54).map { Float($0) / 54 }) },
      tensor("b", 1, [3]) { $0.packedFixed(4, [Float(1), 2, 3]) },
      tensor("shape", 7, [2]) { $0.packedInts(7, [0, -1]) },
      tensor("m", 1, [12, 2]) { $0.packedFixed(9, (0..<24).map { Float($0) }) },
    ]
    let pads = attribute("pads", type: 7) { $0.packedInts(8, [1, 1, 0, 0]) }
    let strides = attribute("strides", type: 7) { $0.packedInts(8, [2, 2]) }
    let axis = attribute("axis", type: 2) { $0.int(3, 1) }
    model.nodes = [
      node("Conv", ["x", "w", "b"], ["c"], name: "conv", attributes: [pads, strides]),
      node("Relu", ["c"], ["r"], name: "relu"), node("Reshape", ["r", "shape"], ["f"], name: "flat"),
      node("MatMul", ["f", "m"], ["d"], name: "dense"), node("Softmax", ["d"], ["y"], name: "top", attributes: [axis]),
    ]
    return model.data
  }()

  private func mutated(_ seed: Data, _ random: inout Random) -> Data {
    var data = seed
    switch random.next(below: 4) {
    case 0:
      for _ in 0...random.next(below: 8) { data[random.next(below: data.count)] ^= 1 << UInt8(random.next(below: 8)) }
    case 1:
      data = data.prefix(random.next(below: data.count))
    case 2:
      let from = random.next(below: data.count)
      let piece = data[from..<min(data.count, from + 1 + random.next(below: 64))]
      data.insert(contentsOf: piece, at: random.next(below: data.count))
    default:
      // Ten-byte varints are the largest numbers there are.
      let at = random.next(below: data.count - 10)
      data.replaceSubrange(at..<at + 10, with: [UInt8](repeating: 0xFF, count: 9) + [0x01])
    }
    return data
  }

  @Test func theSeedComputes() throws {
    let (graph, _) = try simplified(importONNX(Self.seed))
    let found = try Evaluator(graph).run([Tensor(shape: [1, 2, 4, 4], repeating: Float(1))])
    #expect(found[0].shape == [1, 2])
    #expect(abs(found[0].floats.reduce(0, +) - 1) < 1e-6)  // a softmax, in float
  }

  /// As many as `make test` should spend a second on. PARE_MUTATIONS asks for more, and PARE_MUTATION_SEED names
  /// an ONNX file to start from.
  @Test func mutationsGiveErrorsOrGraphs() throws {
    let environment = ProcessInfo.processInfo.environment
    let count = environment["PARE_MUTATIONS"].flatMap { Int($0) } ?? 2000
    let seed = try environment["PARE_MUTATION_SEED"].map { try Data(contentsOf: URL(fileURLWithPath: $0)) } ?? Self.seed
    var random = Random(state: 0x9E37_79B9_7F4A_7C15)
    var accepted = 0
    for _ in 0..<count where compute(mutated(seed, &random)) { accepted += 1 }
    // Some mutations only change weights or names: a run in which none passed would test only the decoder.
    #expect(accepted > count / 50)
    #expect(accepted < count)
  }

  /// Whether the file is accepted; its graph is simplified, and evaluated where that is quick.
  private func compute(_ file: Data) -> Bool {
    guard let graph = try? importONNX(file), let (simple, _) = try? simplified(graph) else { return false }
    let inputs = simple.inputs.compactMap { simple[$0].info }
    let elements = inputs.reduce(0) { $0 + $1.shape.elementCount }
    if elements < 1 << 16 && simple.multiplyAccumulates < 1 << 24 {
      _ = try? Evaluator(simple).run(inputs.map { Tensor(shape: $0.shape, repeating: Float(0.5)) })
    }
    return true
  }
}
