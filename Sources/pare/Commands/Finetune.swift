import ArgumentParser
import Foundation
import Training

struct Finetune: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains an ONNX network further on data of your own.",
    discussion: """
      Starts from the network as it is. --train head or --train biases changes few numbers, which needs little \
      data; --lora-rank 4 trains thin factors beside frozen weights and merges them at the end. Zeros stay zero and \
      shared values shared, unless --set keep=none. Everything else is a recipe: --write-recipe shows the one that \
      the options make.

        pare finetune model.onnx --data train.yaml --validation 0.1 --epochs 5 -o tuned.onnx
        pare finetune model.onnx --data train.yaml --train 'head.*' --learning-rate 0.01 -o tuned.onnx
        pare finetune model.onnx --data train.yaml --lora-rank 4 -o tuned.onnx
      """)

  @Argument(help: "The .onnx file to begin with.") var model: String
  @Option(help: "The training data set's YAML file.") var data: String
  @Option(help: "Times through the data.") var epochs = 5
  @Option(help: "Learning rate of Adam, falling to 0 along half a cosine.") var learningRate = 0.0001
  @OptionGroup var tuning: FineTuningOptions
  @Option(help: "all, head, biases, or patterns of parameter names with * and ?; may be repeated.")
  var train: [String] = []
  @Option(help: "Rank of low-rank factors (LoRA) to train instead of the weights.") var loraRank: Int?
  @OptionGroup var options: TrainingOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let document: RecipeDocument
    do throws(RecipeError) {
      document = try recipe()
      if tuning.writeRecipe {
        print(try document.yaml(), terminator: "")
        return
      }
    } catch { throw CommandFailure("\(error)", .usage) }
    try options.train(document, file: model, output)
  }

  private func recipe() throws(RecipeError) -> RecipeDocument {
    try tuning.recipe(model: model, data: data, epochs: epochs, learningRate: learningRate) {
      (document) throws(RecipeError) in
      if train.count == 1, ["all", "head", "biases"].contains(train[0]) {
        try document.set("trainable", to: train[0])
      } else if !train.isEmpty {
        try document.set("trainable", to: "[\(train.map(FineTuningOptions.quoted).joined(separator: ", "))]")
      }
      if let loraRank { try document.set("lora.rank", to: "\(loraRank)") }
    }
  }
}
