import Foundation
import Testing

/// `pare factorize` and `pare distill` as a user runs them, on the shipped classifier of digits.
struct DistillationCommandTests {
  private static let network = Pare.model("cntk-mnist")

  /// A hundred test images in the folder's `data.yaml`.
  private static func writeData(in folder: ScratchFolder, labels: Bool = true) throws {
    let images = Pare.file("models/data/mnist/t10k-images-idx3-ubyte.gz")
    let classes = Pare.file("models/data/mnist/t10k-labels-idx1-ubyte.gz")
    let text =
      "inputs: \(images)\n" + (labels ? "labels: \(classes)\n" : "") + "range: [0, 100]\npreprocess: { layout: NCHW }\n"
    try folder.write(text.utf8, to: labels ? "data.yaml" : "plain.yaml")
  }

  @Test func aFactorizedNetworkIsTaughtByTheOneItCameFrom() throws {
    let folder = try ScratchFolder()
    try Self.writeData(in: folder)
    try Self.writeData(in: folder, labels: false)
    let factorized = try Pare.run(
      "factorize", Self.network, "--macs", "0.6", "--test", "data.yaml", "-o", "small.onnx", "--json", in: folder)
    try #require(factorized.status == 0, "\(factorized.errors)")
    let figures = try #require(try factorized.json["factorization"] as? [String: Any])
    let (before, after) = (try #require(figures["macs"] as? Int), try #require(figures["macsAfter"] as? Int))
    #expect(after * 10 <= before * 6)
    let inspected = try Pare.run("inspect", "small.onnx", "--json", in: folder)
    #expect(try inspected.json["macs"] as? Int == after)

    let taught = try Pare.run(
      "distill", "--teacher", Self.network, "--student", "small.onnx", "--data", "plain.yaml", "--test", "data.yaml",
      "--epochs", "2", "--batch", "16", "-o", "taught.onnx", "--json", in: folder)
    try #require(taught.status == 0, "\(taught.errors)")
    #expect(try taught.json["alpha"] as? Double == 1)
    #expect(try taught.json["metric"] as? String == "accuracy")
    for key in ["teacher", "testBefore", "testAfter"] {
      let figures = try #require(try taught.json[key] as? [String: Any])
      #expect(figures["samples"] as? Int == 100)
    }
    #expect(try folder.files.contains("teacher-answers") && folder.files.contains("taught.onnx"))
  }

  @Test func wrongNamesAndMissingStudentsAreUsageErrors() throws {
    let folder = try ScratchFolder()
    try Self.writeData(in: folder)
    let begin = ["distill", "--teacher", Self.network, "--data", "data.yaml", "-o", "out.onnx"]
    let noStudent = try Pare.run(begin, in: folder)
    #expect(noStudent.status == 2 && noStudent.errors.contains("--student"))
    let noTensor = try Pare.run(begin + ["--student", Self.network, "--match", "nowhere=nowhere"], in: folder)
    #expect(noTensor.status == 2 && noTensor.errors.contains("no tensor 'nowhere'"))
    let tooLittle = try Pare.run("factorize", Self.network, "--macs", "0.001", "-o", "out.onnx", in: folder)
    #expect(tooLittle.status == 2 && tooLittle.errors.contains("cannot be reached"))
    #expect(try folder.files == ["data.yaml"])
  }
}
