import Foundation
import Graph
import HostTensors
import Measurement
import ONNX
import Packing
import Testing

/// Every pass after every other: what the first achieved still holds, or the second says why it cannot be done.
struct PassPairTests {
  @Test(arguments: Pass.allCases, Pass.allCases)
  func whatTheFirstPassAchievedHoldsAfterTheSecond(_ first: Pass, _ second: Pass) async throws {
    let folder = try await PassNetworks.shared.folder(with: first)
    let (model, output) = ("\(first.rawValue).onnx", "\(first.rawValue)-\(second.rawValue).onnx")
    let outcome = try Pare.run(second.command(model, output), in: folder)
    if let refusal = second.refusal(after: first) {
      #expect(outcome.status == 3)
      #expect(outcome.errors.contains("\(model): ") && outcome.errors.contains(refusal), "\(outcome.errors)")
      #expect(try !folder.files.contains(output))
      return
    }
    try #require(outcome.status == 0, "\(outcome.errors)")
    let before = try StoredNetwork(folder.url.appendingPathComponent(model))
    let after = try StoredNetwork(folder.url.appendingPathComponent(output))
    if second == .removeChannels {
      expectCut(before, after)
    } else {
      // Of a network that is not pruned or clustered; else it refuses.
      if second != .factorize { expectSameLayers(before, after) }
      if first.prunes { try expectZeros(before, after) }
      if first.clusters { try expectSharedValues(before, after) }
      if first.clusters && second == .cluster {
        #expect(zip(before.weights, after.weights).allSatisfy { $0.elements == $1.elements }, "there is nothing to do")
      }
    }
    if first == .pruneTwoOfFour && second != .removeChannels {
      #expect(after.weights.allSatisfy { $0.isSparse(2, of: 4) })
    }
    if let greatest = first.greatestLevel ?? second.greatestLevel {
      try after.expectConsistentIntegers(greatestLevel: greatest)
    }
    #expect(after.graph.multiplyAccumulates <= before.graph.multiplyAccumulates)
    try expectExchange(after, folder, output)
    try expectPacks(after, folder, output)
  }

