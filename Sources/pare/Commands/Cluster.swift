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

  func run() throws {
    var sharing = SharingOptions(bits: bits)
    sharing.layers = try layers.map(layerBits)
    if data == nil { sharing.biasBits = biasBits }
    guard let data else {
      let report = try share(model, sharing)
      return try output.print(report, else: "\(report)\n\(options.path)")
    }
    let document: RecipeDocument
    do throws(RecipeError) {
      // The recipe begins with the shared network, which stands where the trained one will.
      document = try tuning.recipe(model: options.path, data: data, epochs: epochs, learningRate: learningRate)
      if tuning.writeRecipe {
        print(try document.yaml(), terminator: "")
        return
      }
    } catch { throw CommandFailure("\(error)", .usage) }
    if !options.resume { Console.note("\(try share(model, sharing))") }
    try options.train(document, file: options.path, output)
    guard let biasBits else { return }
    // Training would not have kept the biases shared.
    sharing.biasBits = biasBits
    Console.note("\(try share(options.path, sharing))")
  }

  /// Writes the network of `file` with shared weights to the output.
  private func share(_ file: String, _ sharing: SharingOptions) throws(CommandFailure) -> SharingReport {
    let graph = try Reading.graph(file)
    let shared: (graph: Graph, report: SharingReport)
    do throws(SharingError) {
      shared = try WeightSharing(sharing).applied(to: graph)
    } catch { throw error.failure(file: file) }
    try Writing.graph(shared.graph, to: options.path)
    return shared.report
  }

  private func layerBits(_ text: String) throws(CommandFailure) -> SharingOptions.LayerBits {
    // Names may hold '=': the last one separates.
    guard let mark = text.lastIndex(of: "="), let bits = Int(text[text.index(after: mark)...]) else {
      throw CommandFailure("--layer \(text): expected PATTERN=4", .usage)
    }
    return SharingOptions.LayerBits(String(text[..<mark]), bits)
  }
}

extension SharingReport: Report {}

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
