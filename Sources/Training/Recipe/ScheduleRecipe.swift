/// How the learning rate changes over a run, as multiples of the optimizer's.
public struct ScheduleRecipe: Sendable, Equatable {
  public enum Shape: Sendable, Equatable {
    case constant
    /// Multiplied by `factor`, 0.1 unless given, after every so many epochs.
    case step(everyEpochs: Int, factor: Double)
    /// Half a wave from the optimizer's rate to `minimum` times it, 0 unless given (Loshchilov and Hutter 2017).
    case cosine(minimum: Double)
    /// From `start` times the optimizer's rate up to it over the share `rise` of all steps, then down to `end`
    /// times it, both as half waves; 0.04, 0.3 and 0.0001 unless given (Smith and Topin 2018).
    case oneCycle(start: Double, rise: Double, end: Double)
    /// Multiplied by `factor`, 0.1 unless given, when `metric` has not become better by `minimumChange`, 0.0001 unless
    /// given, for more than `patience` epochs, 10 unless given; not below `minimum` times the optimizer's rate, 0 unless
    /// given.
    case reduceOnPlateau(
      metric: MetricRecipe, factor: Double, patience: Int, minimumChange: Double, minimum: Double)
  }

  /// A rise from 0 in equal steps before the shape begins.
  public enum WarmUp: Sendable, Equatable {
    case epochs(Double)
    case steps(Int)
  }

  public var shape: Shape
  public var warmUp: WarmUp?

  public init(shape: Shape = .constant, warmUp: WarmUp? = nil) {
    self.shape = shape
    self.warmUp = warmUp
  }
}

/// A figure of an epoch that decisions are made by.
public enum MetricRecipe: String, Sendable, CaseIterable {
  case validationLoss = "validation_loss"
  case validationAccuracy = "validation_accuracy"
}

extension ScheduleRecipe {
  /// The names in recipes.
  enum Name: String, CaseIterable {
    case constant, step, cosine
    case oneCycle = "one_cycle"
    case reduceOnPlateau = "reduce_on_plateau"
  }

  /// Reads a name, or a mapping of one name and `warm_up`.
  init(_ value: RecipeValue) throws(RecipeError) {
    guard case .mapping = value.node else {
      self.init(shape: try Shape(NamedArguments(value, what: "schedule")))
      return
    }
    let mapping = try value.mapping()
    let shapes = mapping.entries.filter { $0.key != "warm_up" }
    self.init(warmUp: try mapping["warm_up"].map { (value) throws(RecipeError) in try WarmUp(value) })
    if !shapes.isEmpty || warmUp == nil {
      shape = try Shape(NamedArguments(RecipeMapping(place: mapping.place, entries: shapes), what: "schedule"))
    }
  }
}

extension ScheduleRecipe.Shape {
  init(_ named: NamedArguments) throws(RecipeError) {
    switch try named.choice(ScheduleRecipe.Name.self, what: "schedule") {
    case .constant:
      _ = try named.mapping(allowing: [])
      self = .constant
    case .step:
      let arguments = try named.mapping(allowing: ["every", "factor"])
      self = .step(
        everyEpochs: try arguments.required("every").integer(in: 1...1_000_000),
        factor: try arguments.number("factor", in: .open(0, 1)) ?? 0.1)
    case .cosine:
      let arguments = try named.mapping(allowing: ["minimum"])
      self = .cosine(minimum: try arguments.number("minimum", in: .halfOpen(0, 1)) ?? 0)
    case .oneCycle:
      let arguments = try named.mapping(allowing: ["start", "rise", "end"])
      self = .oneCycle(
        start: try arguments.number("start", in: .open(0, 1)) ?? 0.04,
        rise: try arguments.number("rise", in: .open(0, 1)) ?? 0.3,
        end: try arguments.number("end", in: .open(0, 1)) ?? 0.0001)
    case .reduceOnPlateau:
      let arguments = try named.mapping(allowing: ["metric", "factor", "patience", "minimum_change", "minimum"])
      self = .reduceOnPlateau(
        metric: try arguments["metric"]?.choice("metric") ?? .validationLoss,
        factor: try arguments.number("factor", in: .open(0, 1)) ?? 0.1,
        patience: try arguments.integer("patience", in: 0...1_000_000) ?? 10,
        minimumChange: try arguments.number("minimum_change", in: .notNegative) ?? 1e-4,
        minimum: try arguments.number("minimum", in: .halfOpen(0, 1)) ?? 0)
    }
  }
}

extension ScheduleRecipe.WarmUp {
  init(_ value: RecipeValue) throws(RecipeError) {
    let mapping = try value.mapping()
    try mapping.allowOnly(["epochs", "steps"])
    switch (mapping["epochs"], mapping["steps"]) {
    case (let epochs?, nil): self = .epochs(try epochs.number(in: .positive))
    case (nil, let steps?): self = .steps(try steps.integer(in: 1...1 << 40))
    case (nil, nil), (_?, _?): throw value.wrong("epochs: N or steps: N")
    }
  }
}
