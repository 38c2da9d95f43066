import HostTensors
import TensorTypes

/// How far outputs are from targets: one number, and its gradient by the outputs.
///
/// The losses that end in a softmax or a sigmoid take the logits before it, which is exact where the probability
/// itself would round to 0 or 1. All arithmetic is Double, summed in the order of the elements; exp and log are
/// those of the C library.
public enum Loss: Sendable, Equatable {
  /// -sum over c of q[c] log softmax(x)[c], where q is the target distribution.
  ///
  /// Targets: `.classes`, or `.values` of the outputs' shape that sum to 1 along the class axis. `labelSmoothing` s,
  /// of 0..<1, makes (1 - s) q + s / C of the target (Szegedy et al. 2016). With `classWeights` w each term is
  /// multiplied by w[c], and the mean is weighted: divided by the sum over rows of w[class], as PyTorch does, which
  /// for distributions is the sum of w[c] q[c] (PyTorch divides these by their number instead), so that a
  /// one-hot distribution and its class cost the same. Rows without weight cost nothing.
  case crossEntropy(classAxis: ClassAxis = .last, labelSmoothing: Double = 0, classWeights: [Double]? = nil)
  /// -(p t log sigmoid(x) + (1 - t) log(1 - sigmoid(x))), the mean over all elements; p is `positiveWeight`.
  ///
  /// Targets: `.classes` of 0 and 1, one for each element, or `.values` within 0...1.
  case binaryCrossEntropy(positiveWeight: Double = 1)
  /// (x - t)^2, the mean over all elements. Targets: `.values`.
  case meanSquaredError
  /// |x - t|, the mean over all elements; its slope where they are equal counts as 0. Targets: `.values`.
  case meanAbsoluteError
  /// T^2 times the Kullback-Leibler divergence from softmax(teacher / T) to softmax(x / T), the mean over rows:
  /// Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015.
  ///
  /// Targets: the teacher's logits as `.values`.
  case distillation(temperature: Double, classAxis: ClassAxis = .last)
  /// 1 - x.t / (|x| |t|), the mean over the rows along the last axis; a row of zeros counts as orthogonal to all.
  /// Targets: `.values`.
  case cosine

  /// Which axis of the outputs holds the classes; for [B, C] both are the same.
  public enum ClassAxis: Sendable, Equatable {
    /// [B, ..., C].
    case last
    /// [B, C, ...], as of a network that gives one distribution per pixel.
    case second
  }
}

/// What outputs should have been.
public enum Targets: Sendable {
  /// One class index for each row, rows being numbered in row-major order of the other axes.
  case classes([Int])
  /// Numbers of any type; extents are compared without those of 1, so that [B] and [B, 1] agree.
  case values(Tensor)
}

public struct LossValue: Sendable {
  /// The mean loss of the batch.
  public var mean: Double
  /// The gradient of `mean`, of the outputs' shape and type.
  public var gradient: Tensor
}

extension Loss {
  /// The loss of `outputs` (float32 or float64, [B, ...], not empty) against `targets`.
  ///
  /// Outputs that are not finite give a mean that is not. Errors: a setting out of range, or what does not fit.
  public func evaluate(outputs: Tensor, targets: Targets) throws(LossError) -> LossValue {
    try check()
    guard outputs.count > 0 else { throw .outputShape(outputs.shape, expected: "at least one element") }
    if outputs.dtype == .float32 { return try evaluate(outputs, targets, as: Float.self) }
    if outputs.dtype == .float64 { return try evaluate(outputs, targets, as: Double.self) }
    throw .outputType(outputs.dtype)
  }

  private func evaluate<T: TensorElement>(
    _ outputs: Tensor, _ targets: Targets, as type: T.Type
  ) throws(LossError) -> LossValue {
    switch self {
    case .crossEntropy(let axis, let smoothing, let weights):
      let rows = try LossRows(outputs.shape, axis)
      return try CrossEntropy(rows, smoothing: smoothing, weights: weights).evaluate(outputs, targets, as: type)
    case .binaryCrossEntropy(let positiveWeight):
      return try binaryCrossEntropy(outputs, targets, positiveWeight, as: type)
    case .meanSquaredError:
      return elementwise(outputs, try targets.values(like: outputs, of: type), as: type) { x, t in
        ((x - t) * (x - t), 2 * (x - t))
      }
    case .meanAbsoluteError:
      return elementwise(outputs, try targets.values(like: outputs, of: type), as: type) { x, t in
        (abs(x - t), x > t ? 1 : x < t ? -1 : x == t ? 0 : .nan)
      }
    case .distillation(let temperature, let axis):
      let rows = try LossRows(outputs.shape, axis)
      return distillation(outputs, try targets.values(like: outputs, of: type), rows, temperature, as: type)
    case .cosine:
      let rows = LossRows(count: outputs.count / (outputs.shape.last ?? 1), length: outputs.shape.last ?? 1, stride: 1)
      return cosine(outputs, try targets.values(like: outputs, of: type), rows, as: type)
    }
  }

  /// Refuses settings that are out of range, whatever the outputs; `evaluate` does so too.
  public func check() throws(LossError) {
    do throws(InvalidSetting) {
      switch self {
      case .crossEntropy(_, let smoothing, let weights):
        try InvalidSetting.unless(
          smoothing >= 0 && smoothing < 1, "labelSmoothing", smoothing, "0 <= labelSmoothing < 1")
        for weight in weights ?? [] {
          try InvalidSetting.unless(weight >= 0 && weight.isFinite, "classWeights", weight, "every weight >= 0")
        }
      case .binaryCrossEntropy(let weight):
        try InvalidSetting.unless(weight > 0 && weight.isFinite, "positiveWeight", weight, "positiveWeight > 0")
      case .distillation(let temperature, _):
        try InvalidSetting.unless(
          temperature > 0 && temperature.isFinite, "temperature", temperature, "temperature > 0")
      case .meanSquaredError, .meanAbsoluteError, .cosine: break
      }
    } catch { throw .setting(error) }
  }
}
