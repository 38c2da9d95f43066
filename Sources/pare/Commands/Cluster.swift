import ArgumentParser
import Foundation
import Graph
import Measurement
import Training
import WeightSharing

struct Cluster: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lets the weights of each tensor share a few values.",
    discussion: """
      Groups the weights of every tensor around 2^bits values (k-means, begun evenly over the range); zeros stay zero \
      and do not count. pack stores such tensors as palettes. With --data the shared values are trained on \
      afterwards; so does finetune, at any later time.

        pare cluster pruned.onnx --bits 4 -o clustered.onnx
        pare cluster pruned.onnx --bits 4 --layer 'conv*=5' --data train.yaml --epochs 5 -o clustered.onnx
        pare cluster pruned.onnx --bits 3 --bias-bits 4 -o clustered.onnx
      """)

  @Argument(help: "The .onnx file.") var model: String
  @Option(help: "Bits of a place in a codebook, 1 to 8.") var bits: Int
  @Option(
    name: .customLong("layer"),
    help: ArgumentHelp(
      "Bits for weights of this name (* and ? as in a shell), 0 to leave them; may be repeated.",
      valueName: "pattern=bits"))
  var layers: [String] = []
  @Option(help: "Bits for biases, scales and shifts, which are left alone if not given; shared after training.")
  var biasBits: Int?
  @Option(help: "The training data set's YAML file; without it the values are the means of their weights.")
  var data: String?
  @Option(help: "Times through the data.") var epochs = 5
  @Option(help: "Learning rate of Adam, falling to 0 along half a cosine.") var learningRate = 0.0001
  @OptionGroup var tuning: FineTuningOptions
  @OptionGroup var options: TrainingOptions
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard data == nil else { return }
    try tuning.requireNone(beside: options, also: ["--test": tuning.test != nil])
  }

  func run() throws {
    var sharing = SharingOptions(bits: bits)
    sharing.layers = try layers.map(layerBits)
    sharing.biasBits = biasBits
    _ = try pass(sharing)
    guard let data else {
      let shared = try share(try Reading.graph(model), sharing)
      try Writing.graph(shared.graph, to: options.path)
      return try output.print(
        ClusterReport(layers: shared.report.layers), else: "\(shared.report)\n\(options.path)\n")
    }
    guard let (recipe, document) = try recipe(data) else { return }
    options.begin()
    // Training would not keep biases shared.
    sharing.biasBits = nil
    let shared = try share(try Reading.trainingGraph(model), sharing)
    let run: TrainingRun
    do throws(TrainingError) {
      run = try TrainingRun(PreparedRecipe(recipe, document: document, network: shared.graph))
    } catch { throw error.failure(file: model) }
    let (network, training) = try options.train(run, file: model)
    var report = ClusterReport(layers: shared.report.layers, training: training)
    if let biasBits {
      sharing.biasBits = biasBits
      let all = try share(network, sharing)
      try Writing.graph(all.graph, to: options.path)
      let known = Set(report.layers.map(\.name))
      report.layers += all.report.layers.filter { !known.contains($0.name) }
    }
    try options.conclude(training)
    try output.print(report, else: "\(SharingReport(layers: report.layers))\n\(training.text)\(options.path)\n")
  }

  private func pass(_ sharing: SharingOptions) throws(CommandFailure) -> WeightSharing {
    do throws(SharingError) { return try WeightSharing(sharing) } catch { throw error.failure(file: model) }
  }

  private func share(
    _ graph: Graph, _ sharing: SharingOptions
  ) throws(CommandFailure) -> (graph: Graph, report: SharingReport) {
    let pass = try pass(sharing)
    do throws(SharingError) { return try pass.applied(to: graph) } catch { throw error.failure(file: model) }
  }

  /// The recipe; nil where it was only to be shown.
  private func recipe(_ data: String) throws -> (SupervisedRecipe, RecipeDocument)? {
    do throws(RecipeError) {
      let document = try tuning.recipe(model: model, data: data, epochs: epochs, learningRate: learningRate)
      if tuning.writeRecipe {
        print(try document.yaml(), terminator: "")
        return nil
      }
      guard case .supervised(let recipe) = try Recipe(document) else {
        throw .noSuchPlace(
          RecipePlace(file: model, key: "kind"), reason: "shared values are trained in supervised training")
      }
      return (recipe, document)
    } catch { throw CommandFailure("\(error)", .usage) }
  }

  private func layerBits(_ text: String) throws(CommandFailure) -> SharingOptions.LayerBits {
    // Names may hold '=': the last one separates.
    guard let mark = text.lastIndex(of: "="), let bits = Int(text[text.index(after: mark)...]) else {
      throw CommandFailure("--layer \(text): expected PATTERN=4", .usage)
    }
    return SharingOptions.LayerBits(String(text[..<mark]), bits)
  }
}

/// What `pare cluster` reports.
struct ClusterReport: Report {
  /// As sharing left them, biases last; training only moves their values.
  var layers: [SharingReport.Layer]
  var training: TrainingReport?
}

extension SharingError {
  fileprivate func failure(file: String) -> CommandFailure {
    switch self {
    case .bits(let found):
      CommandFailure("--bits: expected 1 to 8 (0 for a layer to be left alone), found \(found)", .usage)
    case .noWeights:
      CommandFailure("\(file): there is no float weight to share; cluster before quantizing", .unsupportedModel)
    case .nothingNamed(let pattern, let known):
      CommandFailure("--layer: no weight is named '\(pattern)'; there are \(known.joined(separator: ", "))", .usage)
    case .notFinite(let tensor): CommandFailure("\(file): '\(tensor)' has numbers that are not finite")
    }
  }
}
