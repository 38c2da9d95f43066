import Pruning

extension PruningError {
  func failure(file: String) -> CommandFailure {
    switch self {
    case .noWeights:
      CommandFailure("\(file): there is no float weight to prune; prune before quantizing", .unsupportedModel)
    case .sparsity(let found): CommandFailure("sparsity: expected 0 to below 1, found \(found)", .usage)
    case .fixedByPattern(let pattern, let layers):
      CommandFailure("--layer \(layers): the pattern \(pattern) sets the sparsity; only 0 leaves layers out", .usage)
    case .nothingNamed(let pattern, let known):
      CommandFailure(
        "\(file): --layer \(pattern): matches no weight; there are: \(known.joined(separator: ", "))", .usage)
    case .everythingExcluded: CommandFailure("\(file): --layer leaves no weight to prune", .usage)
    case .movementNeedsTraining: CommandFailure("--method movement: is measured while training; give --data", .usage)
    case .sensitivityNeedsData: CommandFailure("--scope sensitivity: is measured on data; give --data", .usage)
    case .training(let error): error.failure(file: file)
    }
  }
}

extension ChannelPruningError {
  func failure(file: String) -> CommandFailure {
    switch self {
    case .graph(let error): error.failure(file: file)
    case .operatorRefused(let node, let error):
      CommandFailure("\(file): node \(node): cannot be cut: \(error)", .unsupportedModel)
    case .tooLarge(let value, let limit):
      CommandFailure("\(file): \(value): the axes up to it have more than \(limit) indices", .unsupportedModel)
    case .invalidOption(let name, let expected, let found):
      CommandFailure("--\(name): expected \(expected), found \(found)", .usage)
    case .nothingToRemove(let whole):
      CommandFailure(
        (["\(file): no channel can be removed"]
          + whole.map { "\($0.count) channels of \($0.name): \($0.why.node) \($0.why.reason)" }).joined(
            separator: "; "),
        .unsupportedModel)
    case .noScales:
      CommandFailure(
        "\(file): --importance bn_scale: no batch normalization follows its channels; take l2 or taylor",
        .unsupportedModel)
    case .noGradients: CommandFailure("--importance taylor: is measured on data; give --data", .usage)
    case .targetUnreachable(let target, let lowest):
      CommandFailure(
        "\(file): --\(target.measure.rawValue) \(target.share): cannot be reached; the least is \(lowest)", .usage)
    case .planMismatch(let value): CommandFailure("\(file): \(value): the plan is of another network")
    case .wrongShape(let value, let expected, let found):
      CommandFailure("\(file): \(value): would have the shape \(found) instead of \(expected)", .unsupportedModel)
    case .training(let error): error.failure(file: file)
    }
  }
}
