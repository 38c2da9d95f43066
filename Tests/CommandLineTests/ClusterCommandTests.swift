import Foundation
import Testing

/// `pare cluster` as a user runs it.
struct ClusterCommandTests {
  @Test(arguments: [[], ["--data", "train.yaml", "--epochs", "1", "--learning-rate", "0.003"]])
  func figuresAreThoseOfTheFile(_ training: [String]) async throws {
    let folder = try await PassNetworks.shared.freshFolder()
    let outcome = try Pare.run(
      [
        "cluster", "start.onnx", "--bits", "3", "--layer", "dense*.weight=4", "--layer", "conv1.weight=0",
        "--bias-bits", "2",
      ]
        + training + ["-o", "shared.onnx", "--json"], in: folder)
    try #require(outcome.status == 0, "\(outcome.errors)")
    let layers = try #require(try outcome.json["layers"] as? [[String: Any]])
    let start = try StoredNetwork(folder.url.appendingPathComponent("start.onnx"))
    let network = try StoredNetwork(folder.url.appendingPathComponent("shared.onnx"))
    #expect(network.weights.map(\.values.count) == [200, 8, 16, 16])
    for (weight, old) in zip(network.weights, start.weights) {
      let layer = try #require(layers.first { $0["name"] as? String == weight.name })
      #expect(layer["distinct_after"] as? Int == weight.values.count)
      #expect(layer["distinct_before"] as? Int == old.values.count)
      #expect(layer["bits"] as? Int == [200: 0, 8: 3, 16: 4][weight.values.count])
      let error = try #require(layer["relative_error"] as? Double)
      #expect((error > 0.01) == (weight.name != "conv1.weight"))
    }
    let biases = layers.filter { ($0["name"] as? String)?.hasSuffix(".bias") == true }
    #expect(biases.count == 4 && biases.allSatisfy { $0["distinct_after"] as? Int == 4 })
    for bias in biases {
      let name = bias["name"] as? String
      let tensor = try #require(network.graph.values.first { $0.name == name }?.constant)
      #expect(Set(tensor.floats).count == 4, "\(name ?? "")")
    }
    #expect(try (outcome.json["training"] != nil) == !training.isEmpty)
    #expect(try folder.files.filter { $0.contains("shared.onnx") } == ["shared.onnx"])
  }

  @Test(arguments: [
    ("cluster start.onnx", 2, "'--bits <bits>'"), ("cluster start.onnx --bits 9", 2, "expected 1 to 8"),
    ("cluster start.onnx --bits 0", 2, "expected 1 to 8"),
    ("cluster start.onnx --bits 3 --layer conv1*=12", 2, "found 12"),
    ("cluster start.onnx --bits 3 --layer conv1*", 2, "--layer conv1*: expected PATTERN=4"),
    ("cluster start.onnx --bits 3 --layer head=4", 2, "there are conv1.weight, conv2.weight"),
    ("cluster start.onnx --bits 3 --resume --test test.yaml", 2, "--resume, --test: only where there is training"),
    ("cluster start.onnx --bits 3 --bias-bits 11 --data train.yaml", 2, "found 11"),
    ("cluster gone.onnx --bits 3", 1, "gone.onnx: cannot be read"),
    ("cluster start.onnx --bits 3 --data gone.yaml", 1, "gone.yaml: cannot be read"),
    ("cluster train.yaml --bits 3", 3, "train.yaml: is not an ONNX model"),
    ("cluster start.onnx --bits 3 --data KWS", 2, "start.onnx: expected samples of 784 numbers"),
  ])
  func whatCannotBeIsNamedAndLeavesNoFile(call: String, status: Int32, says: String) async throws {
    let folder = try await PassNetworks.shared.freshFolder()
    try expectRefusal(call, status: status, says: says, in: folder)
  }
}
