import ArgumentParser
import Foundation
import Training

struct Finetune: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains an ONNX network further on data of your own.",
    discussion: """
      Starts from the network as it is. --train head or --train biases changes few numbers, which needs little
      data; --lora-rank 4 trains thin factors beside frozen weights and merges them at the end. Zeros stay zero and
      shared values shared, unless --set keep=none. Everything else is a recipe: --write-recipe shows the one that
      the options make.

        pare finetune model.onnx --data train.yaml --validation 0.1 --epochs 5 -o tuned.onnx
        pare finetune model.onnx --data train.yaml --train 'head.*' --learning-rate 0.01 -o tuned.onnx
        pare finetune model.onnx --data train.yaml --lora-rank 4 -o tuned.onnx
      """)

  enum LossName: String, ExpressibleByArgument, CaseIterable {
    case crossEntropy = "cross_entropy"
    case binaryCrossEntropy = "binary_cross_entropy"
    case meanSquaredError = "mean_squared_error"
    case meanAbsoluteError = "mean_absolute_error"
    case cosine
  }

  @Argument(help: "The .onnx file to begin with.") var model: String
  @Option(help: "The training data set's YAML file.") var data: String
  @Option(help: "A share of the training data such as 0.1, or another DATA file.") var validation: String?
  @Option(help: "The test data set's YAML file, looked at once at the end.") var test: String?
  @Option(help: "The loss.") var loss = LossName.crossEntropy
  @Option(help: "Times through the data.") var epochs = 5
  @Option(help: "Samples a step.") var batch = 32
  @Option(help: "Learning rate of Adam, falling to 0 along half a cosine.") var learningRate = 0.0001
  @Option(help: "Seed of shuffling, splitting and dropout.") var seed: UInt64 = 1
  @Option(help: "all, head, biases, or patterns of parameter names with * and ?; may be repeated.")
  var train: [String] = []
  @Option(help: "Rank of low-rank factors (LoRA) to train instead of the weights.") var loraRank: Int?
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("A key of the recipe, such as average=0.99; may be repeated.", valueName: "key=value"))
  var overrides: [String] = []
  @Flag(help: "Print the recipe instead of training.") var writeRecipe = false
  @OptionGroup var options: TrainingOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let document: RecipeDocument
    do throws(RecipeError) {
      document = try recipe()
      if writeRecipe {
        print(try document.yaml(), terminator: "")
        return
      }
    } catch { throw CommandFailure("\(error)", .usage) }
    try options.train(document, file: model, output)
  }

  private func recipe() throws(RecipeError) -> RecipeDocument {
    let here = FileManager.default.currentDirectoryPath
    func absolute(_ path: String) -> String { quoted(path.hasPrefix("/") ? path : "\(here)/\(path)") }
    var document = try RecipeDocument(yaml: "{ kind: supervised }", path: model)
    try document.set("network.file", to: absolute(model))
    try document.set("data.train", to: absolute(data))
    if let test { try document.set("data.test", to: absolute(test)) }
    if let validation {
      try document.set("data.validation", to: Double(validation) == nil ? absolute(validation) : validation)
    }
    try document.set("loss", to: loss.rawValue)
    try document.set("optimizer.adam.learning_rate", to: "\(learningRate)")
    try document.set("schedule", to: "cosine")
    try document.set("epochs", to: "\(epochs)")
    try document.set("batch", to: "\(batch)")
    try document.set("seed", to: "\(seed)")
    if train.count == 1, ["all", "head", "biases"].contains(train[0]) {
      try document.set("trainable", to: train[0])
    } else if !train.isEmpty {
      try document.set("trainable", to: "[\(train.map(quoted).joined(separator: ", "))]")
    }
    if let loraRank { try document.set("lora.rank", to: "\(loraRank)") }
    for override in overrides { try document.apply(override) }
    return document
  }

  /// As YAML text in quotes.
  private func quoted(_ text: String) -> String { "'\(text.replacingOccurrences(of: "'", with: "''"))'" }
}
