import Foundation
import Testing

/// Exit codes, what is said with them, and that a failure leaves no file behind.
///
/// 0 ok, 1 failure, 2 usage, 3 unsupported model, 4 accuracy gate, 5 size or latency gate, 6 outputs differ.
struct ExitCodeTests {
  private static let subcommands = [
    "inspect", "doctor", "quantize", "pack", "run", "eval", "bench", "build", "verify",
  ]

  @Test(arguments: subcommands)
  func helpExplainsEachSubcommand(_ name: String) throws {
    let folder = try ScratchFolder()
    let outcome = try Pare.run(name, "--help", in: folder)
    #expect(outcome.status == 0)
    #expect(outcome.errors == "")
    #expect(outcome.output.contains("OVERVIEW"))
    #expect(outcome.output.contains("USAGE: pare \(name)"))
  }

  @Test func helpListsEverySubcommandAndTheExitCodes() throws {
    let folder = try ScratchFolder()
    let outcome = try Pare.run("--help", in: folder)
    #expect(outcome.status == 0)
    for name in Self.subcommands { #expect(outcome.output.contains("  \(name) "), "\(name)") }
    let words = outcome.output.split { $0 == " " || $0 == "\n" }.joined(separator: " ")
    #expect(words.contains("3 unsupported model, 4 accuracy gate"))
    #expect(try Pare.run("--version", in: folder).output.contains("."))
  }

  @Test(arguments: subcommands)
  func anUnknownOptionIsAUsageError(_ name: String) throws {
    let folder = try ScratchFolder()
    let outcome = try Pare.run(name, "--no-such-option", in: folder)
    #expect(outcome.status == 2)
    #expect(outcome.output == "")
    #expect(outcome.errors.contains("--no-such-option") || outcome.errors.contains("Missing"))
  }

  @Test(arguments: ["inspect", "pack", "quantize", "eval", "bench", "verify", "doctor", "run"])
  func aMissingArgumentIsAUsageError(_ name: String) throws {
    #expect(try Pare.run(name, in: ScratchFolder()).status == 2)
  }

  @Test func anUnknownSubcommandIsAUsageError() throws {
    let outcome = try Pare.run("shrink", in: ScratchFolder())
    #expect(outcome.status == 2)
    #expect(outcome.errors.contains("shrink"))
  }

  @Test func valuesOutOfRangeAreUsageErrors() throws {
    let folder = try ScratchFolder()
    try Fixtures.pack(in: folder)
    let kws = Pare.model("dscnn-kws")
    let calls: [([String], says: String)] = [
      (["bench", "kws.pare", "--threads", "0"], "--threads"), (["bench", "kws.pare", "--isa", "sse9"], "--isa"),
      (["bench", Fixtures.kwsQuantized], ".pare"), (["inspect", kws, "--shape", "input"], "--shape"),
      (["inspect", kws, "--shape", "nothing=1,2"], "nothing"),
      (
        ["quantize", kws, "--calibration", Fixtures.kwsCalibration, "-o", "q.onnx", "--percentile", "7"], "--percentile"
      ),
      (["doctor", kws, "--target", "toaster", "--package", Pare.checkout.path], "toaster"),
      (["build", "--target", "toaster", "--package", Pare.checkout.path], "raspberry-pi-4"),
      (["run", "kws.pare", "--input", "x.npy"], "--output"),
    ]
    for call in calls {
      let outcome = try Pare.run(call.0, in: folder)
      #expect(outcome.status == 2, "\(call.0)")
      #expect(outcome.errors.contains(call.says), "\(call.0): \(outcome.errors)")
    }
    #expect(try folder.files == ["kws.pare"])
  }

  @Test func aMissingFileIsNamed() throws {
    let folder = try ScratchFolder()
    let calls = [
      ["inspect", "gone.onnx"], ["doctor", "gone.onnx"], ["pack", "gone.onnx", "-o", "out.pare"],
      ["quantize", "gone.onnx", "--calibration", Fixtures.kwsCalibration, "-o", "out.onnx"],
      ["quantize", Pare.model("dscnn-kws"), "--calibration", "gone.yaml", "-o", "out.onnx"],
      ["eval", "gone.pare", "--data", Fixtures.kwsData], ["eval", Fixtures.kwsQuantized, "--data", "gone.yaml"],
      ["bench", "gone.pare"], ["verify", "gone.pare"],
      ["run", "gone.pare", "--input", "x.npy", "--output", "out.npy"],
      ["run", Fixtures.kwsQuantized, "--input", "gone.npy", "--output", "out.npy"],
      ["build", "--target", "x86-64", "--model", "gone.pare", "-o", "out", "--package", Pare.checkout.path],
    ]
    for call in calls {
      let outcome = try Pare.run(call, in: folder)
      #expect(outcome.status == 1, "\(call): \(outcome.errors)")
      #expect(outcome.errors.contains("gone."), "\(call): \(outcome.errors)")
      #expect(outcome.output == "", "\(call)")
    }
    #expect(try folder.files == [])
  }

  @Test func anUnsupportedModelIsRefusedWithFileNodeAndReason() throws {
    let folder = try ScratchFolder()
    try folder.write(OnnxBytes.model(nodeName: "volume_7", operator: "Det"), to: "det.onnx")
    for call in [
      ["inspect", "det.onnx"], ["pack", "det.onnx", "-o", "out.pare"],
      ["quantize", "det.onnx", "--calibration", Fixtures.kwsCalibration, "-o", "out.onnx"],
      ["run", "det.onnx", "--input", "x.npy", "--output", "out.npy"],
      ["eval", "det.onnx", "--data", Fixtures.kwsData],
    ] {
      let outcome = try Pare.run(call, in: folder)
      #expect(outcome.status == 3, "\(call)")
      for part in ["det.onnx", "volume_7", "Det"] { #expect(outcome.errors.contains(part), "\(outcome.errors)") }
    }
    // The doctor reports rather than refuses to look, with the same code.
    #expect(try Pare.run("doctor", "det.onnx", in: folder).status == 3)
    #expect(try folder.files == ["det.onnx"])
  }

  @Test func damagedFilesAreUnsupportedModels() throws {
    let folder = try ScratchFolder()
    try Fixtures.pack(in: folder)
    try folder.write(try folder.bytes("kws.pare").prefix(5_000), to: "cut.pare")
    var flipped = try folder.bytes("kws.pare")
    flipped[flipped.count / 2] ^= 0x10
    try folder.write(flipped, to: "flipped.pare")
    try folder.write(
      Array(try Data(contentsOf: URL(fileURLWithPath: Fixtures.kwsQuantized))).prefix(3_000), to: "cut.onnx")
    try folder.write([], to: "empty.pare")
    let before = try folder.files
    for (call, says) in [
      (["verify", "cut.pare"], "cut.pare: is damaged"), (["bench", "flipped.pare"], "flipped.pare: is damaged"),
      (["eval", "empty.pare", "--data", Fixtures.kwsData], "empty.pare"),
      (["pack", "cut.onnx", "-o", "out.pare"], "cut.onnx: is not an ONNX model"),
      (
        ["build", "--target", "x86-64", "--model", "cut.pare", "-o", "out", "--package", Pare.checkout.path], "cut.pare"
      ),
      (
        ["quantize", Fixtures.kwsQuantized, "--calibration", Fixtures.kwsCalibration, "-o", "out.onnx"],
        "quantized already"
      ),
    ] {
      let outcome = try Pare.run(call, in: folder)
      #expect(outcome.status == 3, "\(call)")
      #expect(outcome.errors.contains(says), "\(outcome.errors)")
      #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    }
    #expect(try folder.files == before)
  }

  @Test func missedGatesHaveCodesOfTheirOwn() throws {
    let folder = try ScratchFolder()
    try Fixtures.pack(in: folder)
    let accuracy = try Pare.run(
      "eval", "kws.pare", "--data", Fixtures.kwsData, "--min-accuracy", "0.99", "--json", in: folder)
    #expect(accuracy.status == 4)
    #expect(accuracy.errors.contains("below the gate 0.99"))
    #expect(try accuracy.json["samples"] as? Int == 500, "the figures are there all the same")
    #expect(
      try Pare.run("eval", "kws.pare", "--data", Fixtures.kwsData, "--min-accuracy", "0.85", in: folder).status == 0)

    let size = try Pare.run("pack", Fixtures.kwsQuantized, "-o", "small.pare", "--max-size", "20000", in: folder)
    #expect(size.status == 5)
    #expect(size.errors.contains("20,000"))
    #expect(try folder.files == ["kws.pare"])
    #expect(
      try Pare.run("pack", Fixtures.kwsQuantized, "-o", "small.pare", "--max-size", "30000", in: folder).status == 0)

    let latency = try Pare.run("bench", "kws.pare", "--runs", "3", "--max-latency-us", "0.001", in: folder)
    #expect(latency.status == 5)
    #expect(try Pare.run("bench", "kws.pare", "--runs", "3", "--max-latency-us", "1e9", in: folder).status == 0)
  }

  @Test func aDifferenceFromTheGoldenVectorsHasACodeOfItsOwnAndNamesTheStep() throws {
    let folder = try ScratchFolder()
    try Fixtures.pack(in: folder)
    try folder.write(try WrongGoldenVectors.put(into: folder.bytes("kws.pare"), steps: 14), to: "wrong.pare")
    let outcome = try Pare.run("verify", "wrong.pare", "--json", in: folder)
    #expect(outcome.status == 6)
    #expect(outcome.errors.contains("wrong.pare"))
    #expect(outcome.errors.contains("step 0 (input_QuantizeLinear) differs"))
    let runs = try #require(try outcome.json["runs"] as? [[String: Any]])
    #expect(!runs.isEmpty && runs.allSatisfy { $0["identical"] as? Bool == false })
  }

  @Test func anOutputThatCannotBeWrittenIsNamed() throws {
    let folder = try ScratchFolder()
    let outcome = try Pare.run("pack", Fixtures.kwsQuantized, "-o", "no/such/folder/out.pare", in: folder)
    #expect(outcome.status == 1)
    #expect(outcome.errors.contains("no/such/folder/out.pare"))
    #expect(try folder.files == [])
  }
}
