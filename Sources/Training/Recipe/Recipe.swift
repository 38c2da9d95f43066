import Yams

/// What `pare train` does: which network learns what, from which data, and how.
public enum Recipe {
  case supervised(SupervisedRecipe)
  case adversarial(AdversarialRecipe)

  private enum Kind: String, CaseIterable {
    case supervised, adversarial
  }

  /// Reads the recipe file at `path`. Errors: `RecipeError` with the place.
  public init(contentsOf path: String) throws(RecipeError) {
    try self.init(RecipeDocument(contentsOf: path))
  }

  /// Reads a recipe strictly: unknown and missing keys and values of another type are errors.
  public init(_ document: RecipeDocument) throws(RecipeError) {
    let mapping = try document.value.mapping()
    switch try mapping["kind"]?.choice("kind of recipe") ?? Kind.supervised {
    case .supervised: self = .supervised(try SupervisedRecipe(mapping))
    case .adversarial: self = .adversarial(try AdversarialRecipe(mapping))
    }
    if let tune = mapping["tune"] { try document.check(SearchDimension.list(tune), of: tune) }
  }

  public var seed: UInt64 {
    switch self {
    case .supervised(let recipe): recipe.seed
    case .adversarial(let recipe): recipe.seed
    }
  }
}

extension RecipeDocument {
  /// Throws unless the recipe can be read with the first value of each range in its place.
  fileprivate func check(_ dimensions: [SearchDimension], of tune: RecipeValue) throws(RecipeError) {
    for dimension in dimensions {
      var trial = self
      trial.remove("tune")
      do throws(RecipeError) {
        try trial.set(dimension.key, to: dimension.range.text(at: 0))
        _ = try Recipe(trial)
      } catch {
        let entry = RecipePlace(file: path, key: "tune.\(dimension.key)", line: tune.place.line)
        throw .noSuchPlace(entry, reason: "its first value is not accepted: \(error)")
      }
    }
  }
}

/// A recipe that reduces a loss between a network's outputs and targets.
public struct SupervisedRecipe {
  public enum ClassWeights: Sendable, Equatable {
    /// Each class inversely to how often it occurs.
    case balanced
    case weights([Double])
  }

  public var network: NetworkRecipe
  public var data: DataRecipe
  /// The mapping that Datasets reads.
  public var augmentation: Node?
  public var loss: LossRecipe
  public var optimizer: OptimizerRecipe
  public var schedule: ScheduleRecipe
  /// Half the square of each weight times this is added to the loss; 0 unless given.
  public var l2: Double
  /// The magnitude of each weight times this is added to the loss; 0 unless given.
  public var l1: Double
  /// The greatest length of the gradient of all parameters together.
  public var clipNorm: Double?
  /// What the average of the weights keeps of itself in each step; nil without averaging.
  public var average: Double?
  public var earlyStopping: StoppingRecipe?
  public var epochs: Int
  /// Samples of a step, 64 unless given.
  public var batch: Int
  /// 1 unless given.
  public var seed: UInt64
  public var classWeights: ClassWeights?
  public var trainable: ParameterSelection
  public var lowRank: LowRankRecipe?
  /// What of the weights' structure survives training: all of it in a network read from a file and none in a built
  /// one, unless given. Beside low-rank factors only zeros can.
  public var keep: Set<KeptStructure>
  /// What every Dropout of a network read from a file drops, from now on; nil for what the file says.
  public var dropout: Double?
  /// Ranges for hyperparameter search, in the order of the file.
  public var search: [SearchDimension]
}

extension SupervisedRecipe {
  static let keys = [
    "kind", "network", "data", "augment", "loss", "optimizer", "schedule", "regularization", "clip_norm", "average",
    "early_stopping", "epochs", "batch", "seed", "class_weights", "trainable", "lora", "keep",
    "dropout", "tune",
  ]

  init(_ mapping: RecipeMapping) throws(RecipeError) {
    try mapping.allowOnly(Self.keys)
    network = try NetworkRecipe(mapping.required("network"))
    data = try DataRecipe(mapping.required("data"))
    if let augment = mapping["augment"] {
      _ = try augment.mapping()
      augmentation = augment.node
    }
    loss = try LossRecipe(mapping.required("loss"))
    optimizer = try OptimizerRecipe(mapping.required("optimizer"))
    schedule = try mapping["schedule"].map { (value) throws(RecipeError) in try ScheduleRecipe(value) } ?? .init()
    let penalties = try mapping["regularization"]?.mapping()
    try penalties?.allowOnly(["l1", "l2"])
    l2 = try penalties?.number("l2", in: .notNegative) ?? 0
    l1 = try penalties?.number("l1", in: .notNegative) ?? 0
    clipNorm = try mapping.number("clip_norm", in: .positive)
    average = try mapping.number("average", in: .open(0, 1))
    earlyStopping = try mapping["early_stopping"].map { (value) throws(RecipeError) in try StoppingRecipe(value) }
    epochs = try mapping.epochs()
    batch = try mapping.batch()
    seed = try mapping.seed()
    classWeights = try mapping["class_weights"].map { (value) throws(RecipeError) in try ClassWeights(value) }
    trainable = try mapping["trainable"].map { (value) throws(RecipeError) in try ParameterSelection(value) } ?? .all
    lowRank = try mapping["lora"].map { (value) throws(RecipeError) in try LowRankRecipe(value) }
    keep = try KeptStructure.set(mapping["keep"], network, isLowRank: lowRank != nil)
    dropout = try Self.dropout(mapping["dropout"], network)
    search = try mapping["tune"].map { (value) throws(RecipeError) in try SearchDimension.list(value) } ?? []
    try requireValidation(mapping)
  }

  /// Only a file has rates that are not written in the recipe already.
  private static func dropout(
    _ value: RecipeValue?, _ network: NetworkRecipe
  ) throws(RecipeError) -> Double? {
    guard let value else { return nil }
    guard case .file = network else {
      throw value.wrong("a network from a file beside it, since layers say their rates themselves")
    }
    return try value.number(in: .halfOpen(0, 1))
  }

  /// Throws where something is decided by validation figures and there are no validation data.
  private func requireValidation(_ mapping: RecipeMapping) throws(RecipeError) {
    guard data.validation == nil else { return }
    let missing = RecipePlace(file: mapping.place.file, key: "data.validation", line: mapping["data"]?.place.line)
    if earlyStopping != nil { throw .missingKey(missing) }
    if case .reduceOnPlateau = schedule.shape { throw .missingKey(missing) }
  }
}

extension SupervisedRecipe.ClassWeights {
  init(_ value: RecipeValue) throws(RecipeError) {
    guard case .sequence = value.node else {
      guard try value.text("balanced, or a list of weights") == "balanced" else {
        throw value.wrong("balanced, or a list of weights")
      }
      self = .balanced
      return
    }
    var weights: [Double] = []
    for element in try value.elements("a list of weights") { weights.append(try element.number(in: .notNegative)) }
    self = .weights(weights)
  }
}

// What both kinds of recipe have.
extension RecipeMapping {
  func epochs() throws(RecipeError) -> Int { try required("epochs").integer(in: 1...1_000_000) }

  func batch() throws(RecipeError) -> Int { try integer("batch", in: 1...65_536) ?? 64 }

  func seed() throws(RecipeError) -> UInt64 { UInt64(try integer("seed", in: 0...Int.max) ?? 1) }
}
