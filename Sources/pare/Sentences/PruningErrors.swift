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
