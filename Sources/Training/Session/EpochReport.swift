/// The figures of one epoch.
public struct EpochReport: Codable, Sendable, Equatable {
  /// Counts from 1.
  public var epoch: Int
  /// Of the epoch's last step.
  public var learningRate: Double
  /// Mean over the epoch's batches while they were trained on, dropout and augmentation included.
  public var loss: Double
  public var metric: Double
  /// After the epoch, as the network evaluates; nil where no validation data are given.
  public var validationLoss: Double?
  public var validationMetric: Double?
  /// Of an adversarial run, in which `loss` is the generator's and `metric` how often the discriminator was right.
  public var discriminatorLoss: Double?
  public var samplesPerSecond: Double
  /// Wall time, validation included.
  public var seconds: Double

  package init(
    epoch: Int, learningRate: Double, loss: Double, metric: Double, validationLoss: Double? = nil,
    validationMetric: Double? = nil, discriminatorLoss: Double? = nil, samplesPerSecond: Double, seconds: Double
  ) {
    self.epoch = epoch
    self.learningRate = learningRate
    self.loss = loss
    self.metric = metric
    self.validationLoss = validationLoss
    self.validationMetric = validationMetric
    self.discriminatorLoss = discriminatorLoss
    self.samplesPerSecond = samplesPerSecond
    self.seconds = seconds
  }
}
