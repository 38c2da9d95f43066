import ArgumentParser
import Foundation
import Graph
import Measurement
import Pruning
import Training

struct Prune: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Makes the least important weights of a network zero, or removes whole channels.",
    discussion: """
      Without --data the weights nearest to zero go at once, which up to half of them few networks mind. With --data \
      they go little by little while the network is trained on, so that the others take over: nine of ten is usual. \
      What is zero stays zero in every later step, and pack stores it in next to nothing. docs/pruning.md says more.

        pare prune model.onnx --sparsity 0.5 -o pruned.onnx
        pare prune model.onnx --sparsity 0.9 --data train.yaml --test test.yaml --epochs 10 -o pruned.onnx
        pare prune model.onnx --sparsity 0.9 --layer 'conv1.weight=0' --layer 'dense*=0.95' --data train.yaml -o p.onnx
        pare prune model.onnx --sparsity 0.9 --scope sensitivity --data train.yaml -o pruned.onnx
        pare prune model.onnx --pattern 2:4 --data train.yaml -o pruned.onnx

      --channels takes whole channels out instead and rewires the network, which makes it smaller and faster \
      everywhere: docs/channel-pruning.md.

        pare prune model.onnx --channels --macs 0.5 --importance taylor --data train.yaml -o half.onnx
        pare prune pruned.onnx --channels --unused -o smaller.onnx
      """)

  @Argument(help: "The .onnx file to prune.") var model: String
  @OptionGroup var weights: WeightPruningOptions
  @OptionGroup var removal: ChannelOptions
  @Option(help: "The training data set's YAML file; without it the network is pruned at once.") var data: String?
  @Option(help: "Times through the data.") var epochs = 10
  @Option(help: "Learning rate of Adam, falling to 0 along half a cosine.") var learningRate = 0.001
  @Option(help: "L2 regularization of the weights while training: what is of no use fades and is found.")
  var l2 = 0.0002
  @OptionGroup var tuning: FineTuningOptions
  @OptionGroup var options: TrainingOptions
  @OptionGroup var output: JSONOption

  func validate() throws {
    try removal.validate(beside: weights)
    guard data == nil else { return }
    try tuning.requireNone(beside: options)
  }

  func run() throws {
    if removal.channels { return try removeChannels() }
    let pruning = try weights.pruning()
    guard let data else { return try pruneAtOnce(pruning) }
    guard let (recipe, document) = try recipe(data) else { return }
    options.begin()
    let pruned: PruningRun
    do throws(PruningError) {
      pruned = try PruningRun(pruning, schedule: weights.schedule, recipe: recipe, document: document)
    } catch { throw error.failure(file: model) }
    let network: Graph
    var training: TrainingReport
    (network, training) = try options.train(pruned.run, file: model)
    try options.conclude(training)
    var report = PruneReport(pruning: pruned.report(of: network), metric: training.metric)
    report.testBefore = pruned.testBefore.map(TrainingReport.Figures.init)
    swap(&report.testAfter, &training.test)
    report.training = training
    try output.print(report, else: report.text + "\(options.path)\n")
  }

  private func removeChannels() throws {
    let pruning = removal.pruning()
    guard let data else { return try removeAtOnce(pruning) }
    guard let (recipe, document) = try recipe(data) else { return }
    options.begin()
    let cut: ChannelPruningRun
    do throws(ChannelPruningError) {
      cut = try ChannelPruningRun(pruning, recipe: recipe, document: document)
    } catch { throw error.failure(file: model) }
    var training = try options.train(cut.run, file: model).report
    try options.conclude(training)
    var report = ChannelPruneReport(channels: cut.report, metric: training.metric)
    report.testBefore = cut.testBefore.map(TrainingReport.Figures.init)
    report.testCut = cut.testCut.map(TrainingReport.Figures.init)
    swap(&report.testAfter, &training.test)
    report.training = training
    try output.print(report, else: report.text + "\(options.path)\n")
  }

  private func removeAtOnce(_ pruning: ChannelPruning) throws {
    let graph = try Reading.trainingGraph(model)
    let cut: (graph: Graph, report: ChannelReport)
    do throws(ChannelPruningError) {
      cut = try pruning.apply(pruning.plan(pruning.collect(from: graph), for: graph), to: graph)
    } catch { throw error.failure(file: model) }
    try Writing.graph(cut.graph, to: options.path)
    var report = ChannelPruneReport(channels: cut.report)
    if let test = try testFigures(graph, cut.graph) {
      (report.metric, report.testBefore, report.testCut) = (test.metric, test.before, test.after)
    }
    try output.print(report, else: report.text + "\(options.path)\n")
  }

  private func pruneAtOnce(_ pruning: WeightPruning) throws {
    let graph = try Reading.trainingGraph(model)
    let pruned: (graph: Graph, report: PruningReport)
    do throws(PruningError) {
      pruned = try pruning.apply(pruning.plan(pruning.collect(from: graph)), to: graph)
    } catch { throw error.failure(file: model) }
    var report = PruneReport(pruning: pruned.report)
    if let test = try testFigures(graph, pruned.graph) {
      (report.metric, report.testBefore, report.testAfter) = (test.metric, test.before, test.after)
    }
    try Writing.graph(pruned.graph, to: options.path)
    try output.print(report, else: report.text + "\(options.path)\n")
  }

  /// What both networks reach on the test data; nil where none are given.
  private func testFigures(
    _ before: Graph, _ after: Graph
  ) throws -> (metric: String, before: TrainingReport.Figures, after: TrainingReport.Figures)? {
    guard let test = tuning.test, let (recipe, document) = try recipe(test) else { return nil }
    do throws(TrainingError) {
      let run = try TrainingRun(recipe, document: document)
      return (
        run.metricName, TrainingReport.Figures(try run.session.evaluate(run.training, before)),
        TrainingReport.Figures(try run.session.evaluate(run.training, after))
      )
    } catch { throw error.failure(file: model) }
  }

  /// The recipe; nil where it was only to be shown.
  private func recipe(_ data: String) throws -> (SupervisedRecipe, RecipeDocument)? {
    do throws(RecipeError) {
      let document = try tuning.recipe(model: model, data: data, epochs: epochs, learningRate: learningRate) {
        (document) throws(RecipeError) in try document.set("regularization.l2", to: "\(l2)")
      }
      if tuning.writeRecipe {
        print(try document.yaml(), terminator: "")
        return nil
      }
      guard case .supervised(let recipe) = try Recipe(document) else {
        throw .noSuchPlace(RecipePlace(file: model, key: "kind"), reason: "networks are pruned in supervised training")
      }
      return (recipe, document)
    } catch { throw CommandFailure("\(error)", .usage) }
  }
}

