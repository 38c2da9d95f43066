/// The learning rate of every step, a function of the step and of nothing that training finds out.
public struct LearningRateSchedule: Sendable, Equatable {
  /// The course of the rate after the warm-up; `progress` runs from 0 there to 1 at the end of training.
  public enum Shape: Sendable, Equatable {
    /// The base rate.
    case constant
    /// The base rate times `factor` for every `epochs` that are over, counted from the first step of training.
    case step(epochs: Int, factor: Double)
    /// From the base rate to `floor` along half a cosine, (1 + cos(pi progress)) / 2: Loshchilov and Hutter,
    /// "SGDR", 2017, without restarts.
    case cosine(floor: Double = 0)
    /// From base / `startDivisor` up to the base rate during `rise` of the steps, then down to
    /// base / (`startDivisor` * `endDivisor`) at the last step, both along half a cosine: Smith and Topin,
    /// "Super-convergence", 2018, in the form and with the numbers of PyTorch's `OneCycleLR`.
    case oneCycle(rise: Double = 0.3, startDivisor: Double = 25, endDivisor: Double = 10_000)
  }

  /// How long the rate rises linearly before the shape begins.
  public enum WarmUp: Sendable, Equatable {
    case none
    case steps(Int)
    /// Rounded to whole steps.
    case epochs(Double)
  }

  /// The learning rate that the shape starts from, or for one cycle the greatest one.
  public let base: Double
  public let shape: Shape
  public let warmUp: WarmUp

  /// Errors: the first setting that is out of range.
  public init(base: Double, shape: Shape = .constant, warmUp: WarmUp = .none) throws(InvalidSetting) {
    try InvalidSetting.unless(base > 0 && base.isFinite, "base", base, "base > 0")
    switch warmUp {
    case .none: break
    case .steps(let steps): try InvalidSetting.unless(steps >= 0, "warmUp", Double(steps), "warmUp >= 0")
    case .epochs(let epochs):
      try InvalidSetting.unless(epochs >= 0 && epochs < 1e6, "warmUp", epochs, "0 <= warmUp < 1e6")
    }
    try shape.check(base: base)
    self.base = base
    self.shape = shape
    self.warmUp = warmUp
  }

  /// The rate of `step`, which counts from 0, of a training of `totalSteps`.
  ///
  /// Step s of a warm-up of w steps has (s + 1) / (w + 1) of the rate at which the shape begins.
  public func rate(step: Int, stepsPerEpoch: Int, totalSteps: Int) -> Double {
    let warmUpSteps = min(warmUpSteps(stepsPerEpoch: stepsPerEpoch), max(totalSteps - 1, 0))
    guard step < warmUpSteps else {
      return shapedRate(step, after: warmUpSteps, stepsPerEpoch: stepsPerEpoch, totalSteps: totalSteps)
    }
    let first = shapedRate(warmUpSteps, after: warmUpSteps, stepsPerEpoch: stepsPerEpoch, totalSteps: totalSteps)
    return first * Double(step + 1) / Double(warmUpSteps + 1)
  }

  private func warmUpSteps(stepsPerEpoch: Int) -> Int {
    switch warmUp {
    case .none: 0
    case .steps(let steps): steps
    case .epochs(let epochs): Int((epochs * Double(stepsPerEpoch)).rounded())
    }
  }

  private func shapedRate(_ step: Int, after start: Int, stepsPerEpoch: Int, totalSteps: Int) -> Double {
    switch shape {
    case .constant: return base
    case .step(let epochs, let factor):
      return base * factor.raised(to: step / max(stepsPerEpoch, 1) / epochs)
    case .cosine(let floor):
      let progress = Double(step - start) / Double(max(totalSteps - start, 1))
      return Self.halfCosine(from: base, to: floor, min(progress, 1))
    case .oneCycle(let rise, let startDivisor, let endDivisor):
      let low = base / startDivisor
      let steps = Double(max(totalSteps - start, 1))
      let (top, end, now) = (rise * steps - 1, steps - 1, Double(step - start))
      if now <= top { return Self.halfCosine(from: low, to: base, top > 0 ? now / top : 1) }
      let progress = end > max(top, 0) ? (now - max(top, 0)) / (end - max(top, 0)) : 1
      return Self.halfCosine(from: base, to: low / endDivisor, min(progress, 1))
    }
  }

  private static func halfCosine(from start: Double, to end: Double, _ progress: Double) -> Double {
    end + (start - end) * (0.5 + 0.5 * PortableMath.cosinePi(progress))
  }
}

extension LearningRateSchedule.Shape {
  fileprivate func check(base: Double) throws(InvalidSetting) {
    switch self {
    case .constant: break
    case .step(let epochs, let factor):
      try InvalidSetting.unless(epochs >= 1, "epochs", Double(epochs), "epochs >= 1")
      try InvalidSetting.unless(factor > 0 && factor <= 1, "factor", factor, "0 < factor <= 1")
    case .cosine(let floor):
      try InvalidSetting.unless(floor >= 0 && floor <= base, "floor", floor, "0 <= floor <= base")
    case .oneCycle(let rise, let startDivisor, let endDivisor):
      try InvalidSetting.unless(rise > 0 && rise < 1, "rise", rise, "0 < rise < 1")
      for (name, divisor) in [("startDivisor", startDivisor), ("endDivisor", endDivisor)] {
        try InvalidSetting.unless(divisor >= 1 && divisor.isFinite, name, divisor, "\(name) >= 1")
      }
    }
  }
}
