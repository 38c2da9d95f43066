import ArgumentParser
import Foundation
import Graph
import HostTensors
import Measurement
import ONNX
import Training

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains a network as a recipe says and writes it as ONNX.",
    discussion: """
      A recipe names the network (layers, or an ONNX file), the data, the loss, the optimizer and how long; \
      models/ holds recipes to begin with, docs/training.md lists every key. The same recipe and seed give the same \
      file. Ctrl-C keeps the run in a checkpoint beside the output, and --resume goes on from there to the \
      very weights that the run would have reached uninterrupted.

        pare train models/lenet-5/recipe.yaml -o lenet-5.onnx --plot curves.svg
        pare train recipe.yaml -o model.onnx --set optimizer.adam.learning_rate=0.003 --set epochs=20
        pare train recipe.yaml -o model.onnx --resume
      """)

  @Argument(help: "The recipe's YAML file.") var recipe: String
  @OptionGroup var options: TrainingOptions
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Replace a value of the recipe, such as epochs=20; may be repeated.", valueName: "key=value"))
  var overrides: [String] = []
  @OptionGroup var output: JSONOption

  func run() throws {
    let document: RecipeDocument
    do throws(RecipeError) {
      var read = try RecipeDocument(contentsOf: recipe)
      for override in overrides { try read.apply(override) }
      document = read
    } catch { throw CommandFailure("\(error)", .usage) }
    try options.train(document, file: recipe, output)
  }
}

/// What every command that trains takes.
struct TrainingOptions: ParsableArguments {
  @Option(name: [.customShort("o"), .customLong("output")], help: "The trained .onnx file.") var path: String
  @Flag(help: "Go on from the checkpoint of an interrupted run.") var resume = false
  @Option(help: "The checkpoint; beside the output if not given.") var checkpoint: String?
  @Option(help: "Seconds of work between checkpoints.") var checkpointSeconds = 30
  @Option(help: "Append one JSON line for each epoch to this file.") var log: String?
  @Option(help: "Draw the learning curves as an SVG file.") var plot: String?
  @Option(help: "Draw what a network of two inputs decides over the plane of its data, as an SVG file.")
  var surface: String?
  @Option(help: "Threads; all cores if not given.") var threads: Int?

  func validate() throws {
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads: expected 1 to 256, found \(threads)")
    }
    guard checkpointSeconds >= 1 else {
      throw ValidationError("--checkpoint-seconds: expected at least 1, found \(checkpointSeconds)")
    }
  }

  private var checkpointPath: String { checkpoint ?? path + ".checkpoint" }

  /// Trains what `document` describes; `file` is what the user named.
  func train(_ document: RecipeDocument, file: String, _ output: JSONOption) throws {
    begin()
    let recipe: Recipe
    do throws(RecipeError) { recipe = try Recipe(document) } catch { throw CommandFailure("\(error)", .usage) }
    switch recipe {
    case .supervised(let recipe):
      let run: TrainingRun
      do throws(TrainingError) { run = try TrainingRun(recipe, document: document) } catch {
        throw error.failure(file: file)
      }
      try finish(try train(run, file: file).report, output)
    case .adversarial(let recipe): try trainAdversarial(recipe, document, file: file, output)
    }
  }

  /// What comes before any training.
  func begin() {
    if let threads { Parallel.threadCount = threads }
    Interruption.listen()
  }

  /// Trains, and writes the network; its figures have been shown to nobody yet.
  func train(_ run: TrainingRun, file: String) throws -> (network: Graph, report: TrainingReport) {
    let report: TrainingReport
    let trained: Graph
    do throws(TrainingError) {
      var schedule = CheckpointSchedule(path: checkpointPath, interval: .seconds(checkpointSeconds))
      if resume {
        try run.session.resume(from: Checkpoint(contentsOf: checkpointPath), path: checkpointPath)
        schedule = CheckpointSchedule(
          path: checkpointPath, interval: .seconds(checkpointSeconds), lastWritten: checkpointPath)
      }
      let display = try TrainingDisplay(metric: run.metricName, log: log, isResumed: resume)
      let outcome = try run.session.run(
        checkpoints: schedule, isInterrupted: { Interruption.isRequested }, observe: display.show)
      let test = try run.test.map { (source) throws(TrainingError) in try run.session.evaluate(source, with: outcome) }
      trained = try run.finished(outcome)
      try write(trained)
      report = TrainingReport(outcome, test: test, metric: run.metricName)
    } catch { throw error.failure(file: file) }
    if let surface { try draw(DecisionMap(trained, dataset: run.training.dataset, title: file), to: surface) }
    return (trained, report)
  }

  private func trainAdversarial(
    _ recipe: AdversarialRecipe, _ document: RecipeDocument, file: String, _ output: JSONOption
  ) throws {
    let report: TrainingReport
    do throws(TrainingError) {
      let session = try AdversarialSession(recipe, document: document)
      if resume { try session.resume(from: Checkpoint(contentsOf: checkpointPath), path: checkpointPath) }
      let display = try TrainingDisplay(metric: "discriminator right", log: log, isResumed: resume)
      let outcome = try session.run(
        checkpoints: CheckpointSchedule(path: checkpointPath, interval: .seconds(checkpointSeconds)),
        isInterrupted: { Interruption.isRequested }, observe: display.show)
      try write(outcome.generator)
      report = TrainingReport(outcome)
    } catch { throw error.failure(file: file) }
    try finish(report, output)
  }

  private func write(_ graph: Graph) throws(TrainingError) {
    do throws(ONNXError) { try exportONNX(graph, to: URL(fileURLWithPath: path), batchName: "N") } catch {
      throw .onnx(path: path, error)
    }
  }

  private func draw(_ map: DecisionMap?, to path: String) throws {
    guard let map else {
      throw CommandFailure(
        "--surface \(path): wants a network of two inputs with one score or two, and labelled data", .usage)
    }
    try write(map.svg, to: path)
  }

  private func write(_ text: String, to path: String) throws(CommandFailure) {
    do { try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic) } catch {
      throw CommandFailure("\(path): cannot be written: \(error.localizedDescription)")
    }
  }

  private func finish(_ report: TrainingReport, _ output: JSONOption) throws {
    try conclude(report)
    try output.print(report, else: report.text + "\(path)\n")
  }

  /// Draws the curves and removes what a complete run could be resumed from.
  func conclude(_ report: TrainingReport) throws {
    if let plot { try write(report.learningCurves, to: plot) }
    try? FileManager.default.removeItem(atPath: checkpointPath)
  }
}
