import ArgumentParser
import Datasets
import Foundation
import Graph
import LowRank
import Measurement
import Training

struct Factorize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Splits layers in two of low rank, which cost less together.",
    discussion: """
      A dense layer becomes two with a narrow value between them; a convolution becomes one of fewer filters and one \
      of 1 x 1, or one of k x 1 and one of 1 x k, whichever is cheaper. --energy 0.95 gives each layer the rank that \
      keeps 95 % of the squares of its weight; --macs 0.5 halves the network's multiply-accumulates where least is \
      lost. With --data the network is then trained on; pare distill with the network itself as the teacher does so \
      without labels. Layers that an earlier pass pruned or clustered, and convolutions of several groups, stay as they \
      are.

        pare factorize model.onnx --energy 0.95 -o factorized.onnx
        pare factorize model.onnx --macs 0.5 --data train.yaml --test test.yaml --epochs 3 -o factorized.onnx
      """)

  @Argument(help: "The .onnx file to factorize.") var model: String
  @Option(help: "The share of the sum of squares that each weight keeps; 0.95 if --macs is not given.")
  var energy: Double?
  @Option(help: "The share of the network's multiply-accumulates that is kept at most.") var macs: Double?
  @Option(help: "The training data set's YAML file; without it nothing is trained.") var data: String?
  @Option(help: "Times through the data.") var epochs = 3
  @Option(help: "Learning rate of Adam, falling to 0 along half a cosine.") var learningRate = 0.0005
  @OptionGroup var tuning: FineTuningOptions
  @OptionGroup var options: TrainingOptions
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard energy == nil || macs == nil else { throw ValidationError("expected --energy or --macs, one of them") }
    if data == nil { try tuning.requireNone(beside: options) }
  }

  func run() throws {
    options.begin()
    let read = try Reading.graph(model)
    let graph: Graph
    do throws(GraphError) { graph = try trainingForm(of: read) } catch {
      throw error.failure(file: model)
    }
    let prepared = try recipe()
    if tuning.writeRecipe { return }
    let (plan, factorized) = try factorized(graph)
    var report = FactorizationReport(factorization: plan)
    if let prepared {
      let run: TrainingRun
      do throws(TrainingError) {
        run = try TrainingRun(PreparedRecipe(prepared.recipe, document: prepared.document, network: factorized))
      } catch { throw error.failure(file: model) }
      report.training = try options.train(run, file: model).report
    } else {
      try Writing.graph(factorized, to: options.path)
    }
    try measure(graph, factorized, &report)
    if let training = report.training { try options.conclude(training) }
    try output.print(report, else: report.text + "\(options.path)\n")
  }

  private func factorized(_ graph: Graph) throws -> (FactorizationPlan, Graph) {
    let pass = LowRankFactorization(macs.map { .multiplyAccumulates(share: $0) } ?? .energy(energy ?? 0.95))
    var progress = Progress("decomposing", total: graph.nodes.count)
    do throws(LowRankError) {
      let plan = try pass.plan(for: graph, from: pass.collect(from: graph) { done, _ in progress.update(done) })
      return (plan, try pass.apply(plan, to: graph))
    } catch { throw error.failure(file: model) }
  }

  /// Adds the test figures of the network before and after factorization; those after training are there.
  private func measure(_ graph: Graph, _ factorized: Graph, _ report: inout FactorizationReport) throws {
    guard let test = tuning.test else { return }
    let dataset = try Reading.dataset(test)
    let source: BatchSource
    do throws(DatasetError) {
      source = try BatchSource(dataset, batching: Batching(batchSize: 256, isShuffled: false))
    } catch { throw CommandFailure("\(error)") }
    do throws(TrainingError) {
      let before = try NetworkFigures(of: graph, loss: tuning.loss.loss, on: source)
      report.metric = before.metric.rawValue
      report.testBefore = TrainingReport.Figures(before.figures)
      report.testFactorized = TrainingReport.Figures(
        try NetworkFigures(of: factorized, loss: tuning.loss.loss, on: source).figures)
    } catch { throw error.failure(file: model) }
  }

  /// The recipe of the training that follows; nil where none does. Shows it where it was asked for.
  private func recipe() throws -> (recipe: SupervisedRecipe, document: RecipeDocument)? {
    guard let data else { return nil }
    do throws(RecipeError) {
      let document = try tuning.recipe(model: model, data: data, epochs: epochs, learningRate: learningRate)
      if tuning.writeRecipe { print(try document.yaml(), terminator: "") }
      guard case .supervised(let recipe) = try Recipe(document) else {
        throw .noSuchPlace(
          RecipePlace(file: model, key: "kind"), reason: "networks are trained on in supervised training")
      }
      return (recipe, document)
    } catch { throw CommandFailure("\(error)", .usage) }
  }
}

extension FineTuningOptions.LossName {
  /// The loss with the settings that a recipe gives it by its name alone.
  fileprivate var loss: Loss {
    switch self {
    case .crossEntropy: .crossEntropy()
    case .binaryCrossEntropy: .binaryCrossEntropy()
    case .meanSquaredError: .meanSquaredError
    case .meanAbsoluteError: .meanAbsoluteError
    case .cosine: .cosine
    }
  }
}

/// What `pare factorize` reports.
struct FactorizationReport: Report {
  var factorization: FactorizationPlan
  /// On the test data, where they are given; after training in `training`.
  var testBefore: TrainingReport.Figures?
  var testFactorized: TrainingReport.Figures?
  /// What `metric` of these figures is.
  var metric: String?
  var training: TrainingReport?

  var text: String {
    var text = factorization.text
    if let metric, let testBefore, let testFactorized {
      text += "test before:     \(testBefore.text(metric))\ntest factorized: \(testFactorized.text(metric))\n"
    }
    return text + (training?.text ?? "")
  }
}

extension FactorizationPlan {
  fileprivate var text: String {
    var table = TextTable([
      .init("layer"), .init("operator"), .init("weight"), .init("becomes"), .init("rank", .trailing),
      .init("energy", .trailing), .init("MACs", .trailing), .init("after", .trailing), .init("parameters", .trailing),
      .init("after", .trailing),
    ])
    for layer in layers { table.add(layer.cells) }
    return table.rendered + layers.compactMap(\.note).joined()
      + "MACs \(multiplyAccumulates.grouped) -> \(multiplyAccumulatesAfter.grouped)"
      + " (\(share(multiplyAccumulatesAfter, of: multiplyAccumulates))), "
      + "parameters \(parameters.grouped) -> \(parametersAfter.grouped) (\(share(parametersAfter, of: parameters)))\n"
  }

  private func share(_ part: Int, of whole: Int) -> String {
    "\((100 * Double(part) / Double(max(whole, 1))).grouped(decimals: 1)) %"
  }
}

extension FactorizationPlan.Layer {
  fileprivate var cells: [String] {
    var made = ["-", "", ""]
    if case .factorized(let scheme, let rank, let fullRank, let energy) = decision {
      made = [scheme.rawValue, "\(rank) of \(fullRank)", "\((100 * energy).grouped(decimals: 2)) %"]
    }
    return [name, kind, shape.map(String.init).joined(separator: "x")] + made
      + [multiplyAccumulates, multiplyAccumulatesAfter, parameters, parametersAfter].map(\.grouped)
  }

  /// Why a layer was left, as a line.
  fileprivate var note: String? {
    guard case .left(let reason) = decision else { return nil }
    return "left: \(name): \(reason)\n"
  }
}
