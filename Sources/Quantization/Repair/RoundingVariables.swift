import HostTensors

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// The variables v of adaptive rounding, one for each weight, with Adam's moments.
struct RoundingVariables {
  /// The rectified sigmoid h(v) = clip(sigmoid(v) * (zeta - gamma) + gamma, 0, 1) reaches 0 and 1 (Louizos,
  /// Welling and Kingma, 2018).
  private static let gamma: Float = -0.1
  private static let zeta: Float = 1.1

  private let shape: [Int]
  /// floor(w / s) within the levels, and the scale, for each weight.
  private var floors: [Float] = []
  private var scales: [Float] = []
  private let greatest: Float
  /// Weights whose level is settled: zeros, and those beyond the levels.
  private var isFixed: [Bool] = []
  private var v: [Float] = []
  private var firstMoment: [Float]
  private var secondMoment: [Float]
  private var stepCount = 0

  /// Variables at which h is the fraction that floor(w / s) leaves.
  init(_ weight: Tensor, _ plan: WeightPlan) {
    shape = weight.shape
    greatest = Float(plan.bits.greatestLevel)
    let inner = weight.shape[(plan.channelAxis + 1)...].reduce(1, *)
    firstMoment = [Float](repeating: 0, count: weight.count)
    secondMoment = firstMoment
    for (index, element) in weight.floats.enumerated() {
      let scale = plan.scales[index / inner % plan.scales.count]
      let scaled = element / scale
      let level = min(max(scaled.rounded(.down), -greatest), greatest)
      let fraction = min(max(scaled - level, 0), 1)
      scales.append(scale)
      floors.append(level)
      isFixed.append(element == 0 || scaled.magnitude >= greatest)
      let share = (fraction - Self.gamma) / (Self.zeta - Self.gamma)
      v.append(-log(1 / share - 1))
    }
    for index in v.indices where isFixed[index] { v[index] = 0 }
  }

  private static func sigmoid(_ v: Float) -> Float { 1 / (1 + exp(-v)) }

  private static func rectified(_ v: Float) -> Float { min(max(sigmoid(v) * (zeta - gamma) + gamma, 0), 1) }

  /// The weight with every level between two integers where v says so.
  func softWeight() -> Tensor { weight { Self.rectified(v[$0]) } }

  /// The weight on its levels.
  func hardWeight() -> Tensor { weight { v[$0] >= 0 ? 1 : 0 } }

  private func weight(_ h: (Int) -> Float) -> Tensor {
    Tensor(shape: shape, of: Float.self) { (target: UnsafeMutableBufferPointer<Float>) in
      for index in target.indices {
        // What is fixed at the lower end of the levels has its level, not the one above.
        let offset = isFixed[index] ? 0 : h(index)
        target[index] = min(max(floors[index] + offset, -greatest), greatest) * scales[index]
      }
    }
  }

  /// One step of Adam (Kingma and Ba, 2015) down the gradient of the error by the weight plus that of
  /// regularization * sum(1 - |2 h - 1|^power).
  mutating func step(_ gradient: Tensor, learningRate: Float, regularization: Float, power: Float) {
    stepCount += 1
    let (beta1, beta2): (Float, Float) = (0.9, 0.999)
    let correction1 = 1 - pow(beta1, Float(stepCount))
    let correction2 = 1 - pow(beta2, Float(stepCount))
    gradient.withElements(as: Float.self) { gradient in
      for index in gradient.indices where !isFixed[index] {
        let sigmoid = Self.sigmoid(v[index])
        let h = sigmoid * (Self.zeta - Self.gamma) + Self.gamma
        // Outside 0...1 the rectifier is flat.
        let slope = h > 0 && h < 1 ? sigmoid * (1 - sigmoid) * (Self.zeta - Self.gamma) : 0
        var byH = gradient[index] * scales[index]
        if regularization > 0 {
          let distance = 2 * h - 1
          byH -= regularization * 2 * power * pow(distance.magnitude, power - 1) * (distance < 0 ? -1 : 1)
        }
        let g = byH * slope
        firstMoment[index] = beta1 * firstMoment[index] + (1 - beta1) * g
        secondMoment[index] = beta2 * secondMoment[index] + (1 - beta2) * g * g
        v[index] -=
          learningRate * (firstMoment[index] / correction1)
          / ((secondMoment[index] / correction2).squareRoot() + 1e-8)
      }
    }
  }
}
