/// How one step changes a weight w by its gradient g and the learning rate r.
///
/// Every rule is written in PyTorch's form, so that settings found there carry over.
public enum UpdateRule: Sendable, Equatable {
  /// How steps of plain descent add up.
  public enum Momentum: Sendable, Equatable {
    /// w -= r g.
    case none
    /// v = m v + g; w -= r v (Polyak 1964).
    case classical(Double)
    /// v = m v + g; w -= r (g + m v): Sutskever, Martens, Dahl and Hinton 2013, with the gradient taken at the
    /// shifted weights, which are the ones that are kept.
    case nesterov(Double)
  }

  /// Stochastic gradient descent.
  case sgd(Momentum = .none)
  /// Kingma and Ba, "Adam", 2015, with their correction of the bias; epsilon is added to the corrected root.
  case adam(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8)
  /// Adam after w -= r * decay * w on what is decayed: Loshchilov and Hutter, "Decoupled weight decay
  /// regularization", 2019.
  case adamW(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, decay: Double = 0.01)
  /// s = a s + (1 - a) g^2; u = g / (sqrt(s) + epsilon); v = m v + u; w -= r v. Tieleman and Hinton 2012;
  /// a is `smoothing`, m is `momentum` and may be 0.
  case rmsProp(smoothing: Double = 0.99, epsilon: Double = 1e-8, momentum: Double = 0)

  /// What the rule keeps from step to step: the names of its buffers, each of one float per parameter.
  var bufferNames: [String] {
    switch self {
    case .sgd(.none): []
    case .sgd(.classical), .sgd(.nesterov): ["momentum"]
    case .adam, .adamW: ["first_moment", "second_moment"]
    case .rmsProp(_, _, let momentum): momentum == 0 ? ["mean_square"] : ["mean_square", "momentum"]
    }
  }

  func check() throws(InvalidSetting) {
    func fraction(_ name: String, _ value: Double) throws(InvalidSetting) {
      try InvalidSetting.unless(value >= 0 && value < 1, name, value, "0 <= \(name) < 1")
    }
    func positive(_ name: String, _ value: Double) throws(InvalidSetting) {
      try InvalidSetting.unless(value > 0 && value.isFinite, name, value, "\(name) > 0")
    }
    switch self {
    case .sgd(.none): break
    case .sgd(.classical(let momentum)), .sgd(.nesterov(let momentum)): try fraction("momentum", momentum)
    case .adam(let beta1, let beta2, let epsilon):
      try fraction("beta1", beta1)
      try fraction("beta2", beta2)
      try positive("epsilon", epsilon)
    case .adamW(let beta1, let beta2, let epsilon, let decay):
      try UpdateRule.adam(beta1: beta1, beta2: beta2, epsilon: epsilon).check()
      try InvalidSetting.unless(decay >= 0 && decay.isFinite, "decay", decay, "decay >= 0")
    case .rmsProp(let smoothing, let epsilon, let momentum):
      try fraction("smoothing", smoothing)
      try positive("epsilon", epsilon)
      try fraction("momentum", momentum)
    }
  }
}

/// Penalties that the loss does not show: l1 * |w| and l2 / 2 * w^2 summed over the decayed weights.
///
/// Their gradients l1 * sign(w) + l2 * w join the clipped gradient of the loss. `l2` is what PyTorch calls
/// `weight_decay` of SGD, Adam and RMSprop; the decoupled decay belongs to `UpdateRule.adamW`.
public struct Regularization: Sendable, Equatable {
  public var l1: Double
  public var l2: Double

  public static let none = Regularization()

  public init(l1: Double = 0, l2: Double = 0) {
    self.l1 = l1
    self.l2 = l2
  }

  func check() throws(InvalidSetting) {
    try InvalidSetting.unless(l1 >= 0 && l1.isFinite, "l1", l1, "l1 >= 0")
    try InvalidSetting.unless(l2 >= 0 && l2.isFinite, "l2", l2, "l2 >= 0")
  }
}
