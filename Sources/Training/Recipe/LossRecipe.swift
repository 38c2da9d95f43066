/// The loss that training reduces. Softmax and sigmoid at the end of a network belong to the first two.
public enum LossRecipe: Sendable, Equatable {
  /// Of one class among several. `labelSmoothing` is the share of each label spread evenly over all classes,
  /// 0 unless given (Szegedy et al. 2016).
  case crossEntropy(labelSmoothing: Double)
  /// Of each output on its own, yes or no. What is yes counts `positiveWeight` times, 1 unless given.
  case binaryCrossEntropy(positiveWeight: Double)
  case meanSquaredError
  case meanAbsoluteError
  /// Between distributions softened by `temperature`, 1 unless given (Hinton, Vinyals and Dean 2015).
  case kullbackLeibler(temperature: Double)
  /// One minus the cosine of the angle between output and target.
  case cosine
}

extension LossRecipe {
  /// The names in recipes.
  enum Name: String, CaseIterable {
    case crossEntropy = "cross_entropy"
    case binaryCrossEntropy = "binary_cross_entropy"
    case meanSquaredError = "mean_squared_error"
    case meanAbsoluteError = "mean_absolute_error"
    case kullbackLeibler = "kullback_leibler"
    case cosine
  }

  init(_ value: RecipeValue) throws(RecipeError) {
    let named = try NamedArguments(value, what: "loss")
    switch try named.choice(Name.self, what: "loss") {
    case .crossEntropy:
      let arguments = try named.mapping(allowing: ["label_smoothing"])
      self = .crossEntropy(labelSmoothing: try arguments.number("label_smoothing", in: .halfOpen(0, 1)) ?? 0)
    case .binaryCrossEntropy:
      let arguments = try named.mapping(allowing: ["positive_weight"])
      self = .binaryCrossEntropy(positiveWeight: try arguments.number("positive_weight", in: .positive) ?? 1)
    case .meanSquaredError:
      _ = try named.mapping(allowing: [])
      self = .meanSquaredError
    case .meanAbsoluteError:
      _ = try named.mapping(allowing: [])
      self = .meanAbsoluteError
    case .kullbackLeibler:
      let arguments = try named.mapping(allowing: ["temperature"])
      self = .kullbackLeibler(temperature: try arguments.number("temperature", in: .positive) ?? 1)
    case .cosine:
      _ = try named.mapping(allowing: [])
      self = .cosine
    }
  }
}

extension NamedArguments {
  /// The name as a case of an enumeration.
  func choice<E: RawRepresentable<String> & CaseIterable>(
    _ type: E.Type, what: String
  ) throws(RecipeError) -> E {
    guard let choice = E(rawValue: name) else {
      throw .unknownName(place, what: what, found: name, known: E.allCases.map(\.rawValue))
    }
    return choice
  }
}
