import Foundation
import Testing

/// `pare blame` on what each kind of compression wrote.
struct BlameCommandTests {
  @Test(arguments: [
    (Pass.prune, "pruned", "share"), (.pruneTwoOfFour, "pruned", "share"), (.cluster, "sharedValues", "count"),
    (.quantizeToFourBits, "coarseWeights", "bits"),
  ])
  func causesAreThoseOfThePass(_ pass: Pass, _ cause: String, _ figure: String) async throws {
    let folder = try await PassNetworks.shared.folder(with: pass)
    let file = "\(pass.rawValue).onnx"
    let outcome = try Pare.run(
      "blame", "start.onnx", file, "--data", "test.yaml", "--samples", "30", "--json", in: folder)
    try #require(outcome.status == 0, "\(outcome.errors)")
    let report = try outcome.json
    #expect(report["samples"] as? Int == 30 && report["unmatched"] as? [String] == [])
    #expect(try #require(report["total"] as? Double) > 0)
    #expect(report["changedDecisions"] as? Int != nil)
    let layers = try #require(report["layers"] as? [[String: Any]])
    #expect(Set(layers.compactMap { $0["name"] as? String }) == ["conv1", "conv2", "dense1", "dense2"])
    // The one that loses most alone comes first.
    let alone = layers.compactMap { $0["alone"] as? Double }
    #expect(alone.count == 4 && alone == alone.sorted())
    let network = try StoredNetwork(folder.url.appendingPathComponent(file))
    for layer in layers {
      let name = try #require(layer["name"] as? String)
      let causes = try #require(layer["cause"] as? [String: [String: Any]])
      #expect(Array(causes.keys) == [cause], "\(name)")
      let weight = try #require(network.weight(named: "\(name).weight"))
      let expected: Double =
        switch cause {
        case "pruned": Double(weight.elements.count { $0 == 0 }) / Double(weight.elements.count)
        case "sharedValues": Double(weight.values.count)
        default: 4
        }
      let found = try #require(causes[cause]?[figure] as? Double)
      #expect(abs(found - expected) < 1e-12, "\(name)")
      #expect(layer["bits"] as? Int == (pass.quantizes ? 4 : nil))
      #expect(try !#require(layer["repairs"] as? [String]).isEmpty)
    }
  }

  @Test func aNetworkIsNotBlamedForWhatItIs() async throws {
    let folder = try await PassNetworks.shared.freshFolder()
    let outcome = try Pare.run("blame", "start.onnx", "start.onnx", "--data", "test.yaml", in: folder)
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("scores: same dB, 0 of 64 decisions changed"))
  }

  @Test func layersThatAreNotThereAreNamed() async throws {
    let folder = try await PassNetworks.shared.folder(with: .factorize)
    let outcome = try Pare.run("blame", "start.onnx", "factorize.onnx", "--data", "test.yaml", in: folder)
    #expect(outcome.status == 0)
    #expect(outcome.output.contains("not compared: conv1, conv2, dense1, dense2"))
  }

  @Test func theFloatNetworkComesFirst() async throws {
    let folder = try await PassNetworks.shared.folder(with: .quantize)
    let outcome = try Pare.run("blame", "quantize.onnx", "start.onnx", "--data", "test.yaml", in: folder)
    #expect(outcome.status == 3)
    #expect(outcome.errors.contains("quantize.onnx: is quantized already"), "\(outcome.errors)")
  }

  @Test(arguments: [
    ("blame start.onnx", 2, "'<compressed>'"), ("blame start.onnx start.onnx", 2, "--data"),
    ("blame start.onnx start.onnx --data test.yaml --samples 0", 2, "--samples: expected at least 1, found 0"),
    ("blame gone.onnx start.onnx --data test.yaml", 1, "gone.onnx: cannot be read"),
    ("blame start.onnx gone.onnx --data test.yaml", 1, "gone.onnx: cannot be read"),
    ("blame start.onnx start.onnx --data gone.yaml", 1, "gone.yaml: cannot be read"),
    ("blame start.onnx start.onnx --data KWS", 1, "490 elements, but the input [1, 1, 28, 28] takes 784"),
    ("blame start.onnx train.yaml --data test.yaml", 3, "train.yaml: is not an ONNX model"),
  ])
  func whatCannotBeIsNamed(call: String, status: Int32, says: String) async throws {
    let folder = try await PassNetworks.shared.freshFolder()
    try expectRefusal(call, status: status, says: says, in: folder)
  }
}
