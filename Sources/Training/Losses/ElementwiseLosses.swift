import Glibc
import HostTensors

extension Loss {
  /// The mean of terms that each read one output and one target; `term` gives the term and its slope.
  func elementwise<T: TensorElement>(
    _ outputs: Tensor, _ targets: Tensor, as type: T.Type, _ term: (Double, Double) -> (Double, Double)
  ) -> LossValue {
    let scale = 1 / Double(outputs.count)
    var total = 0.0
    let gradient = outputs.withElements(as: type) { outputs in
      targets.withElements(as: type) { targets in
        Tensor(uninitialized: [outputs.count], of: type) { (gradient: UnsafeMutableBufferPointer<T>) in
          for index in outputs.indices {
            let (value, slope) = term(outputs[index].asDouble, targets[index].asDouble)
            total += value
            gradient[index] = T(converting: slope * scale)
          }
        }
      }
    }
    return LossValue(mean: total / Double(outputs.count), gradient: gradient.reshaped(outputs.shape))
  }

  /// With l = 1 + (p - 1) t the term is (1 - t) x + l log(1 + exp(-x)), its slope (1 - t) - l sigmoid(-x).
  func binaryCrossEntropy<T: TensorElement>(
    _ logits: Tensor, _ targets: Targets, _ positiveWeight: Double, as type: T.Type
  ) throws(LossError) -> LossValue {
    elementwise(logits, try probabilities(targets, like: logits, as: type), as: type) { x, t in
      let weight = 1 + (positiveWeight - 1) * t
      let small = exp(-abs(x))
      let softplus = log1p(small) + (x < 0 ? -x : 0)
      let rest = x < 0 ? 1 / (1 + small) : small / (1 + small)
      // 0 * infinity would be NaN where the target is certain.
      let linear = t == 1 ? 0 : (1 - t) * x
      return (linear + weight * softplus, (1 - t) - weight * rest)
    }
  }

  private func probabilities<T: TensorElement>(
    _ targets: Targets, like logits: Tensor, as type: T.Type
  ) throws(LossError) -> Tensor {
    switch targets {
    case .classes(let classes):
      guard classes.count == logits.count else { throw .targetCount(expected: logits.count, found: classes.count) }
      for (row, label) in classes.enumerated() where label != 0 && label != 1 {
        throw .classOutOfRange(row: row, found: label, classCount: 2)
      }
      return Tensor(shape: logits.shape, elements: classes.map { T(converting: Double($0)) })
    case .values:
      let values = try targets.values(like: logits, of: type)
      try values.checkProbabilities(as: type)
      return values
    }
  }
}
