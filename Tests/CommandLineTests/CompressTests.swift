import Foundation
import Testing

/// `pare compress`: what it does again and what not, how it ends, and what it says of recipes that are wrong.
struct CompressTests {
  /// The first 2,000 of the test images teach, the last 500 test.
  private static func folder(_ recipe: String) throws -> ScratchFolder {
    let folder = try ScratchFolder()
    let digits = Pare.file("models/data/mnist/t10k")
    func data(_ range: String) -> String {
      """
      inputs: \(digits)-images-idx3-ubyte.gz
      labels: \(digits)-labels-idx1-ubyte.gz
      range: \(range)
      preprocess: { layout: NCHW, scale: 0.00392156862745098 }

      """
    }
    try folder.write(data("[0, 2000]").utf8, to: "data.yaml")
    try folder.write(data("[9500, 10000]").utf8, to: "test.yaml")
    try folder.write(data("[0, 100]").utf8, to: "calibration.yaml")
    try folder.write(
      """
      network: { input: [1, 28, 28], layers: [dense: { units: 16, activation: relu }, dense: 10, softmax] }
      data: { train: data.yaml }
      loss: cross_entropy
      optimizer: { adam: { learning_rate: 0.003 } }
      epochs: 3

      """.utf8, to: "train.yaml")
    try folder.write(recipe.utf8, to: "recipe.yaml")
    return folder
  }

  private static func recipe(_ quantize: String, gates: String = "") -> String {
    """
    data: { train: data.yaml, test: test.yaml, calibration: calibration.yaml }
    stages:
      - train: { recipe: train.yaml }
      - quantize: \(quantize)
    \(gates)

    """
  }

  @Test func stagesAreNotDoneAgainUntilWhatTheyDependOnChanges() throws {
    let folder = try Self.folder(Self.recipe("{ method: minmax }"))
    let first = try Pare.run("compress", "recipe.yaml", "-o", "out", in: folder)
    try #require(first.status == 0, "\(first.errors)")
    #expect(!first.errors.contains("done before"))
    let model = try folder.bytes("out/model.pare")
    #expect(try folder.bytes("out/2-quantize.pare") == model)

    let second = try Pare.run("compress", "recipe.yaml", "-o", "out", in: folder)
    #expect(second.errors.components(separatedBy: "done before").count == 3, "\(second.errors)")
    #expect(try folder.bytes("out/model.pare") == model)

    // Another option of the second stage leaves the first as it is.
    try folder.write(Self.recipe("{ method: mse }").utf8, to: "recipe.yaml")
    let third = try Pare.run("compress", "recipe.yaml", "-o", "out", in: folder)
    #expect(third.errors.contains("stage 1/2, done before") && !third.errors.contains("stage 2/2, done before"))

    // A damaged result is made again, and what follows from it stands.
    let network = try folder.bytes("out/1-train.onnx")
    try folder.write(network.dropLast(7), to: "out/1-train.onnx")
    let fourth = try Pare.run("compress", "recipe.yaml", "-o", "out", in: folder)
    #expect(!fourth.errors.contains("stage 1/2, done before") && fourth.errors.contains("stage 2/2, done before"))
    #expect(try folder.bytes("out/1-train.onnx") == network)

    // Other data, which a DATA file names, are another input.
    let data = String(decoding: try folder.bytes("data.yaml"), as: UTF8.self)
    try folder.write(data.replacingOccurrences(of: "2000", with: "1900").utf8, to: "data.yaml")
    let fifth = try Pare.run("compress", "recipe.yaml", "-o", "out", in: folder)
    #expect(!fifth.errors.contains("done before"))
  }

  @Test(arguments: [
    ("max_bytes: 100", 5, "bytes"), ("max_latency_us: 0.001", 5, "latency"), ("max_bytes: 1000000", 0, ""),
  ])
  func gatesDecideTheExitCode(gate: String, status: Int32, word: String) throws {
    let folder = try Self.folder(Self.recipe("{ method: minmax }", gates: "gates: { \(gate) }"))
    let outcome = try Pare.run("compress", "recipe.yaml", "-o", "out", "--json", in: folder)
    #expect(outcome.status == status, "\(outcome.errors)")
    #expect(word.isEmpty || outcome.errors.contains(word))
    // The figures are told either way.
    let stages = try #require(try outcome.json["stages"] as? [[String: Any]])
    #expect(stages.map { $0["name"] as? String } == ["1-train", "2-quantize"])
    let figures = try #require(stages[1]["figures"] as? [String: Any])
    #expect(try figures["packed_bytes"] as? Int == folder.bytes("out/model.pare").count)
    let ratio = try #require(try outcome.json["ratio"] as? Double)
    let parameters = Double(785 * 16 + 17 * 10)
    #expect(try abs(ratio - 4 * parameters / Double(folder.bytes("out/model.pare").count)) < 1e-9)
  }

