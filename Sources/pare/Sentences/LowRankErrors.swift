import Graph
import LowRank
import Measurement

extension LowRankError {
  func failure(file: String) -> CommandFailure {
    switch self {
    case .setting(let name, let value, let expected):
      CommandFailure("--\(name): expected \(expected), found \(value)", .usage)
    case .nothingToFactorize(let reasons):
      CommandFailure(
        "\(file): holds nothing to factorize" + (reasons.isEmpty ? "" : ": " + reasons.joined(separator: "; ")),
        .unsupportedModel)
    case .budgetOutOfReach(let share, let least):
      CommandFailure(
        "\(file): --macs \(share) cannot be reached: with ranks of 1 wherever that saves anything, \((100 * least).grouped(decimals: 2)) % remain",
        .usage)
    case .planMismatch(let node): CommandFailure("\(file): the plan does not fit the node '\(node)'")
    case .graph(let error): error.failure(file: file)
    }
  }
}
