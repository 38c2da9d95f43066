import ArgumentParser
import Foundation
import Measurement
import Pipeline
import Targets
import Training

struct Compress: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Takes a network through a whole pipeline, from training to executables.",
    discussion: """
      The recipe lists stages: train, finetune, prune, distill, factorize, cluster, quantize, each with the options of \
      the command of that name. After each of them the network is packed, tested and timed. What an earlier run has \
      done is not done again unless its options, its files or this program have changed; after Ctrl-C the same \
      command goes on. The folder then holds every stage's .onnx, .pare and .json report, model.pare, and an executable \
      for each target under 'build'. docs/compression.md has every key.

        network: model.onnx            # or a first stage 'train'
        data: { train: train.yaml, test: test.yaml, calibration: calibration.yaml }
        stages:
          - prune: { sparsity: 0.9, epochs: 10 }
          - quantize: { weight_bits: 4, train: true, epochs: 3 }
        build: [raspberry-pi-4]
        gates: { max_accuracy_drop: 0.5, max_bytes: 20000, max_latency_us: 500 }

        pare compress recipe.yaml -o out
      """)

  @Argument(help: "The recipe's YAML file.") var recipe: String
  @Option(name: [.customShort("o"), .customLong("output")], help: "The folder for everything.") var folder: String
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Replace a value of the recipe, such as stages.0.prune.sparsity=0.95; may be repeated.", valueName: "key=value"))
  var overrides: [String] = []
  @OptionGroup var output: JSONOption

  func run() throws {
    Interruption.listen()
    let parsed: CompressionRecipe
    do throws(RecipeError) {
      var document = try RecipeDocument(contentsOf: recipe)
      for override in overrides { try document.apply(override) }
      parsed = try CompressionRecipe(document)
    } catch { throw CommandFailure("\(error)", .usage) }
    let pipeline = CompressionRun(parsed, folder: folder, tool: try OwnProgram.identity(), execute: OwnProgram.run)
    // Before hours of work, not after.
    try check(pipeline)
    for target in parsed.targets { _ = try Reading.target(target, try Reading.package(nil)) }
    let report: CompressionReport
    do throws(PipelineError) {
      report = try pipeline.run(isInterrupted: { Interruption.isRequested }, observe: show)
    } catch { throw error.failure(recipe: recipe) }
    let model = pipeline.path("model.pare")
    for target in parsed.targets {
      let app = pipeline.path("app-\(target)")
      let status = try OwnProgram.run(
        ["build", "--target", target, "--model", model, "--output", app, "--json"],
        pipeline.path("build-\(target).json"))
      guard status == 0 else {
        throw CommandFailure("\(app): could not be built", ExitStatus(rawValue: status) ?? .failure)
      }
    }
    try output.print(
      report,
      else: report.text + String(format: "%@: 4 bytes x parameters over the file: %.1f\n", model, report.ratio)
        + parsed.targets.map { pipeline.path("app-\($0)") + "\n" }.joined())
    try judge(report)
  }

  /// Throws unless the command of every stage knows its options.
  private func check(_ pipeline: CompressionRun) throws(CommandFailure) {
    let commands: [[String]]
    do throws(PipelineError) { commands = try pipeline.arguments() } catch { throw error.failure(recipe: recipe) }
    for (index, arguments) in commands.enumerated() {
      do { _ = try Pare.parseAsRoot(arguments) } catch {
        throw CommandFailure("\(recipe): stage \(index + 1) (\(arguments[0])): \(Pare.message(for: error))", .usage)
      }
    }
  }

  private func show(_ event: CompressionRun.Event) {
    switch event {
    case .stage(let number, let count, let command): Console.note("stage \(number)/\(count): \(command)")
    case .reused(let number, let count, let command):
      Console.note("stage \(number)/\(count), done before: \(command)")
    case .measured(let row):
      let quality = row.figures.accuracy.map { String(format: "accuracy %.2f %%, ", 100 * $0) } ?? ""
      Console.note(
        "\(row.name): \(quality)\(row.figures.packedBytes.grouped) bytes packed, "
          + String(format: "%.1f us", row.figures.latency))
    }
  }

  private func judge(_ report: CompressionReport) throws(CommandFailure) {
    guard !report.missed.isEmpty else { return }
    let sentences = report.missed.map { miss in
      switch miss.gate {
      case .accuracy:
        String(format: "accuracy fell by %.2f points, the gate is %g", miss.found, miss.limit)
      case .bytes: "the file has \(Int(miss.found).grouped) bytes, the gate is \(Int(miss.limit).grouped)"
      case .latency: String(format: "the median latency is %.1f us, the gate is %g", miss.found, miss.limit)
      }
    }
    let isAccuracy = report.missed.contains { $0.gate == .accuracy }
    throw CommandFailure(sentences.joined(separator: "; "), isAccuracy ? .accuracyGate : .sizeOrLatencyGate)
  }
}

/// This executable as a program that stages are run with: each in a process of its own, whose memory goes with it.
enum OwnProgram {
  private static let executable = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()

  /// Another build of the tool may give other results.
  static func identity() throws(CommandFailure) -> String {
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: executable.path),
      let size = attributes[.size] as? Int, let date = attributes[.modificationDate] as? Date
    else { throw CommandFailure("\(executable.path): cannot be looked at") }
    return "\(Pare.configuration.version) \(size) \(date.timeIntervalSince1970)"
  }

  /// Runs a subcommand, its standard output going to the file `report`; progress and messages are the user's.
  static func run(_ arguments: [String], _ report: String) throws -> Int32 {
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    try Data().write(to: URL(fileURLWithPath: report))
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: report))
    try process.run()
    // The child is in a process group of its own: a terminal's Ctrl-C does not reach it.
    var isTold = false
    while process.isRunning {
      if Interruption.isRequested && !isTold {
        process.interrupt()
        isTold = true
      }
      usleep(20_000)
    }
    process.waitUntilExit()
    return process.terminationStatus
  }
}
