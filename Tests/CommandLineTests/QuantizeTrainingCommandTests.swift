import Foundation
import Testing

/// `pare quantize --train`: what it keeps, and that an interruption changes nothing.
struct QuantizeTrainingCommandTests {
  private static func command(_ model: String, data: String = "train.yaml", epochs: Int, bits: Int) -> [String] {
    [
      "quantize", model, "--calibration", "calibration.yaml", "--weight-bits", "\(bits)", "--train", "--data",
      data, "--epochs", "\(epochs)", "--learning-rate", "0.003",
    ]
  }

  @Test(arguments: [8, 5, 4])
  func codebooksMoveAndStayCodebooks(_ bits: Int) async throws {
    let folder = try await PassNetworks.shared.folder(with: .cluster)
    let before = try StoredNetwork(folder.url.appendingPathComponent("cluster.onnx"))
    var networks: [StoredNetwork] = []
    // One step of training hardly moves what many do.
    for (epochs, rate) in [(1, "1e-9"), (2, "0.003")] {
      let name = "codebooks-\(bits)-\(epochs).onnx"
      let outcome = try Pare.run(
        Self.command("cluster.onnx", epochs: epochs, bits: bits).dropLast() + [rate, "-o", name, "--json"], in: folder)
      try #require(outcome.status == 0, "\(outcome.errors)")
      let nodes = try #require(try outcome.json["nodes"] as? [[String: Any]])
      let shared = nodes.compactMap { ($0["weight"] as? [String: Any])?["shared_values"] as? Int }
      #expect(shared == [8, 8, 8, 8])
      networks.append(try StoredNetwork(folder.url.appendingPathComponent(name)))
    }
    for (index, old) in before.weights.enumerated() {
      let scales = try networks.map { try #require($0.weights[index].scales) }
      for (network, scales) in zip(networks, scales) {
        let new = network.weights[index]
        #expect(new.values.count <= 8, "\(old.name)")
        #expect(Set(scales).count == 1, "\(old.name) has one scale for all channels")
        let pairs = Set(zip(old.elements, new.elements).map { [$0, $1] })
        #expect(pairs.count == 8, "\(old.name): each value became one integer")
      }
      #expect(networks[0].weights[index].elements != networks[1].weights[index].elements || scales[0] != scales[1])
    }
  }

  @Test func anInterruptedRunGoesOnToTheSameFile() async throws {
    let folder = try await PassNetworks.shared.freshFolder()
    func command(bits: Int) -> [String] {
      Self.command("start.onnx", data: "calibration.yaml", epochs: 150, bits: bits)
    }
    let whole = try Pare.run(command(bits: 4) + ["-o", "whole.onnx"], in: folder)
    try #require(whole.status == 0, "\(whole.errors)")

    let status = try Self.interrupt(command(bits: 4) + ["-o", "cut.onnx", "--log", "log.jsonl"], in: folder)
    try #require(status == 1, "it was interrupted before its end")
    #expect(try folder.files.contains("cut.onnx.checkpoint") && !folder.files.contains("cut.onnx"))

    let other = try Pare.run(
      command(bits: 5) + ["-o", "cut.onnx", "--resume"], in: folder)
    #expect(other.status == 1 && other.errors.contains("belongs to another run"), "\(other.errors)")
    let rest = try Pare.run(command(bits: 4) + ["-o", "cut.onnx", "--resume"], in: folder)
    try #require(rest.status == 0, "\(rest.errors)")
    #expect(try folder.bytes("cut.onnx") == folder.bytes("whole.onnx"))
    #expect(try !folder.files.contains("cut.onnx.checkpoint"))
  }

  /// Runs a command until its `log.jsonl` holds the first epoch, and gives the exit code.
  private static func interrupt(_ arguments: [String], in folder: ScratchFolder) throws -> Int32 {
    let process = try Pare.start(arguments, in: folder)
    while process.isRunning, try !folder.files.contains("log.jsonl") || folder.bytes("log.jsonl").isEmpty {
      Thread.sleep(forTimeInterval: 0.002)
    }
    process.interrupt()
    process.waitUntilExit()
    return process.terminationStatus
  }

  @Test(arguments: [
    ("--train", 2, "--train: wants --data"), ("--data train.yaml", 2, "--data: is for --train"),
    ("--train --data train.yaml --adaround", 2, "give one or the other"),
    ("--train --data train.yaml --correct-biases", 2, "give one or the other"),
    ("--train --data gone.yaml", 1, "gone.yaml: cannot be read"),
    ("--train --data KWS", 2, "expected samples of 784 numbers"),
    ("--train --data train.yaml --resume", 1, "out.onnx.checkpoint: cannot be read"),
    ("--resume --validation 0.1", 2, "--resume, --validation: only with --train"),
    ("--weight-bits 7", 2, "--weight-bits: expected 8, 6, 5 or 4, found 7"),
    ("--layer conv1=3", 2, "--layer conv1=3: expected PATTERN=8, 6, 5 or 4"),
    ("--adaround 0", 2, "--adaround"),
  ])
  func whatCannotBeIsNamedAndLeavesNoFile(options: String, status: Int32, says: String) async throws {
    let folder = try await PassNetworks.shared.freshFolder()
    try expectRefusal(
      "quantize start.onnx --calibration calibration.yaml \(options)", status: status, says: says, in: folder)
  }
}
