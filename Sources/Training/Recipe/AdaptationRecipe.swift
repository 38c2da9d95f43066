extension ParameterSelection {
  init(_ value: RecipeValue) throws(RecipeError) {
    if case .sequence = value.node {
      self = .matching(try patterns(value))
      return
    }
    switch try value.text("all, head, biases or a list of patterns") {
    case "all": self = .all
    case "head": self = .head
    case "biases": self = .biases
    default: throw value.wrong("all, head, biases or a list of patterns")
    }
  }
}

/// Thin factors that are trained beside frozen weights (LoRA: Hu et al. 2021).
public struct LowRankRecipe: Sendable, Equatable {
  public var rank: Int
  /// The product of the factors is multiplied by alpha / rank; alpha is the rank unless given.
  public var alpha: Double
  /// Names of the weights to adapt, as patterns; empty for all that can be.
  public var patterns: [String]

  public init(rank: Int, alpha: Double, patterns: [String]) {
    self.rank = rank
    self.alpha = alpha
    self.patterns = patterns
  }
}

extension LowRankRecipe {
  init(_ value: RecipeValue) throws(RecipeError) {
    let mapping = try value.mapping()
    try mapping.allowOnly(["rank", "alpha", "on"])
    rank = try mapping.required("rank").integer(in: 1...4096)
    alpha = try mapping.number("alpha", in: .positive) ?? Double(rank)
    patterns = try mapping["on"].map { (value) throws(RecipeError) in try Training.patterns(value) } ?? []
  }
}

extension KeptStructure {
  /// The structures that `value` lists; what `network` has by default where it is nil.
  static func set(
    _ value: RecipeValue?, _ network: NetworkRecipe, isLowRank: Bool
  ) throws(RecipeError) -> Set<KeptStructure> {
    guard let value else {
      guard case .file = network else { return [] }
      return isLowRank ? [.zeros] : Set(allCases)
    }
    guard case .sequence = value.node else {
      guard try value.text("none, or a list of structures") == "none" else {
        throw value.wrong("none, or a list of structures")
      }
      return []
    }
    var kept: Set<KeptStructure> = []
    for element in try value.elements() {
      let structure: KeptStructure = try element.choice("structure")
      guard structure == .zeros || !isLowRank else {
        throw element.wrong("zeros alone beside lora, whose products are added to shared values")
      }
      kept.insert(structure)
    }
    return kept
  }
}

func patterns(_ value: RecipeValue) throws(RecipeError) -> [String] {
  var patterns: [String] = []
  for element in try value.elements("a list of patterns") { patterns.append(try element.text("a pattern")) }
  return patterns
}
