import ArgumentParser
import Foundation
import Training

/// What every command takes that trains a network which it reads from a file.
struct FineTuningOptions: ParsableArguments {
  enum LossName: String, ExpressibleByArgument, CaseIterable {
    case crossEntropy = "cross_entropy"
    case binaryCrossEntropy = "binary_cross_entropy"
    case meanSquaredError = "mean_squared_error"
    case meanAbsoluteError = "mean_absolute_error"
    case cosine
  }

  @Option(help: "A share of the training data such as 0.1, or another DATA file.") var validation: String?
  @Option(help: "The test data set's YAML file, looked at once at the end.") var test: String?
  @Option(help: "The loss.") var loss = LossName.crossEntropy
  @Option(help: "Samples a step.") var batch = 32
  @Option(help: "Seed of shuffling, splitting and dropout.") var seed: UInt64 = 1
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("A key of the recipe, such as average=0.99; may be repeated.", valueName: "key=value"))
  var overrides: [String] = []
  @Flag(help: "Print the recipe instead of training.") var writeRecipe = false

  /// The recipe that trains `model` on `data` by Adam, its rate falling along half a cosine.
  ///
  /// `more` may add keys before the user's own have the last word.
  func recipe(
    model: String, data: String, epochs: Int, learningRate: Double,
    more: (inout RecipeDocument) throws(RecipeError) -> Void = { (_) throws(RecipeError) in }
  ) throws(RecipeError) -> RecipeDocument {
    let here = FileManager.default.currentDirectoryPath
    func absolute(_ path: String) -> String { Self.quoted(path.hasPrefix("/") ? path : "\(here)/\(path)") }
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
    try more(&document)
    for override in overrides { try document.apply(override) }
    return document
  }

  /// Errors where an option is given that means nothing without training; `more` are the command's own.
  func requireNone(beside options: TrainingOptions, also more: [String: Bool] = [:]) throws {
    let given = [
      "--validation": validation != nil, "--set": !overrides.isEmpty, "--resume": options.resume,
      "--log": options.log != nil, "--plot": options.plot != nil,
    ]
    let idle = given.merging(more) { $1 }.filter(\.value).keys.sorted()
    guard idle.isEmpty else {
      throw ValidationError("\(idle.joined(separator: ", ")): only where there is training; give --data")
    }
  }

  /// As YAML text in quotes.
  static func quoted(_ text: String) -> String { "'\(text.replacingOccurrences(of: "'", with: "''"))'" }
}
