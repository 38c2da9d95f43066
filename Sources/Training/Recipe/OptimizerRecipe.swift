/// How weights follow gradients. `learningRate` is the greatest that the schedule gives.
public enum OptimizerRecipe: Sendable, Equatable {
  /// Stochastic gradient descent; learning rate 0.01, momentum 0, without Nesterov's look ahead.
  case sgd(learningRate: Double, momentum: Double, isNesterov: Bool)
  /// Learning rate 0.001, beta1 0.9, beta2 0.999, epsilon 1e-8 (Kingma and Ba 2015).
  case adam(learningRate: Double, beta1: Double, beta2: Double, epsilon: Double)
  /// As Adam, and weight decay 0.01 apart from the gradient (Loshchilov and Hutter 2019).
  case adamW(learningRate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double)
  /// Learning rate 0.001, smoothing of the mean square 0.99, epsilon 1e-8, momentum 0 (Tieleman and Hinton 2012).
  case rmsProp(learningRate: Double, smoothing: Double, epsilon: Double, momentum: Double)

  public var learningRate: Double {
    switch self {
    case .sgd(let rate, _, _), .adam(let rate, _, _, _), .adamW(let rate, _, _, _, _), .rmsProp(let rate, _, _, _):
      rate
    }
  }
}

extension OptimizerRecipe {
  /// The names in recipes.
  enum Name: String, CaseIterable {
    case sgd, adam
    case adamW = "adamw"
    case rmsProp = "rmsprop"
  }

  init(_ value: RecipeValue) throws(RecipeError) {
    let named = try NamedArguments(value, what: "optimizer")
    switch try named.choice(Name.self, what: "optimizer") {
    case .sgd:
      let arguments = try named.mapping(allowing: ["learning_rate", "momentum", "nesterov"])
      let momentum = try arguments.number("momentum", in: .halfOpen(0, 1)) ?? 0
      let isNesterov = try arguments.flag("nesterov") ?? false
      if isNesterov, momentum == 0, let value = arguments["nesterov"] {
        throw .wrongValue(value.place, expected: "a momentum above 0 beside it", found: "momentum 0")
      }
      self = .sgd(learningRate: try Self.rate(arguments, 0.01), momentum: momentum, isNesterov: isNesterov)
    case .adam:
      let arguments = try named.mapping(allowing: ["learning_rate", "beta1", "beta2", "epsilon"])
      let (beta1, beta2, epsilon) = try Self.moments(arguments)
      self = .adam(learningRate: try Self.rate(arguments, 0.001), beta1: beta1, beta2: beta2, epsilon: epsilon)
    case .adamW:
      let arguments = try named.mapping(allowing: ["learning_rate", "beta1", "beta2", "epsilon", "weight_decay"])
      let (beta1, beta2, epsilon) = try Self.moments(arguments)
      self = .adamW(
        learningRate: try Self.rate(arguments, 0.001), beta1: beta1, beta2: beta2, epsilon: epsilon,
        weightDecay: try arguments.number("weight_decay", in: .notNegative) ?? 0.01)
    case .rmsProp:
      let arguments = try named.mapping(allowing: ["learning_rate", "smoothing", "epsilon", "momentum"])
      self = .rmsProp(
        learningRate: try Self.rate(arguments, 0.001),
        smoothing: try arguments.number("smoothing", in: .halfOpen(0, 1)) ?? 0.99,
        epsilon: try arguments.number("epsilon", in: .positive) ?? 1e-8,
        momentum: try arguments.number("momentum", in: .halfOpen(0, 1)) ?? 0)
    }
  }

  private static func rate(_ arguments: RecipeMapping, _ rate: Double) throws(RecipeError) -> Double {
    try arguments.number("learning_rate", in: .positive) ?? rate
  }

  private static func moments(
    _ arguments: RecipeMapping
  ) throws(RecipeError) -> (beta1: Double, beta2: Double, epsilon: Double) {
    (
      try arguments.number("beta1", in: .halfOpen(0, 1)) ?? 0.9,
      try arguments.number("beta2", in: .halfOpen(0, 1)) ?? 0.999,
      try arguments.number("epsilon", in: .positive) ?? 1e-8
    )
  }
}
