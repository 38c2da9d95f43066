import Training

/// What `pare compress` does: where a network comes from, the stages it goes through, what is built of it, and what
/// the result must keep to.
public struct CompressionRecipe: Sendable, Equatable {
  /// DATA files, located from the recipe's folder.
  public struct Data: Sendable, Equatable {
    /// What stages train on.
    public var train: String?
    /// What is measured after every stage, and decides nothing.
    public var test: String
    /// A share of the training data, or a DATA file.
    public var validation: String?
    /// What quantization watches.
    public var calibration: String?
  }

  /// Limits that the packed network must keep to; nil where there is none.
  public struct Gates: Sendable, Equatable {
    /// Points of accuracy that the result may lose against the first network.
    public var accuracyDrop: Double?
    public var bytes: Int?
    /// Of one inference on this machine, in microseconds; the median.
    public var latency: Double?
  }

  /// The ONNX file to begin with; nil where the first stage trains one.
  public var network: String?
  public var data: Data
  /// Of every stage that trains; nil for 1, and for what the recipe of a first stage `train` says.
  public var seed: UInt64?
  public var stages: [Stage]
  /// Targets that executables are built for.
  public var targets: [String]
  public var gates: Gates
}

extension CompressionRecipe {
  private static let keys = ["network", "data", "seed", "stages", "build", "gates"]

  /// Reads a recipe strictly. Errors: `RecipeError` with the place.
  public init(_ document: RecipeDocument) throws(RecipeError) {
    let mapping = try document.value.mapping()
    try mapping.allowOnly(Self.keys)
    network = try mapping.text("network").map { located($0, from: document.path) }
    data = try Data(mapping.required("data"))
    seed = try mapping.integer("seed", in: 0...Int.max).map { UInt64($0) }
    gates = try mapping["gates"].map { (value) throws(RecipeError) in try Gates(value) } ?? Gates()
    targets = []
    if let build = mapping["build"] {
      for element in try build.elements("a list of targets") { targets.append(try element.text()) }
    }
    stages = []
    for (index, element) in try mapping.required("stages").elements("a list of stages").enumerated() {
      let stage = try Stage(element)
      if stage.kind == .train {
        guard index == 0, network == nil else {
          throw .wrongValue(
            element.place, expected: "train as the first stage and no key 'network'",
            found: "train as stage \(index + 1)")
        }
      }
      stages.append(stage)
    }
    guard network != nil || stages[0].kind == .train else {
      throw .missingKey(RecipePlace(file: document.path, key: "network"))
    }
  }
}

extension CompressionRecipe.Data {
  init(_ value: RecipeValue) throws(RecipeError) {
    let mapping = try value.mapping()
    try mapping.allowOnly(["train", "test", "validation", "calibration"])
    func file(_ key: String) throws(RecipeError) -> String? {
      try mapping.text(key).map { Double($0) == nil ? located($0, from: value.file) : $0 }
    }
    train = try file("train")
    test = located(try mapping.required("test").text(), from: value.file)
    validation = try file("validation")
    calibration = try file("calibration")
  }
}

extension CompressionRecipe.Gates {
  init(_ value: RecipeValue) throws(RecipeError) {
    let mapping = try value.mapping()
    try mapping.allowOnly(["max_accuracy_drop", "max_bytes", "max_latency_us"])
    accuracyDrop = try mapping.number("max_accuracy_drop", in: .closed(0, 100))
    bytes = try mapping.integer("max_bytes", in: 1...1 << 40)
    latency = try mapping.number("max_latency_us", in: .positive)
  }
}

extension Stage {
  /// Reads `prune: { sparsity: 0.9 }`: the name of a command and its options, dashes written as underscores.
  init(_ value: RecipeValue) throws(RecipeError) {
    let named = try NamedArguments(value, what: "stage")
    guard let kind = StageKind(rawValue: named.name) else {
      throw .unknownName(named.place, what: "stage", found: named.name, known: StageKind.allCases.map(\.rawValue))
    }
    self.init(kind)
    guard let arguments = named.arguments else { return }
    for entry in try arguments.mapping().entries {
      let name = entry.key.replacingUnderscores
      guard !["output", "json", "resume", "checkpoint"].contains(name) else {
        throw .wrongValue(
          entry.value.place, expected: "an option other than --\(name), which the pipeline sets", found: name)
      }
      options += try Self.options(name, entry.value)
    }
  }

  /// A flag for true, nothing for false, one option for a value and one for each of a list.
  private static func options(_ name: String, _ value: RecipeValue) throws(RecipeError) -> [StageOption] {
    if case .sequence = value.node {
      var options: [StageOption] = []
      for element in try value.elements() { options += try Self.options(name, element) }
      return options
    }
    let text = try value.text("a value, a list of values, true or false")
    switch text {
    case "true": return [StageOption(name)]
    case "false": return []
    default:
      // `teacher: start` is the network that the pipeline begins with.
      let isFile = StageKind.pathOptions.contains(name) && Double(text) == nil && text != CompressionRun.startName
      return [StageOption(name, isFile ? located(text, from: value.file) : text)]
    }
  }
}

extension String {
  fileprivate var replacingUnderscores: String { String(map { $0 == "_" ? "-" : $0 }) }
}
