import HostTensors
import TensorTypes

/// The way back through rounding: straight through within the levels, and to the step size (LSQ).
///
/// Between QuantizeLinear and DequantizeLinear gradients are floats by the level. Of the pair together they are
/// those of Esser, McKinstry, Bablani, Appuswamy and Modha, "Learned Step Size Quantization", 2020,
/// arXiv:1902.08153: with v = x / s and levels from -n to p, zero points taken off, by x they are 1 where
/// -n < v < p and 0 elsewhere, and by s round(v) - v, -n or p. Zero points have no gradient.
extension QuantizeLinear {
  /// By x: g / s within the levels; by the scale: the sum of -g x / s^2 within the levels.
  func straightThrough(_ call: BackwardCall, levels: ClosedRange<Int32>) throws(OperatorError) -> [Tensor?] {
    let operands = try QuantizationOperands(call, axis: axis)
    let (least, greatest) = (levels.lowerBound, levels.upperBound)
    @inline(__always) func isInside(_ v: Float, _ zeroPoint: Int32) -> Bool {
      v > Float(least - zeroPoint) && v < Float(greatest - zeroPoint)
    }
    return try call.gradients { input throws(OperatorError) in
      if input == 0 {
        return operands.map { g, x, scale, zeroPoint in isInside(x / scale, zeroPoint) ? g / scale : 0 }
      }
      return operands.sums { g, x, scale, zeroPoint in
        let v = x / scale
        return isInside(v, zeroPoint) ? -g * v / scale : 0
      }
    }
  }
}

extension DequantizeLinear {
  /// By x: g s; by the scale: the sum of g (x - zero point).
  func straightThrough(_ call: BackwardCall) throws(OperatorError) -> [Tensor?] {
    let operands = try QuantizationOperands(call, axis: axis)
    return try call.gradients { input throws(OperatorError) in
      if input == 0 { return operands.map { g, _, scale, _ in g * scale } }
      return operands.sums { g, level, _, zeroPoint in g * (level - Float(zeroPoint)) }
    }
  }
}

/// What the way back through a conversion reads, as floats.
private struct QuantizationOperands {
  private let upstream: Tensor
  private let input: Tensor
  private let scale: Tensor
  private let scales: [Float]
  private let zeroPoints: [Int32]
  private let layout: QuantizationLayout

  init(_ call: BackwardCall, axis: Int) throws(OperatorError) {
    upstream = try call.outputGradient
    input = try call.inputs.required(0, "x").cast(to: .float32)
    scale = try call.inputs.required(1, "scale")
    scales = scale.floats
    zeroPoints =
      call.inputs.optional(2)?.integers.map { Int32(truncatingIfNeeded: $0) }
      ?? [Int32](repeating: 0, count: scales.count)
    layout = try QuantizationLayout(shape: input.shape, scale: scale.shape, axis: axis, block: 0)
  }

  /// `value` of gradient, x, scale and zero point for every element.
  @inline(__always)
  func map(_ value: (Float, Float, Float, Int32) -> Float) -> Tensor {
    Tensor(shape: input.shape, of: Float.self) { (target: UnsafeMutableBufferPointer<Float>) in
      forEach(value) { index, _, result in target[index] = result }
    }
  }

  /// The sum of `value` over the elements of each scale, in Double.
  @inline(__always)
  func sums(_ value: (Float, Float, Float, Int32) -> Float) -> Tensor {
    var sums = [Double](repeating: 0, count: scales.count)
    forEach(value) { _, parameter, result in sums[parameter] += Double(result) }
    return Tensor(shape: scale.shape, elements: sums.map { Float($0) })
  }

  @inline(__always)
  private func forEach(_ value: (Float, Float, Float, Int32) -> Float, _ body: (Int, Int, Float) -> Void) {
    upstream.withElements(as: Float.self) { upstream in
      input.withElements(as: Float.self) { input in
        layout.forEachRun { elements, parameter, _ in
          let (scale, zeroPoint) = (scales[parameter], zeroPoints[parameter])
          for index in elements { body(index, parameter, value(upstream[index], input[index], scale, zeroPoint)) }
        }
      }
    }
  }
}
