import Training

extension TrainingError {
  /// `file` is the recipe or the network that the user named.
  func failure(file: String) -> CommandFailure {
    switch self {
    case .unreadable(let path, let reason): CommandFailure("\(path): cannot be read: \(reason)")
    case .unwritable(let path, let reason): CommandFailure("\(path): cannot be written: \(reason)")
    case .damagedCheckpoint(let path, let reason): CommandFailure("\(path): is no checkpoint: \(reason)")
    case .foreignCheckpoint(let path):
      CommandFailure(
        "\(path): belongs to another run: recipe, network or data have changed since; without --resume training starts anew"
      )
    case .recipe(let error): CommandFailure("\(error)", .usage)
    case .dataset(let error): CommandFailure("\(error)")
    case .network(let error): CommandFailure("\(error)", .usage)
    case .onnx(let path, let error): error.failure(file: path)
    case .graph(let error): error.failure(file: file)
    case .inputCount(let found):
      CommandFailure("\(file): data sets feed one input; the network has \(found)", .unsupportedModel)
    case .noOutput: CommandFailure("\(file): the network has no output", .unsupportedModel)
    case .noParameters:
      CommandFailure(
        "\(file): nothing in the network can be trained: there is no float weight; train before quantizing, or by quantize --train",
        .unsupportedModel)
    case .nothingSelected(let patterns, let known):
      CommandFailure(
        "\(file): no parameter matches \(patterns.isEmpty ? "what was asked for" : patterns.joined(separator: ", ")); there are: "
          + known.joined(separator: ", "), .usage)
    case .unreachable(let parameter, let node, let reason):
      CommandFailure(
        "\(file): '\(parameter)' cannot be trained: "
          + (node.isEmpty ? "it \(reason)" : "no gradient passes node '\(node)', which \(reason)"), .unsupportedModel)
    case .batchDependent(let output, let reason):
      CommandFailure(
        "\(file): the network cannot be trained in batches: '\(output)': \(reason)", .unsupportedModel)
    case .objective(let expected, let found):
      CommandFailure("\(file): expected \(expected), found \(found)", .usage)
    case .loss(let error): CommandFailure("\(file): loss: \(error.sentence)", .usage)
    case .setting(let setting):
      CommandFailure("\(file): \(setting.name): expected \(setting.expected), found \(setting.value)", .usage)
    case .search(let reason): CommandFailure("\(file): \(reason)", .usage)
    case .foreignSearch(let path):
      CommandFailure(
        "\(path): belongs to another search: recipe or options have changed since; without --resume it begins anew")
    case .notFinite(let what, let layer, let epoch, let step, let checkpoint):
      CommandFailure(
        "\(file): the \(what) is not finite in epoch \(epoch), step \(step), first at '\(layer)'; "
          + (checkpoint.map { "the last good state is \($0)" } ?? "no checkpoint has been written yet")
          + "; try a lower learning rate or clip_norm")
    case .interrupted(let checkpoint, let epoch, let step):
      CommandFailure(
        "\(file): stopped in epoch \(epoch) after step \(step); "
          + (checkpoint.map { "--resume goes on from \($0)" } ?? "nothing was kept"))
    }
  }
}

extension LossError {
  fileprivate var sentence: String {
    switch self {
    case .setting(let setting): "\(setting.name): expected \(setting.expected), found \(setting.value)"
    case .outputType(let dtype): "expected float32 outputs, found \(dtype.name)"
    case .outputShape(let shape, let expected): "outputs: expected \(expected), found shape \(shape)"
    case .classesNotTaken: "it compares with numbers, and the data set has class labels"
    case .targetCount(let expected, let found): "expected \(expected) labels, found \(found)"
    case .targetShape(let expected, let found): "expected targets of shape \(expected), found \(found)"
    case .classOutOfRange(let row, let found, let count): "sample \(row) has label \(found) of \(count) classes"
    case .notAProbability(let index, let found): "target \(index): expected 0 to 1, found \(found)"
    case .notADistribution(let row, let sum): "the targets of sample \(row) sum to \(sum), not 1"
    case .classWeightCount(let expected, let found): "expected \(expected) class weights, found \(found)"
    }
  }
}
