/// Accumulates squared differences between what a model gave and what it should have given.
public struct SquaredError: Sendable, Equatable {
  public private(set) var sum = 0.0
  public private(set) var elements = 0

  public init() {}

  /// Adds one sample and returns its own mean squared error, which scores its anomaly in a reconstruction.
  ///
  /// Both have the same number of elements, at least one. A NaN makes the result NaN.
  @discardableResult
  public mutating func add(output: [Float], target: [Float]) -> Double {
    precondition(output.count == target.count && !output.isEmpty, "\(output.count) outputs, \(target.count) targets")
    var sampleSum = 0.0
    for (found, expected) in zip(output, target) {
      let difference = Double(found) - Double(expected)
      sampleSum += difference * difference
    }
    sum += sampleSum
    elements += output.count
    return sampleSum / Double(output.count)
  }

  /// The mean over all elements of all samples; nil without samples.
  public var mean: Double? { elements == 0 ? nil : sum / Double(elements) }
}

/// Accumulates scores of two classes for the area under the ROC curve.
public struct AreaUnderCurve: Sendable, Equatable {
  private var scores: [(score: Double, isPositive: Bool)] = []

  public init() {}

  public static func == (left: Self, right: Self) -> Bool { left.scores.elementsEqual(right.scores, by: ==) }

  /// Adds one sample; a greater score should mean the positive class.
  public mutating func add(score: Double, isPositive: Bool) { scores.append((score, isPositive)) }

  /// The probability that a positive sample scores above a negative one, ties counting one half:
  /// the Mann-Whitney statistic over mid-ranks (Hanley and McNeil 1982).
  ///
  /// Nil where a class has no sample or a score is NaN, since then there is no order.
  public var value: Double? {
    let positives = scores.count { $0.isPositive }
    let negatives = scores.count - positives
    guard positives > 0, negatives > 0, !scores.contains(where: { $0.score.isNaN }) else { return nil }
    let sorted = scores.sorted { $0.score < $1.score }
    var positiveRankSum = 0.0
    var start = 0
    while start < sorted.count {
      let end = sorted[start...].firstIndex { $0.score != sorted[start].score } ?? sorted.count
      // Ranks start + 1 ... end share their mean.
      let midRank = Double(start + 1 + end) / 2
      positiveRankSum += midRank * Double(sorted[start..<end].count { $0.isPositive })
      start = end
    }
    let smallest = Double(positives) * Double(positives + 1) / 2
    return (positiveRankSum - smallest) / (Double(positives) * Double(negatives))
  }
}