/// What pruning of single weights takes.
struct WeightPruningOptions: ParsableArguments {
  @Option(help: "The share of weights that is to be zero, such as 0.9. A pattern such as 2:4 sets its own.")
  var sparsity: Double?
  @Option(help: "Who gets how much: global (one threshold), layer (the same each) or sensitivity (measured on data).")
  var scope = PruningScope.global
  @Option(help: "unstructured, 2:4 or 1:4 (non-zeros of consecutive inputs), 1x4 or 16x1 (blocks, outputs x inputs).")
  var pattern = PruningPattern.unstructured
  @Option(help: "What makes a weight important: magnitude, or movement while training.")
  var method = WeightImportance.magnitude
  @Option(
    name: .customLong("layer"),
    help: ArgumentHelp(
      "A sparsity for weights of this name (* and ? as in a shell), 0 to leave them; may be repeated.",
      valueName: "pattern=sparsity"))
  var layers: [String] = []
  @Option(help: "The share of training after which pruning begins.") var begin = 0.0
  @Option(help: "The share of training after which the sparsity is reached.") var end = 0.6
  @Option(help: "Steps from one pruning to the next; a hundred prunings in all if not given.") var every: Int?

  func validate() throws {
    guard sparsity == nil || pattern.ownSparsity == nil else {
      throw ValidationError("--sparsity: the pattern \(pattern) sets its own")
    }
    guard (0..<1).contains(begin), end > begin, end <= 1 else {
      throw ValidationError("--begin and --end: expected 0 <= begin < end <= 1, found \(begin) and \(end)")
    }
    if let every, every < 1 { throw ValidationError("--every: expected at least 1, found \(every)") }
  }

  var schedule: PruningSchedule { PruningSchedule(begin: begin, end: end, frequency: every) }

  func pruning() throws -> WeightPruning {
    var options = PruningOptions(sparsity: sparsity ?? 0)
    options.scope = scope
    options.pattern = pattern
    options.importance = method
    for text in layers {
      // Names may hold '=': the last one separates.
      guard let mark = text.lastIndex(of: "="), let share = Double(text[text.index(after: mark)...]) else {
        throw CommandFailure("--layer \(text): expected PATTERN=0.5", .usage)
      }
      options.layers.append(LayerSparsity(String(text[..<mark]), share))
    }
    do throws(PruningError) { return try WeightPruning(options) } catch { throw error.failure(file: "") }
  }
}

extension PruningScope: ExpressibleByArgument {}
extension PruningPattern: ExpressibleByArgument {}
extension WeightImportance: ExpressibleByArgument {}

/// What `pare prune` reports.
struct PruneReport: Report {
  var pruning: PruningReport
  /// On the test data, where they are given.
  var testBefore: TrainingReport.Figures?
  var testAfter: TrainingReport.Figures?
  /// What `metric` of these figures is.
  var metric: String?
  var training: TrainingReport?

  var text: String {
    var text = "\(pruning)\n" + (training?.text ?? "")
    if let testBefore, let testAfter, let metric {
      text += "test before: \(testBefore.text(metric))\ntest after:  \(testAfter.text(metric))\n"
    }
    return text
  }
}
