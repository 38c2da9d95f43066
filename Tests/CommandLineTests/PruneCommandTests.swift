import Foundation
import Testing

/// `pare prune` as a user runs it: what it reports, and what it says of what cannot be.
struct PruneCommandTests {
  @Test func figuresAreThoseOfTheFile() async throws {
    let folder = try await PassNetworks.shared.freshFolder()
    let outcome = try Pare.run(
      "prune", "start.onnx", "--sparsity", "0.5", "--layer", "conv1.weight=0", "--test", "test.yaml", "-o",
      "pruned.onnx", "--json", in: folder)
    try #require(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors == "")
    let pruning = try #require(try outcome.json["pruning"] as? [String: Any])
    let layers = try #require(pruning["layers"] as? [[String: Any]])
    let network = try StoredNetwork(folder.url.appendingPathComponent("pruned.onnx"))
    #expect(layers.map { $0["name"] as? String } == network.weights.map(\.name))
    for (layer, weight) in zip(layers, network.weights) {
      let zeros = weight.elements.count { $0 == 0 }
      #expect(layer["zerosBefore"] as? Int == 0 && layer["zerosAfter"] as? Int == zeros)
      #expect(layer["weights"] as? Int == weight.elements.count && layer["shape"] as? [Int] == weight.shape)
      let sparsity = try #require(layer["sparsity"] as? Double)
      #expect(abs(sparsity - Double(zeros) / Double(weight.elements.count)) < 1e-12)
      let isExcluded = weight.name == "conv1.weight"
      #expect(layer["isExcluded"] as? Bool == isExcluded && (layer["threshold"] == nil) == isExcluded)
      // What stays is no nearer to zero than what went.
      let least = weight.elements.filter { $0 != 0 }.map { abs($0) }.min() ?? 0
      if let threshold = layer["threshold"] as? Double { #expect(Double(least) >= threshold) }
    }
    #expect(try outcome.json["metric"] as? String == "accuracy")
    for key in ["testBefore", "testAfter"] {
      let test = try #require(try outcome.json[key] as? [String: Any])
      let file = key == "testBefore" ? "start.onnx" : "pruned.onnx"
      let judged = try Pare.run("eval", file, "--data", "test.yaml", "--json", in: folder)
      #expect(try test["metric"] as? Double == judged.json["accuracy"] as? Double)
    }
  }

  @Test func trainingIsReportedBesidePruning() async throws {
    let folder = try await PassNetworks.shared.freshFolder()
    let outcome = try Pare.run(
      "prune", "start.onnx", "--sparsity", "0.8", "--data", "train.yaml", "--epochs", "2", "-o", "pruned.onnx",
      "--json", in: folder)
    try #require(outcome.status == 0, "\(outcome.errors)")
    let pruning = try #require(try outcome.json["pruning"] as? [String: Any])
    let (zeros, weights) = (pruning["zerosAfter"] as? Int ?? 0, pruning["weights"] as? Int ?? 0)
    #expect(zeros == Int((0.8 * Double(weights)).rounded()))
    #expect((try outcome.json["training"] as? [String: Any])?["epochs"] as? Int == 2)
    #expect(try !folder.files.contains { $0.hasSuffix(".checkpoint") })
  }

  @Test func channelsAreReportedAndAddUp() async throws {
    let folder = try await PassNetworks.shared.freshFolder()
    let outcome = try Pare.run(
      "prune", "start.onnx", "--channels", "--macs", "0.5", "-o", "cut.onnx", "--json", in: folder)
    try #require(outcome.status == 0, "\(outcome.errors)")
    let channels = try #require(try outcome.json["channels"] as? [String: Any])
    func macs(_ value: Any?) -> Int { (value as? [String: Any])?["macs"] as? Int ?? -1 }
    let saved = (channels["groups"] as? [[String: Any]] ?? []).reduce(0) { $0 + macs($1["saved"]) }
    #expect(macs(channels["before"]) - saved == macs(channels["after"]))
    let inspected = try Pare.run("inspect", "cut.onnx", "--json", in: folder)
    #expect(try inspected.json["macs"] as? Int == macs(channels["after"]))
    #expect(macs(channels["after"]) * 2 <= macs(channels["before"]))
  }

  @Test(arguments: [
    ("prune start.onnx", 2, "--sparsity: is missing"),
    ("prune start.onnx --sparsity 1", 2, "sparsity: expected 0 to below 1, found 1.0"),
    ("prune start.onnx --sparsity=-0.1", 2, "sparsity: expected 0 to below 1, found -0.1"),
    ("prune start.onnx --sparsity half", 2, "'half' is invalid for '--sparsity"),
    ("prune start.onnx --pattern 4:2", 2, "'4:2' is invalid for '--pattern"),
    ("prune start.onnx --pattern zebra --sparsity 0.5", 2, "'zebra' is invalid for '--pattern"),
    ("prune start.onnx --pattern 2:4 --sparsity 0.5", 2, "the pattern 2:4 sets its own"),
    ("prune start.onnx --sparsity 0.5 --layer nothing=0.2", 2, "there are: conv1.weight, conv2.weight"),
    ("prune start.onnx --sparsity 0.5 --layer conv1", 2, "--layer conv1: expected PATTERN=0.5"),
    ("prune start.onnx --sparsity 0.5 --layer *=0", 2, "leaves no weight to prune"),
    ("prune start.onnx --sparsity 0.5 --method movement", 2, "give --data"),
    ("prune start.onnx --sparsity 0.5 --scope sensitivity", 2, "give --data"),
    ("prune start.onnx --sparsity 0.5 --validation 0.1 --resume", 2, "--resume, --validation: only where"),
    ("prune gone.onnx --sparsity 0.5", 1, "gone.onnx: cannot be read"),
    ("prune gone.onnx --sparsity 0.5 --data train.yaml", 1, "gone.onnx: cannot be read"),
    ("prune start.onnx --sparsity 0.5 --data gone.yaml", 1, "gone.yaml: cannot be read"),
    ("prune start.onnx --sparsity 0.5 --test gone.yaml", 1, "gone.yaml: cannot be read"),
    ("prune train.yaml --sparsity 0.5", 3, "train.yaml: is not an ONNX model"),
    ("prune start.onnx --sparsity 0.5 --data KWS", 2, "expected samples of 784 numbers"),
    ("prune start.onnx --channels", 2, "expected one of --macs, --parameters, --bytes and --unused, found 0"),
    ("prune start.onnx --macs 0.5", 2, "want --channels"),
    ("prune start.onnx --channels --macs 0.5 --sparsity 0.5", 2, "are of single weights"),
    ("prune start.onnx --channels --macs 0.0001", 2, "cannot be reached; the least is 0.0"),
    ("prune start.onnx --channels --macs 2", 2, "expected a share above 0 and at most 1, found 2.0"),
    ("prune start.onnx --channels --macs 0.5 --importance taylor", 2, "give --data"),
    ("prune start.onnx --channels --macs 0.5 --importance bn_scale", 3, "take l2 or taylor"),
  ])
  func whatCannotBeIsNamedAndLeavesNoFile(call: String, status: Int32, says: String) async throws {
    let folder = try await PassNetworks.shared.freshFolder()
    try expectRefusal(call, status: status, says: says, in: folder)
  }
}

/// Runs `call`, in which KWS stands for data of another network, and expects its end.
func expectRefusal(_ call: String, status: Int32, says: String, in folder: ScratchFolder) throws {
  let before = try folder.files
  let arguments = call.split(separator: " ").map { $0 == "KWS" ? Fixtures.kwsData : String($0) }
  let outcome = try Pare.run(arguments + (arguments[0] == "blame" ? [] : ["-o", "out.onnx"]), in: folder)
  #expect(outcome.status == status, "\(call): \(outcome.errors)")
  #expect(outcome.errors.contains(says), "\(call): \(outcome.errors)")
  #expect(outcome.output == "")
  #expect(try folder.files == before, "\(call)")
}
