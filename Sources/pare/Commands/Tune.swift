import ArgumentParser
import Foundation
import Graph
import HostTensors
import ONNX
import Training

struct Tune: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Searches the values of a recipe that train best.",
    discussion: """
      The recipe says what to search under 'tune'; the first trial is the recipe as it stands, the others draw their \
      values at random. All trials train a little, the best third of them longer, and so on to the recipe's epochs \
      (successive halving); they are compared on data.validation, never on the test set. The folder then holds \
      best.yaml, the network it trained to (best.onnx), trials.svg and trials.json. After Ctrl-C, --resume goes on.

        tune:
          optimizer.adam.learning_rate: { log_uniform: [0.0003, 0.01] }
          network.layers.0.dense.units: { integers: [64, 256] }
          batch: { choice: [32, 64, 128] }

        pare tune recipe.yaml --trials 20 -o search/
        pare train search/best.yaml -o model.onnx --set seed=2
      """)

  enum Metric: String, ExpressibleByArgument, CaseIterable {
    case accuracy, loss
  }

  @Argument(help: "The recipe's YAML file.") var recipe: String
  @Option(help: "Trials, the recipe as it stands among them.") var trials = 20
  @Option(help: "The best 1/N of the trials go on, to N times the epochs.") var halving = 3
  @Option(help: "What validation figure ranks trials: accuracy or loss; accuracy where there are classes.")
  var by: Metric?
  @Option(help: "Seed of the draws; the recipe's seed is that of the training.") var seed: UInt64 = 1
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Replace a value of the recipe, such as epochs=20; may be repeated.", valueName: "key=value"))
  var overrides: [String] = []
  @Option(name: [.customShort("o"), .customLong("output")], help: "The folder for everything.") var folder: String
  @Flag(help: "Go on with the search that the folder holds.") var resume = false
  @Option(help: "Threads; all cores if not given.") var threads: Int?
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard (1...10_000).contains(trials) else { throw ValidationError("--trials: expected 1 to 10000, found \(trials)") }
    guard (2...100).contains(halving) else { throw ValidationError("--halving: expected 2 to 100, found \(halving)") }
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads: expected 1 to 256, found \(threads)")
    }
  }

  func run() throws {
    if let threads { Parallel.threadCount = threads }
    Interruption.listen()
    var document: RecipeDocument
    do throws(RecipeError) {
      document = try RecipeDocument(contentsOf: recipe)
      for override in overrides { try document.apply(override) }
    } catch { throw CommandFailure("\(error)", .usage) }
    let metric: MetricRecipe? = by.map { $0 == .accuracy ? .validationAccuracy : .validationLoss }
    let report: TuneReport
    do throws(TrainingError) {
      let search = try HyperparameterSearch(
        document, settings: .init(trials: trials, factor: halving, seed: seed, metric: metric), folder: folder,
        sentence: { $0.failure(file: recipe).message })
      if resume { try search.resume() }
      let display = try SearchDisplay(search.halving, metric: search.metric)
      let outcome = try search.run(isInterrupted: { Interruption.isRequested }, observe: display.show)
      report = TuneReport(search)
      try write(outcome.recipe, outcome.network, report)
      search.removeCheckpoints()
    } catch { throw error.failure(file: recipe) }
    try output.print(report, else: report.text + "\(path("best.yaml"))\n")
  }

  private func path(_ name: String) -> String {
    URL(fileURLWithPath: folder).appendingPathComponent(name).relativePath
  }

  private func write(_ best: RecipeDocument, _ network: Graph, _ report: TuneReport) throws(TrainingError) {
    do throws(ONNXError) {
      try exportONNX(network, to: URL(fileURLWithPath: path("best.onnx")), batchName: "N")
    } catch { throw .onnx(path: path("best.onnx"), error) }
    let yaml: String
    do throws(RecipeError) { yaml = try best.yaml(at: path("best.yaml")) } catch { throw .recipe(error) }
    for (name, text) in [("best.yaml", yaml), ("trials.svg", report.plot)] {
      do { try Data(text.utf8).write(to: URL(fileURLWithPath: path(name)), options: .atomic) } catch {
        throw .unwritable(path: path(name), reason: error.localizedDescription)
      }
    }
  }
}
