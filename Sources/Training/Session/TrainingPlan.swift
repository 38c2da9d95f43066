import Datasets

/// The numbers that a run follows.
public struct TrainingPlan: Sendable {
  public var loss: Loss
  public var rule: UpdateRule
  /// The greatest that the schedule gives.
  public var learningRate: Double
  public var schedule = ScheduleRecipe()
  public var regularization = Regularization.none
  public var clipNorm: Double?
  public var averageDecay: Double?
  public var stopping: StoppingRecipe?
  public var epochs: Int
  public var seed: UInt64

  public init(loss: Loss, rule: UpdateRule, learningRate: Double, epochs: Int, seed: UInt64) {
    self.loss = loss
    self.rule = rule
    self.learningRate = learningRate
    self.epochs = epochs
    self.seed = seed
  }

  /// What `recipe` says, with class weights counted from `dataset` where it asks for balanced ones.
  ///
  /// Errors: `.dataset` where classes cannot be counted.
  public init(_ recipe: SupervisedRecipe, dataset: Dataset) throws(TrainingError) {
    loss = Loss(recipe.loss, classWeights: try Self.weights(recipe.classWeights, dataset))
    rule = UpdateRule(recipe.optimizer)
    learningRate = recipe.optimizer.learningRate
    schedule = recipe.schedule
    regularization = Regularization(l1: recipe.l1, l2: recipe.l2)
    clipNorm = recipe.clipNorm
    averageDecay = recipe.average
    stopping = recipe.earlyStopping
    epochs = recipe.epochs
    seed = recipe.seed
  }

  private static func weights(
    _ recipe: SupervisedRecipe.ClassWeights?, _ dataset: Dataset
  ) throws(TrainingError) -> [Double]? {
    switch recipe {
    case nil: return nil
    case .weights(let weights)?: return weights
    case .balanced?:
      do throws(DatasetError) { return try dataset.balancedClassWeights().map { Double($0) } } catch {
        throw .dataset(error)
      }
    }
  }
}

extension Loss {
  init(_ recipe: LossRecipe, classWeights: [Double]?) {
    switch recipe {
    case .crossEntropy(let smoothing): self = .crossEntropy(labelSmoothing: smoothing, classWeights: classWeights)
    case .binaryCrossEntropy(let positiveWeight):
      // Of two classes only the weight of the second relative to the first matters.
      let ratio = classWeights.flatMap { $0.count == 2 && $0[0] > 0 ? $0[1] / $0[0] : nil } ?? 1
      self = .binaryCrossEntropy(positiveWeight: positiveWeight * ratio)
    case .meanSquaredError: self = .meanSquaredError
    case .meanAbsoluteError: self = .meanAbsoluteError
    case .kullbackLeibler(let temperature): self = .distillation(temperature: temperature)
    case .cosine: self = .cosine
    }
  }
}

extension UpdateRule {
  init(_ recipe: OptimizerRecipe) {
    switch recipe {
    case .sgd(_, let momentum, let isNesterov):
      self = .sgd(momentum == 0 ? .none : isNesterov ? .nesterov(momentum) : .classical(momentum))
    case .adam(_, let beta1, let beta2, let epsilon): self = .adam(beta1: beta1, beta2: beta2, epsilon: epsilon)
    case .adamW(_, let beta1, let beta2, let epsilon, let decay):
      self = .adamW(beta1: beta1, beta2: beta2, epsilon: epsilon, decay: decay)
    case .rmsProp(_, let decay, let epsilon, let momentum):
      self = .rmsProp(smoothing: decay, epsilon: epsilon, momentum: momentum)
    }
  }
}
