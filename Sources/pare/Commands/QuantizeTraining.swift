import ArgumentParser
import Foundation
import Graph
import Quantization
import Training

/// What `pare quantize --train` takes beside the options of quantization.
struct AwareTrainingOptions: ParsableArguments {
  @Flag(name: .customLong("train"), help: "Train on with rounding in place (quantization-aware training).")
  var isWanted = false
  @Option(help: "With --train: the training data set's YAML file.") var data: String?
  @Option(help: "With --train: a share of the training data such as 0.1, or another DATA file.")
  var validation: String?
  @Option(help: "With --train: the loss, as in a recipe.") var loss = "cross_entropy"
  @Option(help: "With --train: times through the data.") var epochs = 5
  @Option(help: "With --train: samples a step.") var batch = 32
  @Option(help: "With --train: learning rate of Adam, falling to 0 along half a cosine.") var learningRate = 0.0001
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "With --train: a key of the recipe, such as average=0.99; may be repeated.", valueName: "key=value"))
  var overrides: [String] = []
  @Flag(help: "With --train: go on from the checkpoint of an interrupted run, beside the output.") var resume = false
  @Option(help: "With --train: append one JSON line for each epoch to this file.") var log: String?

  func validate() throws {
    if isWanted && data == nil { throw ValidationError("--train: wants --data, the training data set's YAML file") }
    if !isWanted && data != nil { throw ValidationError("--data: is for --train; --calibration names what is watched") }
  }

  /// Trains `network` and gives the float network and the plan that it ended with.
  ///
  /// Interrupted runs are kept in a checkpoint beside `output`.
  func train(
    _ network: FakeQuantizedNetwork, model: String, seed: UInt64, output: String,
    storage: QuantizationOptions.WeightScales
  ) throws -> (graph: Graph, plan: QuantizationPlan, report: TrainingReport) {
    Interruption.listen()
    let checkpoint = output + ".checkpoint"
    let (document, recipe) = try recipe(model: model, seed: seed)
    do throws(TrainingError) {
      let run = try TrainingRun(
        recipe, document: document, substitute: network.substitute, rules: [StepSizeRule(network)])
      if resume { try run.session.resume(from: Checkpoint(contentsOf: checkpoint), path: checkpoint) }
      let display = try TrainingDisplay(metric: run.metricName, log: log, isResumed: resume)
      let outcome = try run.session.run(
        checkpoints: CheckpointSchedule(path: checkpoint, lastWritten: resume ? checkpoint : nil),
        isInterrupted: { Interruption.isRequested }, observe: display.show)
      let finished = network.finished(outcome.graph, storage: storage)
      try? FileManager.default.removeItem(atPath: checkpoint)
      return (finished.graph, finished.plan, TrainingReport(outcome, test: nil, metric: run.metricName))
    } catch { throw error.failure(file: model) }
  }

  private func recipe(model: String, seed: UInt64) throws -> (RecipeDocument, SupervisedRecipe) {
    do throws(RecipeError) {
      var document = try RecipeDocument(yaml: "{ kind: supervised }", path: model)
      try document.set("network.file", to: absolute(model))
      try document.set("data.train", to: absolute(data ?? ""))
      if let validation {
        try document.set("data.validation", to: Double(validation) == nil ? absolute(validation) : validation)
      }
      try document.set("loss", to: loss)
      try document.set("optimizer.adam.learning_rate", to: "\(learningRate)")
      try document.set("schedule", to: "cosine")
      try document.set("epochs", to: "\(epochs)")
      try document.set("batch", to: "\(batch)")
      try document.set("seed", to: "\(seed)")
      for override in overrides { try document.apply(override) }
      guard case .supervised(let recipe) = try Recipe(document), recipe.lowRank == nil else {
        throw .noSuchPlace(
          RecipePlace(file: model, key: "kind", line: 1), reason: "training with rounding is supervised, without lora")
      }
      return (document, recipe)
    } catch { throw CommandFailure("\(error)", .usage) }
  }

  /// As YAML text in quotes.
  private func absolute(_ path: String) -> String {
    let full = path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
    return "'\(full.replacingOccurrences(of: "'", with: "''"))'"
  }
}
