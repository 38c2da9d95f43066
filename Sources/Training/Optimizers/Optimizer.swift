import HostTensors

/// Changes parameters by their gradients, step after step.
///
/// Works on flat buffers of `count` floats. A step does the same operations on every float, each rounded once, so its
/// result depends neither on the number of threads nor on how the parameters are grouped.
public struct Optimizer: Sendable {
  public let rule: UpdateRule
  public let regularization: Regularization
  /// Floats of every buffer.
  public let count: Int
  /// Steps taken.
  public internal(set) var stepCount = 0
  /// One for each of `rule.bufferNames`, zeros at first.
  var buffers: [[Float]]

  /// Errors: the first setting that is out of range.
  public init(_ rule: UpdateRule, regularization: Regularization = .none, count: Int) throws(InvalidSetting) {
    try rule.check()
    try regularization.check()
    self.rule = rule
    self.regularization = regularization
    self.count = count
    buffers = rule.bufferNames.map { _ in [Float](repeating: 0, count: count) }
  }

  /// Takes one step on what `trained` covers.
  ///
  /// The gradients are multiplied by `gradientScale` (clipping, or the mean over accumulated batches) before
  /// regularization adds to them. All buffers hold `count` floats.
  public mutating func step(
    _ trained: TrainedBlocks, parameters: UnsafeMutableBufferPointer<Float>, gradients: UnsafeBufferPointer<Float>,
    learningRate: Float, gradientScale: Float = 1
  ) {
    precondition(
      trained.count == count && parameters.count == count && gradients.count == count,
      "buffers of \(trained.count), \(parameters.count) and \(gradients.count) floats for an optimizer of \(count)")
    stepCount += 1
    guard let weights = parameters.baseAddress, let slopes = gradients.baseAddress else { return }
    let regularization = regularization
    let update = Update(rule, stepCount: stepCount, learningRate: learningRate)
    withBuffers { first, second in
      trained.forEachBlock { block in
        let start = block.range.lowerBound
        let gradient = PenalizedGradient(
          slopes + start, scale: gradientScale, block.isDecayed ? regularization : .none)
        update.apply(
          to: weights + start, count: block.range.count, gradient, first.map { $0 + start }, second.map { $0 + start },
          isDecayed: block.isDecayed)
      }
    }
  }

  /// The buffers that the rule keeps; nil where it keeps fewer.
  private mutating func withBuffers(
    _ body: (UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?) -> Void
  ) {
    var first = buffers.isEmpty ? [] : buffers[0]
    var second = buffers.count < 2 ? [] : buffers[1]
    // Moved out and back, since a copy would be made of what `buffers` still holds.
    for index in buffers.indices { buffers[index] = [] }
    first.withUnsafeMutableBufferPointer { first in
      second.withUnsafeMutableBufferPointer { second in
        body(first.isEmpty ? nil : first.baseAddress, second.isEmpty ? nil : second.baseAddress)
      }
    }
    if !buffers.isEmpty { buffers[0] = first }
    if buffers.count > 1 { buffers[1] = second }
  }
}
