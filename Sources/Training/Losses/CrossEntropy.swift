import Glibc
import HostTensors

/// `Loss.crossEntropy` over rows of C logits.
struct CrossEntropy {
  private let rows: LossRows
  private let smoothing: Double
  /// One for each class.
  private let weights: [Double]

  /// How far the sum of a distribution may be from 1: float32 rounds 10,000 terms by less.
  private static let sumTolerance = 1e-3

  init(_ rows: LossRows, smoothing: Double, weights: [Double]?) throws(LossError) {
    self.rows = rows
    self.smoothing = smoothing
    self.weights = weights ?? [Double](repeating: 1, count: rows.length)
    guard self.weights.count == rows.length else {
      throw .classWeightCount(expected: rows.length, found: self.weights.count)
    }
  }

  func evaluate<T: TensorElement>(
    _ logits: Tensor, _ targets: Targets, as type: T.Type
  ) throws(LossError) -> LossValue {
    switch targets {
    case .classes(let classes):
      guard classes.count == rows.count else { throw .targetCount(expected: rows.count, found: classes.count) }
      for (row, label) in classes.enumerated() where label < 0 || label >= rows.length {
        throw .classOutOfRange(row: row, found: label, classCount: rows.length)
      }
      let rest = smoothing / Double(rows.length)
      return sum(logits, divisor: classes.reduce(0) { $0 + weights[$1] }, as: type) { row, terms in
        for index in terms.indices { terms[index] = weights[index] * rest }
        let label = classes[row]
        terms[label] = weights[label] * (1 - smoothing + rest)
      }
    case .values:
      let values = try targets.values(like: logits, of: type)
      let divisor = try weight(ofDistributions: values, as: type)
      let rest = smoothing / Double(rows.length)
      return values.withElements(as: type) { values in
        sum(logits, divisor: divisor, as: type) { row, terms in
          let start = rows.start(row)
          for index in terms.indices {
            terms[index] = weights[index] * ((1 - smoothing) * values[start + index * rows.stride].asDouble + rest)
          }
        }
      }
    }
  }

  /// The sum of w[c] q[c] over all rows. Errors: what is no distribution.
  private func weight<T: TensorElement>(ofDistributions values: Tensor, as type: T.Type) throws(LossError) -> Double {
    try values.checkProbabilities(as: type)
    return try values.withElements(as: type) { (values) throws(LossError) in
      var total = 0.0
      for row in 0..<rows.count {
        let start = rows.start(row)
        var sum = 0.0
        for index in 0..<rows.length {
          let share = values[start + index * rows.stride].asDouble
          sum += share
          total += weights[index] * share
        }
        guard abs(sum - 1) <= Self.sumTolerance else { throw .notADistribution(row: row, sum: sum) }
      }
      return total
    }
  }

  /// The loss whose terms -q[c] log softmax(x)[c] have the factors q that `fill` writes for each row.
  private func sum<T: TensorElement>(
    _ logits: Tensor, divisor: Double, as type: T.Type, fill: (Int, UnsafeMutableBufferPointer<Double>) -> Void
  ) -> LossValue {
    let scale = divisor > 0 ? 1 / divisor : 0
    var total = 0.0
    let gradient = withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * rows.length) { scratch in
      let terms = UnsafeMutableBufferPointer(rebasing: scratch[..<rows.length])
      let shares = UnsafeMutableBufferPointer(rebasing: scratch[rows.length...])
      return logits.withElements(as: type) { logits in
        Tensor(uninitialized: [logits.count], of: type) { (gradient: UnsafeMutableBufferPointer<T>) in
          for row in 0..<rows.count {
            fill(row, terms)
            let start = rows.start(row)
            for index in 0..<rows.length { shares[index] = logits[start + index * rows.stride].asDouble }
            let logSum = shares.logSumExp()
            var weight = 0.0
            for index in 0..<rows.length where terms[index] != 0 {
              total += terms[index] * (logSum - shares[index])
              weight += terms[index]
            }
            for index in 0..<rows.length {
              let slope = exp(shares[index] - logSum) * weight - terms[index]
              gradient[start + index * rows.stride] = T(converting: slope * scale)
            }
          }
        }
      }
    }
    return LossValue(mean: total * scale, gradient: gradient.reshaped(logits.shape))
  }
}

extension UnsafeMutableBufferPointer<Double> {
  /// log of the sum of exp(x), without overflow: the greatest x is taken out first.
  func logSumExp() -> Double {
    var greatest = -Double.infinity
    for value in self where value > greatest { greatest = value }
    // All are -infinity or NaN: no distribution, and the loss becomes NaN.
    guard greatest > -.infinity else { return .nan }
    var sum = 0.0
    for value in self { sum += exp(value - greatest) }
    return greatest + log(sum)
  }
}
