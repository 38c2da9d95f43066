import Datasets
import HostTensors
import Operators

/// Decides for every weight whether it is rounded up or down, so that the layer's output stays near the float one.
///
/// AdaRound (Nagel, Amjad, van Baalen, Louizos and Blankevoort, "Up or Down? Adaptive Rounding for Post-Training
/// Quantization", 2020, arXiv:2004.10568): a weight is s * clip(floor(w / s) + h(v)), where h is a rectified sigmoid
/// and v is learned by Adam on batches of calibration samples; a regularizer whose power is annealed drives every h to
/// 0 or 1. Inputs are those of the already quantized layers before, targets the float outputs, both after the
/// activation that is fused into the layer. Weights of exactly zero stay zero.
public struct AdaptiveRounding: Sendable {
  public var iterations = 1_000
  /// Samples of one iteration.
  public var batch = 32
  /// Adam's; v runs over about -10...10.
  public var learningRate: Float = 0.01
  /// Weight of the regularizer, lambda in the paper.
  public var regularization: Float = 0.01
  /// The share of the iterations that run before the regularizer sets in.
  public var warmUp: Float = 0.2
  /// The power of the regularizer, beta, at its begin and at the end.
  public var power: ClosedRange<Float> = 2...20
  /// Decides which samples make which batch.
  public var seed: UInt64 = 1

  public init() {}
}

/// One layer as adaptive rounding sees it: sums of products with a constant weight.
struct RoundedLayer {
  let op: any Operator
  let rule: GradientRule
  let weight: Tensor
  let plan: WeightPlan
  let bias: Tensor?
  /// nil where the sums are stored as they are.
  let saturation: Saturation?
  /// Per sample; outputs are float ones after the saturation.
  let inputs: [Tensor]
  let targets: [Tensor]

  /// The mean over samples of the squared difference of the outputs under `weight` and the targets, summed.
  func error(of weight: Tensor) throws(OperatorError) -> Double {
    var sum = 0.0
    for (input, target) in zip(inputs, targets) {
      sum += squaredDistance(try outputs(input, weight), target)
    }
    return sum / Double(max(inputs.count, 1))
  }

  func outputs(_ input: Tensor, _ weight: Tensor) throws(OperatorError) -> Tensor {
    let sums = try op.evaluate([input, weight, bias])[0]
    return saturation.map { sums.saturated($0) } ?? sums
  }
}

extension AdaptiveRounding {
  /// The weight of `layer` on its levels, or nil where nearest rounding leaves no larger an error.
  func weight(for layer: RoundedLayer, stream: UInt64) throws(OperatorError) -> Tensor? {
    var variables = RoundingVariables(layer.weight, layer.plan)
    let batches = SampleBatches(count: layer.inputs.count, size: batch, seed: seed &+ stream &* 0x9E37_79B9_7F4A_7C15)
    let channels = Float(layer.plan.scales.count)
    for iteration in 0..<iterations {
      let samples = batches.samples(iteration)
      let gradient = try gradient(
        of: layer, weight: variables.softWeight(), inputs: Tensor.stacked(samples.map { layer.inputs[$0] }),
        targets: Tensor.stacked(samples.map { layer.targets[$0] }), channels: channels)
      variables.step(
        gradient, learningRate: learningRate, regularization: isWarm(iteration) ? regularization : 0,
        power: power(iteration))
    }
    let chosen = variables.hardWeight()
    let nearest = layer.weight.rounded(to: layer.plan)
    return try layer.error(of: chosen) < layer.error(of: nearest) ? chosen : nil
  }

  private func isWarm(_ iteration: Int) -> Bool { Float(iteration) >= warmUp * Float(iterations) }

  private func power(_ iteration: Int) -> Float {
    let start = warmUp * Float(iterations)
    let progress = (Float(iteration) - start) / max(Float(iterations) - start, 1)
    return power.upperBound - (power.upperBound - power.lowerBound) * min(max(progress, 0), 1)
  }

  /// The gradient by the weight of the squared error, summed over channels and averaged over all else.
  private func gradient(
    of layer: RoundedLayer, weight: Tensor, inputs: Tensor, targets: Tensor, channels: Float
  ) throws(OperatorError) -> Tensor {
    let sums = try layer.op.evaluate([inputs, weight, layer.bias])[0]
    let factor = 2 * channels / Float(max(sums.count, 1))
    let upper = layer.saturation.map { $0.upper ?? .infinity }
    let outer = sums.withElements(as: Float.self) { sums in
      targets.withElements(as: Float.self) { targets in
        Tensor(shape: [sums.count], of: Float.self) { (gradient: UnsafeMutableBufferPointer<Float>) in
          for index in sums.indices {
            guard let upper else {
              gradient[index] = factor * (sums[index] - targets[index])
              continue
            }
            let isInside = sums[index] > 0 && sums[index] < upper
            gradient[index] = isInside ? factor * (sums[index] - targets[index]) : 0
          }
        }
      }
    }
    let operands: [Tensor?] = [inputs, weight, layer.bias]
    let call = BackwardCall(
      inputs: operands, inputShapes: operands.map { $0?.shape }, outputs: [sums], saved: [],
      outputGradients: [outer.reshaped(sums.shape)], wants: [false, true, false])
    return try layer.rule.backward(call).required(1, "weight")
  }
}

/// Which samples each iteration looks at: all of them in a new order, again and again.
struct SampleBatches {
  let count: Int
  let size: Int
  let seed: UInt64

  func samples(_ iteration: Int) -> [Int] {
    guard count > size else { return Array(0..<count) }
    let perRound = count / size
    var random = SeededRandom(seed, UInt64(iteration / perRound))
    let order = random.permutation(of: count)
    let start = iteration % perRound * size
    return Array(order[start..<start + size])
  }
}

extension Tensor {
  /// float32 tensors of one shape one behind the other along their first axis.
  static func stacked(_ tensors: [Tensor]) -> Tensor {
    guard let first = tensors.first, tensors.count > 1 else { return tensors[0] }
    return Tensor(shape: [first.shape[0] * tensors.count] + first.shape.dropFirst(), of: Float.self) { target in
      for (index, tensor) in tensors.enumerated() {
        tensor.withElements(as: Float.self) { source in
          let part = target[index * source.count..<(index + 1) * source.count]
          _ = UnsafeMutableBufferPointer(rebasing: part).update(fromContentsOf: source)
        }
      }
    }
  }

  func saturated(_ saturation: Saturation) -> Tensor {
    let upper = saturation.upper ?? .infinity
    return withElements(as: Float.self) { source in
      Tensor(shape: shape, of: Float.self) { (target: UnsafeMutableBufferPointer<Float>) in
        for index in source.indices { target[index] = Swift.min(Swift.max(source[index], 0), upper) }
      }
    }
  }
}

/// The sum of the squared differences of two float32 tensors of one shape.
func squaredDistance(_ a: Tensor, _ b: Tensor) -> Double {
  a.withElements(as: Float.self) { a in
    b.withElements(as: Float.self) { b in
      var sum = 0.0
      for index in a.indices {
        let difference = Double(a[index] - b[index])
        sum += difference * difference
      }
      return sum
    }
  }
}
