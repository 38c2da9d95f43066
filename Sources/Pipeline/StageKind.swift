/// The commands that a pipeline may be made of.
public enum StageKind: String, CaseIterable, Sendable {
  case train, finetune, prune, distill, factorize, cluster, quantize

  /// Options whose values are files, relative to the recipe.
  static let pathOptions: Set<String> = [
    "answers", "calibration", "data", "recipe", "student-recipe", "teacher", "test", "validation",
  ]

  /// Whether a stage with these options trains, and so takes the recipe's data.
  func trains(_ options: [StageOption]) -> Bool {
    switch self {
    case .train: false
    case .finetune, .distill: true
    // At once, unless they say for how long.
    case .prune, .factorize, .cluster: options.contains { $0.name == "epochs" }
    case .quantize: options.contains { $0.name == "train" }
    }
  }
}

/// One option of a stage's command, as the command line spells it.
public struct StageOption: Sendable, Equatable {
  /// Without the leading dashes.
  public var name: String
  /// nil for a flag.
  public var value: String?

  public init(_ name: String, _ value: String? = nil) {
    self.name = name
    self.value = value
  }
}

/// One stage of a pipeline: a command and what it is told beyond the data that all stages share.
public struct Stage: Sendable, Equatable {
  public var kind: StageKind
  public var options: [StageOption]

  public init(_ kind: StageKind, _ options: [StageOption] = []) {
    self.kind = kind
    self.options = options
  }

  func has(_ name: String) -> Bool { options.contains { $0.name == name } }
}
