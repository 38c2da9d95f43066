import Datasets

/// The numbers that a run follows.
public struct TrainingPlan: Sendable {
  public struct LossSettings: Sendable {
    public var loss: Loss
    /// The share by which targets of 0 and 1 move toward one half.
    public var binarySmoothing = 0.0

    public init(_ loss: Loss, binarySmoothing: Double = 0) {
      self.loss = loss
      self.binarySmoothing = binarySmoothing
    }
  }

  public var loss: LossSettings
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
    self.loss = LossSettings(loss)
    self.rule = rule
    self.learningRate = learningRate
    self.epochs = epochs
    self.seed = seed
  }

  /// What `recipe` says, with class weights counted from `dataset` where it asks for balanced ones.
  ///
  /// Errors: `.dataset` where classes cannot be counted.
  public init(_ recipe: SupervisedRecipe, dataset: Dataset) throws(TrainingError) {
    loss = LossSettings(recipe.loss, classWeights: try Self.weights(recipe.classWeights, dataset))
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

extension TrainingPlan.LossSettings {
  init(_ recipe: LossRecipe, classWeights: [Double]?) {
    switch recipe {
    case .crossEntropy(let smoothing):
      self.init(.crossEntropy(labelSmoothing: smoothing, classWeights: classWeights))
    case .binaryCrossEntropy(let smoothing):
      // The weight of the second class relative to the first.
      let weight = classWeights.flatMap { $0.count == 2 && $0[0] > 0 ? $0[1] / $0[0] : nil } ?? 1
      self.init(.binaryCrossEntropy(positiveWeight: weight), binarySmoothing: smoothing)
    case .meanSquaredError: self.init(.meanSquaredError)
    case .meanAbsoluteError: self.init(.meanAbsoluteError)
    case .kullbackLeibler(let temperature): self.init(.distillation(temperature: temperature))
    case .cosine: self.init(.cosine)
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
