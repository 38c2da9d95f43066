import Foundation
import Training

/// A stage as the command line runs it.
struct StageCommand: Equatable {
  var arguments: [String]

  /// The command of `stage`, which takes `model` to `output`.
  ///
  /// Errors: `.missingData` where the stage needs a DATA file that the recipe does not name.
  init(
    _ stage: Stage, number: Int, recipe: CompressionRecipe, model: String?, start: String, output: String
  ) throws(PipelineError) {
    func required(_ file: String?, _ key: String) throws(PipelineError) -> String {
      guard let file else { throw .missingData(stage: number, kind: stage.kind, key: "data.\(key)") }
      return file
    }
    var options = stage.options.map { option in
      option.value == CompressionRun.startName ? StageOption(option.name, start) : option
    }
    arguments = [stage.kind.rawValue]
    switch stage.kind {
    case .train:
      guard let index = options.firstIndex(where: { $0.name == "recipe" }), let file = options[index].value else {
        throw .missingOption(stage: number, kind: stage.kind, option: "recipe")
      }
      options.remove(at: index)
      arguments.append(file)
      // Before the stage's own, which have the last word.
      let shared = [("seed", recipe.seed.map { String($0) }), ("data.validation", recipe.data.validation)]
      options = shared.compactMap { key, value in value.map { StageOption("set", "\(key)=\($0)") } } + options
    case .distill:
      if !stage.has("student-recipe") { options.append(StageOption("student", model)) }
      if !stage.has("teacher") { options.append(StageOption("teacher", start)) }
    case .finetune, .prune, .factorize, .cluster, .quantize:
      if let model { arguments.append(model) }
    }
    if stage.kind == .quantize, !stage.has("calibration") {
      options.append(StageOption("calibration", try required(recipe.data.calibration, "calibration")))
    }
    if stage.kind.trains(stage.options) {
      if !stage.has("data") { options.append(StageOption("data", try required(recipe.data.train, "train"))) }
      if !stage.has("validation"), let validation = recipe.data.validation {
        options.append(StageOption("validation", validation))
      }
      if !stage.has("seed") { options.append(StageOption("seed", String(recipe.seed ?? 1))) }
    }
    for option in options { arguments += ["--\(option.name)"] + (option.value.map { [$0] } ?? []) }
    arguments += ["--output", output]
  }

  /// Files whose contents the result depends on.
  private var inputs: [String] {
    arguments.dropFirst().dropLast().filter { FileManager.default.fileExists(atPath: $0) }
  }

  /// As a user would type it.
  var text: String {
    (["pare"] + arguments).map { argument in
      argument.allSatisfy { $0.isLetter || $0.isNumber || "-_./=,:+".contains($0) } && !argument.isEmpty
        ? argument : "'\(argument.replacingOccurrences(of: "'", with: "'\\''"))'"
    }.joined(separator: " ")
  }

  /// Changes with anything that the result depends on: the options, the files and what those name, and the tool.
  func key(tool: String) -> String {
    let inputs = inputs
    var hash = StableHash()
    hash.add(tool)
    // Not where things lie, but what they are.
    for argument in arguments.dropLast() { hash.add(inputs.contains(argument) ? "file\n" : "\(argument)\n") }
    for file in inputs { ContentHash.add(file, to: &hash) }
    return hash.text
  }
}
