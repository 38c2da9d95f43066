/// A recipe that trains a generator of samples and a discriminator that tells them from real ones against each
/// other (Goodfellow et al. 2014).
public struct AdversarialRecipe: Sendable {
  /// One of the two networks with its own optimizer.
  public struct Player: Sendable {
    public var network: LayeredNetwork
    public var optimizer: OptimizerRecipe
  }

  /// Normal random numbers that the generator makes a sample of.
  public var latent: Int
  /// From [latent] to a sample.
  public var generator: Player
  /// From a sample to one number: real, or not.
  public var discriminator: Player
  public var data: DataRecipe
  public var epochs: Int
  /// Real samples of a step, and as many generated ones; 64 unless given.
  public var batch: Int
  /// 1 unless given.
  public var seed: UInt64
  /// What the target of real samples is below 1; 0 unless given (Salimans et al. 2016).
  public var labelSmoothing: Double
}

extension AdversarialRecipe {
  static let keys = [
    "kind", "latent", "generator", "discriminator", "data", "epochs", "batch", "seed", "label_smoothing",
  ]

  init(_ mapping: RecipeMapping) throws(RecipeError) {
    try mapping.allowOnly(Self.keys)
    latent = try mapping.required("latent").integer(in: 1...1 << 20)
    let generator = try mapping.required("generator").mapping()
    try generator.allowOnly(["layers", "optimizer"])
    self.generator = Player(
      network: LayeredNetwork(
        input: [latent], inputType: .float32, layers: try LayerRecipe.list(generator.required("layers"))),
      optimizer: try OptimizerRecipe(generator.required("optimizer")))
    let discriminator = try mapping.required("discriminator").mapping()
    try discriminator.allowOnly(["input", "layers", "optimizer"])
    self.discriminator = Player(
      network: try LayeredNetwork(discriminator), optimizer: try OptimizerRecipe(discriminator.required("optimizer")))
    data = try DataRecipe(mapping.required("data"))
    epochs = try mapping.epochs()
    batch = try mapping.batch()
    seed = try mapping.seed()
    labelSmoothing = try mapping.number("label_smoothing", in: .halfOpen(0, 1)) ?? 0
  }
}