  /// Each pass achieves what the pairs are to keep, or they would keep nothing.
  @Test(arguments: Pass.allCases)
  func eachPassAchievesSomethingToKeep(_ pass: Pass) async throws {
    let folder = try await PassNetworks.shared.folder(with: pass)
    _ = try await PassNetworks.shared.folder(with: .finetune)
    let start = try StoredNetwork(folder.url.appendingPathComponent("start.onnx"))
    let network = try StoredNetwork(folder.url.appendingPathComponent("\(pass.rawValue).onnx"))
    #expect(start.weights.allSatisfy { !$0.elements.contains(0) && $0.values.count > 150 && !$0.isSparse(2, of: 4) })
    let zeros = network.weights.reduce(0) { $0 + $1.elements.count { $0 == 0 } }
    let share = Double(zeros) / Double(network.weights.reduce(0) { $0 + $1.elements.count })
    let macs = Double(network.graph.multiplyAccumulates) / Double(start.graph.multiplyAccumulates)
    switch pass {
    case .prune: #expect(abs(share - 0.5) < 0.001)
    case .pruneInTraining: #expect(abs(share - 0.6) < 0.001)
    case .pruneTwoOfFour: #expect(network.weights.allSatisfy { $0.isSparse(2, of: 4) })
    case .removeChannels: #expect(macs <= 0.6)
    case .factorize: #expect(network.weights.count == 8 && macs < 0.9)
    case .cluster, .clusterAndTrain: #expect(network.weights.allSatisfy { $0.values.count == 1 << Pass.bits })
    case .quantize, .quantizeToFourBits, .quantizeInTraining:
      try network.expectConsistentIntegers(greatestLevel: try #require(pass.greatestLevel))
    case .distill, .finetune:
      expectSameLayers(start, network)
      #expect(zip(start.weights, network.weights).allSatisfy { $0.elements != $1.elements })
    }
  }

  /// What wins accuracy back for integers neither fills zeros nor parts shared values.
  @Test(arguments: [Pass.prune, .pruneTwoOfFour, .cluster], ["8", "4"])
  func repairsKeepWhatTheFirstPassAchieved(_ first: Pass, _ bits: String) async throws {
    let folder = try await PassNetworks.shared.folder(with: first)
    let output = "\(first.rawValue)-repaired-\(bits).onnx"
    let outcome = try Pare.run(
      [
        "quantize", "\(first.rawValue).onnx", "--calibration", "calibration.yaml", "--weight-bits", bits, "--equalize",
        "--adaround", "60", "--correct-biases", "-o", output, "--json",
      ], in: folder)
    try #require(outcome.status == 0, "\(outcome.errors)")
    let before = try StoredNetwork(folder.url.appendingPathComponent("\(first.rawValue).onnx"))
    let after = try StoredNetwork(folder.url.appendingPathComponent(output))
    try expectZeros(before, after)
    let equalization = try #require(try outcome.json["equalization"] as? [String: Any])
    let left = try #require(equalization["left"] as? [[String]])
    if first.clusters {
      try expectSharedValues(before, after)
      #expect(left == [["conv1", "conv2"], ["conv2", "dense1"], ["dense1", "dense2"]])
    } else {
      #expect(left.isEmpty)
    }
    try after.expectConsistentIntegers(greatestLevel: bits == "8" ? 127 : 7)
  }

  private func expectSameLayers(_ before: StoredNetwork, _ after: StoredNetwork) {
    #expect(before.weights.map(\.name) == after.weights.map(\.name))
    #expect(before.weights.map(\.shape) == after.weights.map(\.shape))
  }

  private func expectZeros(_ before: StoredNetwork, _ after: StoredNetwork) throws {
    for old in before.weights {
      let new = try #require(after.weight(named: old.name))
      let filled = zip(old.elements, new.elements).count { $0 == 0 && $1 != 0 }
      #expect(filled == 0, "\(old.name)")
    }
  }

  /// Weights that were equal are equal, but for those that a later pass made zero.
  private func expectSharedValues(_ before: StoredNetwork, _ after: StoredNetwork) throws {
    for old in before.weights {
      let new = try #require(after.weight(named: old.name))
      #expect(new.values.count <= 1 << Pass.bits, "\(old.name) has \(new.values.count) values")
      var valueOf: [Float: Float] = [:]
      let parted = zip(old.elements, new.elements).count { old, new in
        guard new != 0 else { return false }
        let first = valueOf[old] ?? new
        valueOf[old] = first
        return first != new
      }
      #expect(parted == 0, "\(old.name)")
    }
  }

  /// What remains of every layer are the weights and scales that it had: those of some outputs, in their order, and of
  /// the inputs that the layer before still gives.
  private func expectCut(_ before: StoredNetwork, _ after: StoredNetwork) {
    #expect(before.weights.map(\.name) == after.weights.map(\.name))
    var kept = [0]
    var count = 1
    for (old, new) in zip(before.weights, after.weights) {
      // A flattened channel is so many inputs.
      let plane = old.shape[1] / count
      let inputs = kept.flatMap { $0 * plane..<($0 + 1) * plane }
      #expect(new.shape[1] == inputs.count, "\(old.name)")
      guard new.shape[1] == inputs.count else { return }
      count = old.shape[0]
      var rest = ArraySlice(0..<count)
      kept = (0..<new.shape[0]).compactMap { output in
        let row = new.row(output, inputs: Array(0..<new.shape[1]))
        guard let place = rest.firstIndex(where: { old.row($0, inputs: inputs) == row }) else { return nil }
        rest = rest[(place + 1)...]
        return place
      }
      #expect(kept.count == new.shape[0], "\(old.name): outputs that it did not have")
    }
  }

  /// Written and read again it is the same network.
  private func expectExchange(_ network: StoredNetwork, _ folder: ScratchFolder, _ name: String) throws {
    let file = folder.hidden.appendingPathComponent(name)
    try exportONNX(network.graph, to: file)
    let again = try StoredNetwork(file)
    #expect(again.graph.description == network.graph.description)
    let (ours, theirs) = (network.graph.liveConstants(), again.graph.liveConstants())
    #expect(ours.count == theirs.count && !ours.isEmpty)
    for (a, b) in zip(ours, theirs) {
      let (a, b) = (try #require(network.graph[a].constant), try #require(again.graph[b].constant))
      #expect(a.dtype == b.dtype && a.withBytes { a in b.withBytes { a.elementsEqual($0) } })
    }
  }

  /// The packed file runs here as where it was packed, with every instruction set.
  private func expectPacks(_ network: StoredNetwork, _ folder: ScratchFolder, _ name: String) throws {
    let file = folder.hidden.appendingPathComponent("\(name).pare")
    try pack(simplified(network.graph).0).write(to: file)
    let runs = try HostVerification(path: file.path).run()
    #expect(!runs.isEmpty && runs.allSatisfy(\.identical), "\(runs)")
  }
}