  @Test func accuracyThatFellIsAGate() throws {
    // Ranges that cut half of what flows lose more than nothing.
    let folder = try Self.folder(Self.recipe("{ method: minmax }", gates: "gates: { max_accuracy_drop: 0 }"))
    let outcome = try Pare.run(
      "compress", "recipe.yaml", "-o", "out", "--set", "stages.1.quantize={method: percentile, percentile: 51}",
      in: folder)
    #expect(outcome.status == 4, "\(outcome.errors)")
    #expect(outcome.errors.contains("accuracy fell by"))
  }

  /// Every kind of stage that trains, elsewhere and on another number of threads.
  @Test func theSameSeedGivesTheSameFile() throws {
    let folder = try Self.folder(
      """
      data: { train: data.yaml, test: test.yaml, calibration: calibration.yaml, validation: 0.1 }
      seed: 5
      stages:
        - train: { recipe: train.yaml, threads: 1 }
        - prune: { sparsity: 0.6, epochs: 1, threads: 1 }
        - distill: { epochs: 1, threads: 1 }
        - cluster: { bits: 4, epochs: 1, threads: 1 }
        - finetune: { epochs: 1, threads: 1 }
        - quantize: { weight_bits: 5, train: true, epochs: 1 }

      """)
    let text = String(decoding: try folder.bytes("recipe.yaml"), as: UTF8.self)
    try folder.write(text.replacingOccurrences(of: "threads: 1", with: "threads: 3").utf8, to: "threads.yaml")
    try folder.write(text.replacingOccurrences(of: "seed: 5", with: "seed: 6").utf8, to: "seed.yaml")
    for (recipe, out) in [("recipe", "a"), ("recipe", "b"), ("threads", "c"), ("seed", "d")] {
      let outcome = try Pare.run("compress", "\(recipe).yaml", "-o", out, in: folder)
      try #require(outcome.status == 0, "\(outcome.errors)")
      #expect(!outcome.errors.contains("done before"))
    }
    let stages = ["1-train", "2-prune", "3-distill", "4-cluster", "5-finetune", "6-quantize"]
    for file in stages.flatMap({ ["\($0).onnx", "\($0).pare"] }) + ["model.pare"] {
      let bytes = try folder.bytes("a/\(file)")
      #expect(try bytes == folder.bytes("b/\(file)"), "\(file) again")
      #expect(try bytes == folder.bytes("c/\(file)"), "\(file) on three threads")
    }
    #expect(try folder.bytes("a/model.pare") != folder.bytes("d/model.pare"), "another seed gives another file")
  }

  @Test(arguments: [
    ("stages: [prun: {}]", 2, "did you mean prune"),
    (
      "stages: [train: { recipe: train.yaml }, quantize: { metod: mse }]", 2,
      "stage 2 (quantize): Unknown option '--metod'"
    ),
    ("stages: [train: {}]", 2, "needs 'recipe'"),
    ("stages: [train: { recipe: train.yaml }, train: { recipe: train.yaml }]", 2, "first stage"),
    ("stages: [train: { recipe: train.yaml, resume: true }]", 2, "which the pipeline sets"),
    ("stages: [train: { recipe: nowhere.yaml }]", 2, "nowhere.yaml"),
    ("stages: [train: { recipe: train.yaml }]\nbuild: [raspbery-pi-4]", 2, "raspberry-pi-4"),
  ])
  func whatIsWrongIsNamed(yaml: String, status: Int32, word: String) throws {
    let folder = try Self.folder(
      "data: { train: data.yaml, test: test.yaml, calibration: calibration.yaml }\n\(yaml)\n")
    let network = yaml.contains("train:") ? [] : ["--set", "network=\(Pare.model("dscnn-kws"))"]
    let outcome = try Pare.run(["compress", "recipe.yaml", "-o", "out"] + network, in: folder)
    #expect(outcome.status == status, "\(outcome.errors)")
    #expect(outcome.errors.contains(word), "\(outcome.errors)")
  }
}
