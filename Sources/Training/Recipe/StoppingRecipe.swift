/// When a run ends before its last epoch.
public struct StoppingRecipe: Sendable, Equatable {
  public var metric: MetricRecipe
  /// Epochs without improvement that are borne.
  public var patience: Int
  /// The least change that counts as improvement, 0 unless given.
  public var minimumChange: Double
  /// Whether the weights of the best epoch are taken up again at the end, as they are unless told otherwise.
  public var restoresBest: Bool

  public init(metric: MetricRecipe, patience: Int, minimumChange: Double = 0, restoresBest: Bool = true) {
    self.metric = metric
    self.patience = patience
    self.minimumChange = minimumChange
    self.restoresBest = restoresBest
  }
}

extension StoppingRecipe {
  init(_ value: RecipeValue) throws(RecipeError) {
    let mapping = try value.mapping()
    try mapping.allowOnly(["metric", "patience", "minimum_change", "restore_best"])
    metric = try mapping["metric"]?.choice("metric") ?? .validationLoss
    patience = try mapping.required("patience").integer(in: 1...1_000_000)
    minimumChange = try mapping.number("minimum_change", in: .notNegative) ?? 0
    restoresBest = try mapping.flag("restore_best") ?? true
  }
}
