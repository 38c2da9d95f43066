import Foundation
import Testing

/// The figures of every subcommand: JSON keys that scripts may rely on, and that text is there for people.
struct FiguresTests {
  private func keys(_ outcome: Pare.Outcome, sourceLocation: SourceLocation = #_sourceLocation) throws -> [String: Any]
  {
    try #require(outcome.status == 0, "\(outcome.errors)", sourceLocation: sourceLocation)
    return try outcome.json
  }

  @Test func inspectCountsParametersOperatorsAndProducts() throws {
    let figures = try keys(try Pare.run("inspect", Pare.model("dscnn-kws"), "--json", in: ScratchFolder()))
    #expect(figures["parameters"] as? Int == 22_604)
    #expect(figures["macs"] as? Int == 2_656_768)
    let operators = try #require(figures["operators"] as? [String: Int])
    #expect(operators["Conv"] == 9)
    #expect(operators["Softmax"] == 1)
    let text = try Pare.run("inspect", Pare.model("dscnn-kws"), in: ScratchFolder())
    #expect(text.status == 0)
    #expect(text.output.contains("2,656,768"))
  }

  @Test func inspectListsTheStepsOfAPackedFile() throws {
    let folder = try ScratchFolder()
    try Fixtures.pack(in: folder)
    let figures = try keys(try Pare.run("inspect", "kws.pare", "--json", in: folder))
    let packed = try folder.bytes("kws.pare")
    #expect(figures["file_bytes"] as? Int == packed.count && figures["parameters"] as? Int == 22_604)
    let steps = try #require(figures["steps"] as? [[String: Any]])
    let operators = try #require(figures["operators"] as? [String: Int])
    #expect(operators.values.reduce(0, +) == steps.count && steps.count > 9)
    #expect(steps.reduce(0) { $0 + ($1["macs"] as? Int ?? 0) } == figures["macs"] as? Int)
    let text = try Pare.run("inspect", "kws.pare", in: folder)
    #expect(text.status == 0 && text.output.contains("\(steps[0]["kind"] as? String ?? "?")"))
    // Half of a file is refused as one, not as an ONNX model.
    try folder.write(packed.prefix(packed.count / 2), to: "half.pare")
    let half = try Pare.run("inspect", "half.pare", in: folder)
    #expect(half.status != 0 && half.errors.contains("half.pare") && !half.errors.contains("ONNX"))
  }

  @Test func doctorSaysWhatStaysFloat() throws {
    let figures = try keys(
      try Pare.run(
        "doctor", Pare.model("dscnn-kws"), "--target", "raspberry-pi-4", "--package", Pare.checkout.path, "--json",
        in: ScratchFolder()))
    let float = try #require(figures["stays_float"] as? [[String: Any]])
    #expect(float.count == 1)
    #expect(float[0]["op"] as? String == "Softmax")
    #expect(figures["target"] as? String == "raspberry-pi-4")
  }

  @Test func quantizeWritesWhatPackAndEvalRead() throws {
    let folder = try ScratchFolder()
    let plan = try keys(
      try Pare.run(
        "quantize", Pare.model("dscnn-kws"), "--calibration", Fixtures.kwsCalibration, "-o", "int8.onnx", "--json",
        in: folder))
    #expect(plan.count > 0)
    #expect(try folder.files == ["int8.onnx"])
    #expect(try Pare.run("pack", "int8.onnx", "-o", "kws.pare", in: folder).status == 0)
    let packed = try keys(try Pare.run("eval", "kws.pare", "--data", Fixtures.kwsData, "--json", in: folder))
    #expect(try #require(packed["accuracy"] as? Double) >= 0.894)
    #expect(try folder.files == ["int8.onnx", "kws.pare"])
  }

  @Test func evalHasEveryKeyAndNullWhereOneDoesNotApply() throws {
    let folder = try ScratchFolder()
    try Fixtures.pack(in: folder)
    let figures = try keys(try Pare.run("eval", "kws.pare", "--data", Fixtures.kwsData, "--json", in: folder))
    for key in ["samples", "accuracy", "top5", "macro_f1", "mse", "auc"] {
      #expect(figures.keys.contains(key), "\(key)")
    }
    #expect(figures["samples"] as? Int == 500)
    #expect(figures["mse"] is NSNull)
    #expect(figures["auc"] is NSNull)
    let classes = try #require(figures["classes"] as? [[String: Any]])
    #expect(classes.map { $0["name"] as? String }.prefix(3) == ["down", "go", "left"])
    let matrix = try #require(figures["confusion_matrix"] as? [[Int]])
    #expect(matrix.joined().reduce(0, +) == 500)
    let correct = matrix.indices.reduce(0) { $0 + matrix[$1][$1] }
    #expect(try #require(figures["accuracy"] as? Double) == Double(correct) / 500)
  }

  @Test func evalGivesTheErrorOfAReconstruction() throws {
    let folder = try ScratchFolder()
    let figures = try keys(
      try Pare.run(
        "eval", Pare.model("autoencoder-toyadmos"), "--data", Pare.file("models/autoencoder-toyadmos/data.yaml"),
        "--json", in: folder))
    #expect(figures["accuracy"] is NSNull)
    #expect(try #require(figures["mse"] as? Double) > 0)
  }

  @Test func packListsBytesAndSteps() throws {
    let folder = try ScratchFolder()
    let figures = try keys(try Pare.run("pack", Fixtures.kwsQuantized, "-o", "kws.pare", "--json", in: folder))
    for key in ["file_bytes", "weights_raw_bytes", "weights_entropy_bytes", "arena_bytes", "steps"] {
      #expect((figures[key] as? Int ?? 0) > 0, "\(key)")
    }
    #expect(try folder.bytes("kws.pare").count == figures["file_bytes"] as? Int)
    let text = try Pare.run("pack", Fixtures.kwsQuantized, "-o", "again.pare", "--steps", in: folder)
    #expect(text.output.contains("depthwise-int8"))
    #expect(try folder.bytes("again.pare") == folder.bytes("kws.pare"))
  }

  @Test func benchHasEveryKey() throws {
    let folder = try ScratchFolder()
    try Fixtures.pack(in: folder)
    let figures = try keys(
      try Pare.run(
        "bench", "kws.pare", "--runs", "5", "--profile", "--isa", "scalar", "--threads", "2", "--json", in: folder))
    let latency = try #require(figures["latency_us"] as? [String: Double])
    let ordered = try ["min", "p50", "p90", "p99"].map { try #require(latency[$0]) }
    #expect(ordered == ordered.sorted() && ordered[0] > 0)
    for key in ["load_us", "first_us", "peak_rss_bytes", "arena_bytes", "macs"] {
      #expect((figures[key] as? Double ?? 0) > 0, "\(key)")
    }
    #expect(figures["isa"] as? String == "scalar")
    #expect(figures["threads"] as? Int == 2)
    let steps = try #require(figures["steps"] as? [[String: Any]])
    #expect(steps.count == 14)
  }

  @Test func verifyListsEveryInstructionSetAndTellsADifference() throws {
    let folder = try ScratchFolder()
    try Fixtures.pack(in: folder)
    let figures = try keys(try Pare.run("verify", "kws.pare", "--json", in: folder))
    let runs = try #require(figures["runs"] as? [[String: Any]])
    #expect(runs.allSatisfy { $0["identical"] as? Bool == true })
    #expect(runs.last?["isa"] as? String == "scalar")
  }

  @Test func runGivesTheSameBytesForOnePackedFileAtAnyThreadCount() throws {
    let folder = try ScratchFolder()
    try Fixtures.pack(in: folder)
    try folder.write(NpyBytes.floats(shape: [1, 490], (0..<490).map { Float($0 % 23) - 11 }), to: "x.npy")
    for threads in ["1", "2"] {
      let outcome = try Pare.run(
        "run", "kws.pare", "--input", "x.npy", "--output", "y\(threads).npy", "--threads", threads, in: folder)
      try #require(outcome.status == 0, "\(outcome.errors)")
    }
    #expect(try folder.bytes("y1.npy") == folder.bytes("y2.npy"))
    let named = try Pare.run("run", "kws.pare", "--input", "input=x.npy", "--outputs", "all", in: folder)
    #expect(named.status == 0)
    #expect(try folder.bytes("all/Identity:0.npy") == folder.bytes("y1.npy"))
    let wrong = try Pare.run("run", "kws.pare", "--input", "y1.npy", "--output", "z.npy", in: folder)
    #expect(wrong.status == 2)
    #expect(wrong.errors.contains("y1.npy"))
    #expect(!(try folder.files.contains("z.npy")))
  }

  @Test func buildListsTheTargets() throws {
    let outcome = try Pare.run("build", "--list", "--package", Pare.checkout.path, in: ScratchFolder())
    #expect(outcome.status == 0)
    for id in [
      "x86-64", "raspberry-pi-3", "raspberry-pi-4", "raspberry-pi-5", "raspberry-pi-zero-2w", "rk3588", "imx8m-plus",
      "jetson-orin", "intel-n100", "visionfive-2",
    ] { #expect(outcome.output.contains(id + " "), "\(id)") }
  }

  /// A cross-build of the keyword spotter for x86-64: about a minute the first time.
  @Test func buildMakesOneExecutableWithTheModelInside() throws {
    let folder = try ScratchFolder()
    try Fixtures.pack(in: folder)
    let figures = try keys(
      try Pare.run(
        "build", "--target", "x86-64", "--model", "kws.pare", "-o", "app", "--package", Pare.checkout.path, "--json",
        in: folder))
    #expect(try folder.bytes("app").count == figures["executable_bytes"] as? Int)
    #expect(try folder.bytes("kws.pare").count == figures["model_bytes"] as? Int)
    #expect(figures["target"] as? String == "x86-64")
    #expect(figures["isa"] as? [String] == ["avx512vnni", "avx2"])
    #expect(try folder.files == ["app", "kws.pare"])
  }
}

/// NumPy files, format version 1.0.
enum NpyBytes {
  static func floats(shape: [Int], _ values: [Float]) -> [UInt8] {
    let extents = shape.map { "\($0), " }.joined()
    var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(extents)), }"
    header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
    let magic: [UInt8] = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]
    let length = UInt16(header.utf8.count)
    let data = values.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
    return magic + [UInt8(length & 255), UInt8(length >> 8)] + Array(header.utf8) + data
  }
}
