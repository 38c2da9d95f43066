/// The gradient of the loss times `scale`, plus that of the penalties.
struct PenalizedGradient {
  let slopes: UnsafePointer<Float>
  let scale: Float
  let l1: Float
  let l2: Float

  init(_ slopes: UnsafePointer<Float>, scale: Float, _ regularization: Regularization) {
    self.slopes = slopes
    self.scale = scale
    l1 = Float(regularization.l1)
    l2 = Float(regularization.l2)
  }

  @inline(__always)
  func callAsFunction(_ index: Int, _ weight: Float) -> Float {
    let sign: Float = weight > 0 ? 1 : weight < 0 ? -1 : 0
    return slopes[index] * scale + (l2 * weight + l1 * sign)
  }
}

/// One step of an `UpdateRule` with its numbers worked out: in Double, then rounded to the Float that the loops use.
struct Update {
  private enum Kind {
    case descent
    case classical(momentum: Float)
    case nesterov(momentum: Float)
    case adam(Adam)
    case rmsProp(RMSProp)
  }

  private struct Adam {
    var beta1, beta2, rest1, rest2: Float
    /// r / (1 - beta1^t).
    var rate: Float
    /// 1 / sqrt(1 - beta2^t).
    var rootScale: Float
    var epsilon: Float
    /// 1 - r * decay.
    var keep: Float
  }

  private struct RMSProp {
    var smoothing, rest, epsilon, momentum: Float
  }

  private let kind: Kind
  private let rate: Float

  init(_ rule: UpdateRule, stepCount: Int, learningRate: Float) {
    func adam(_ beta1: Double, _ beta2: Double, _ epsilon: Double, decay: Double) -> Kind {
      let rate = Double(learningRate)
      return .adam(
        Adam(
          beta1: Float(beta1), beta2: Float(beta2), rest1: Float(1 - beta1), rest2: Float(1 - beta2),
          rate: Float(rate / (1 - beta1.raised(to: stepCount))),
          rootScale: Float(1 / (1 - beta2.raised(to: stepCount)).squareRoot()), epsilon: Float(epsilon),
          keep: Float(1 - rate * decay)))
    }
    rate = learningRate
    switch rule {
    case .sgd(.none): kind = .descent
    case .sgd(.classical(let momentum)): kind = .classical(momentum: Float(momentum))
    case .sgd(.nesterov(let momentum)): kind = .nesterov(momentum: Float(momentum))
    case .adam(let beta1, let beta2, let epsilon): kind = adam(beta1, beta2, epsilon, decay: 0)
    case .adamW(let beta1, let beta2, let epsilon, let decay): kind = adam(beta1, beta2, epsilon, decay: decay)
    case .rmsProp(let smoothing, let epsilon, let momentum):
      kind = .rmsProp(
        RMSProp(
          smoothing: Float(smoothing), rest: Float(1 - smoothing), epsilon: Float(epsilon), momentum: Float(momentum)))
    }
  }

  /// Changes `count` weights; `first` and `second` are what the rule keeps of them.
  func apply(
    to weights: UnsafeMutablePointer<Float>, count: Int, _ gradient: PenalizedGradient,
    _ first: UnsafeMutablePointer<Float>?, _ second: UnsafeMutablePointer<Float>?, isDecayed: Bool
  ) {
    switch (kind, first, second) {
    case (.descent, _, _):
      for i in 0..<count { weights[i] -= rate * gradient(i, weights[i]) }
    case (.classical(let momentum), let velocities?, _):
      for i in 0..<count {
        let velocity = momentum * velocities[i] + gradient(i, weights[i])
        velocities[i] = velocity
        weights[i] -= rate * velocity
      }
    case (.nesterov(let momentum), let velocities?, _):
      for i in 0..<count {
        let slope = gradient(i, weights[i])
        let velocity = momentum * velocities[i] + slope
        velocities[i] = velocity
        weights[i] -= rate * (slope + momentum * velocity)
      }
    case (.adam(let numbers), let means?, let squares?):
      Self.adam(numbers, weights, count, gradient, means, squares, keep: isDecayed ? numbers.keep : 1)
    case (.rmsProp(let numbers), let squares?, let velocities):
      rmsProp(numbers, weights, count, gradient, squares, velocities)
    case (.classical, _, _), (.nesterov, _, _), (.adam, _, _), (.rmsProp, _, _):
      preconditionFailure("an optimizer without its buffers")
    }
  }

  private static func adam(
    _ numbers: Adam, _ weights: UnsafeMutablePointer<Float>, _ count: Int, _ gradient: PenalizedGradient,
    _ means: UnsafeMutablePointer<Float>, _ squares: UnsafeMutablePointer<Float>, keep: Float
  ) {
    for i in 0..<count {
      let slope = gradient(i, weights[i])
      let mean = numbers.beta1 * means[i] + numbers.rest1 * slope
      let square = numbers.beta2 * squares[i] + numbers.rest2 * (slope * slope)
      means[i] = mean
      squares[i] = square
      let root = square.squareRoot() * numbers.rootScale + numbers.epsilon
      weights[i] = weights[i] * keep - numbers.rate * (mean / root)
    }
  }

  private func rmsProp(
    _ numbers: RMSProp, _ weights: UnsafeMutablePointer<Float>, _ count: Int, _ gradient: PenalizedGradient,
    _ squares: UnsafeMutablePointer<Float>, _ velocities: UnsafeMutablePointer<Float>?
  ) {
    func normalized(_ i: Int) -> Float {
      let slope = gradient(i, weights[i])
      let square = numbers.smoothing * squares[i] + numbers.rest * (slope * slope)
      squares[i] = square
      return slope / (square.squareRoot() + numbers.epsilon)
    }
    if let velocities {
      for i in 0..<count {
        let velocity = numbers.momentum * velocities[i] + normalized(i)
        velocities[i] = velocity
        weights[i] -= rate * velocity
      }
    } else {
      for i in 0..<count { weights[i] -= rate * normalized(i) }
    }
  }
}

extension Double {
  /// A power by multiplications alone, so that it is the same on every machine; `exponent` is at least 0.
  func raised(to exponent: Int) -> Double {
    var (result, square, rest) = (1.0, self, exponent)
    while rest > 0 {
      if rest & 1 == 1 { result *= square }
      square *= square
      rest >>= 1
    }
    return result
  }
}
