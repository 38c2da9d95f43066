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
  @Option(help: "With --train: times through the data.") var epochs = 5
  @Option(help: "With --train: learning rate of Adam, falling to 0 along half a cosine.") var learningRate = 0.0001
  @OptionGroup(title: "With --train") var tuning: FineTuningOptions
  @Flag(help: "With --train: go on from the checkpoint of an interrupted run, beside the output.") var resume = false
  @Option(help: "With --train: append one JSON line for each epoch to this file.") var log: String?

  func validate() throws {
    if isWanted && data == nil { throw ValidationError("--train: wants --data, the training data set's YAML file") }
    if !isWanted && data != nil { throw ValidationError("--data: is for --train; --calibration names what is watched") }
    let given = [
      "--validation": tuning.validation != nil, "--test": tuning.test != nil, "--set": !tuning.overrides.isEmpty,
      "--resume": resume, "--log": log != nil,
    ].filter(\.value).keys.sorted()
    if !isWanted && !given.isEmpty { throw ValidationError("\(given.joined(separator: ", ")): only with --train") }
  }

  /// Trains `network` and gives the float network and the plan that it ended with; nil where only the recipe was to
  /// be printed.
  ///
  /// Interrupted runs are kept in a checkpoint beside `output`.
  func train(
    _ network: FakeQuantizedNetwork, model: String, output: String, storage: QuantizationOptions.WeightScales
  ) throws -> (graph: Graph, plan: QuantizationPlan, report: TrainingReport)? {
    guard let (document, recipe) = try recipe(model: model) else { return nil }
    Interruption.listen()
    let checkpoint = output + ".checkpoint"
    do throws(TrainingError) {
      var prepared = try PreparedRecipe(recipe, document: document, network: network.base)
      network.substitute(in: &prepared)
      let run = try TrainingRun(prepared, rules: [StepSizeRule(network)])
      if resume { try run.session.resume(from: Checkpoint(contentsOf: checkpoint), path: checkpoint) }
      let display = try TrainingDisplay(metric: run.metricName, log: log, isResumed: resume)
      let outcome = try run.session.run(
        checkpoints: CheckpointSchedule(path: checkpoint, lastWritten: resume ? checkpoint : nil),
        isInterrupted: { Interruption.isRequested }, observe: display.show)
      let test = try run.test.map { (source) throws(TrainingError) in try run.session.evaluate(source, with: outcome) }
      let finished = network.finished(outcome.graph, storage: storage)
      try? FileManager.default.removeItem(atPath: checkpoint)
      return (finished.graph, finished.plan, TrainingReport(outcome, test: test, metric: run.metricName))
    } catch { throw error.failure(file: model) }
  }

  private func recipe(model: String) throws -> (RecipeDocument, SupervisedRecipe)? {
    do throws(RecipeError) {
      let document = try tuning.recipe(model: model, data: data ?? "", epochs: epochs, learningRate: learningRate)
      if tuning.writeRecipe {
        print(try document.yaml(), terminator: "")
        return nil
      }
      guard case .supervised(let recipe) = try Recipe(document), recipe.lowRank == nil else {
        throw .noSuchPlace(
          RecipePlace(file: model, key: "kind"), reason: "training with rounding is supervised, without lora")
      }
      return (document, recipe)
    } catch { throw CommandFailure("\(error)", .usage) }
  }
}
