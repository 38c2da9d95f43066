import Training

/// Parameters in one buffer under an optimizer, with gradients given or computed.
struct FlatParameters {
  var optimizer: Optimizer
  var trained: TrainedBlocks
  var values: [Float]

  init(_ rule: UpdateRule, regularization: Regularization = .none, _ values: [Float], trained: [TrainedRange]? = nil)
    throws
  {
    optimizer = try Optimizer(rule, regularization: regularization, count: values.count)
    self.trained = TrainedBlocks(
      count: values.count, trained: trained ?? [TrainedRange(0..<values.count, isDecayed: true)])
    self.values = values
  }

  mutating func step(_ gradients: [Float], learningRate: Float, clipping: GradientClipping? = nil) {
    gradients.withUnsafeBufferPointer { gradients in
      let scale = clipping.map { $0.scale(norm: trained.gradientNorm(gradients)) } ?? 1
      values.withUnsafeMutableBufferPointer {
        optimizer.step(
          trained, parameters: $0, gradients: gradients, learningRate: learningRate, gradientScale: scale)
      }
    }
  }
}

/// Gradients that differ from step to step, by a fixed formula.
func waves(_ count: Int, step: Int) -> [Float] {
  (0..<count).map { index in Float((index &* 7 &+ step &* 13) % 31 - 15) * 0.03125 + Float(step % 3) * 0.1 }
}
