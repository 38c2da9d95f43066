/// Counts how a classifier did, sample by sample, in memory that does not grow with the samples.
///
/// The predicted class is the one of the greatest score; of equal scores the lowest class wins, as in
/// ONNX ArgMax. NaN never wins: where every score is NaN there is no prediction, and the sample counts
/// as wrong.
public struct ClassificationMetrics: Sendable, Equatable {
  public let classCount: Int
  /// Row: true class. Column: predicted class, and last those without a prediction.
  private var counts: [Int]
  public private(set) var samples = 0
  public private(set) var top5Hits = 0

  public init(classCount: Int) {
    precondition(classCount > 0, "a classifier has classes")
    self.classCount = classCount
    counts = [Int](repeating: 0, count: classCount * (classCount + 1))
  }

  /// The class of the greatest score, or nil where every score is NaN.
  public static func prediction(of scores: [Float]) -> Int? {
    var best: Int?
    for (index, score) in scores.enumerated() where !score.isNaN {
      if best.map({ score > scores[$0] }) ?? true { best = index }
    }
    return best
  }

  /// Whether fewer than `limit` classes come before `label` in the order of `prediction(of:)`.
  public static func isAmongTop(_ limit: Int, label: Int, of scores: [Float]) -> Bool {
    let own = scores[label]
    guard !own.isNaN else { return false }
    let before = scores.enumerated().count { $0.element > own || ($0.element == own && $0.offset < label) }
    return before < limit
  }

  /// Counts one sample; `scores` has `classCount` entries and `label` is one of the classes.
  public mutating func add(scores: [Float], label: Int) {
    precondition(scores.count == classCount, "\(scores.count) scores for \(classCount) classes")
    precondition((0..<classCount).contains(label), "label \(label) of \(classCount) classes")
    samples += 1
    if Self.isAmongTop(5, label: label, of: scores) { top5Hits += 1 }
    counts[label * (classCount + 1) + (Self.prediction(of: scores) ?? classCount)] += 1
  }

  /// Samples of class `label` that were taken for class `predicted`.
  public func count(label: Int, predicted: Int) -> Int { counts[label * (classCount + 1) + predicted] }

  /// Samples by true class (row) and predicted class (column).
  public var confusionMatrix: [[Int]] {
    (0..<classCount).map { label in (0..<classCount).map { count(label: label, predicted: $0) } }
  }

  /// Samples whose scores were all NaN.
  public var samplesWithoutPrediction: Int {
    (0..<classCount).reduce(0) { $0 + count(label: $1, predicted: classCount) }
  }

  public var correct: Int { (0..<classCount).reduce(0) { $0 + count(label: $1, predicted: $1) } }

  /// Fraction of samples whose prediction is right; nil without samples.
  public var accuracy: Double? { Self.ratio(correct, samples) }

  /// Fraction of samples whose class is among the five of greatest score; nil without samples.
  public var top5: Double? { Self.ratio(top5Hits, samples) }

  /// Samples of class `label`.
  public func support(_ label: Int) -> Int { (0...classCount).reduce(0) { $0 + count(label: label, predicted: $1) } }

  /// Samples taken for class `label`.
  public func predictedCount(_ label: Int) -> Int {
    (0..<classCount).reduce(0) { $0 + count(label: $1, predicted: label) }
  }

  /// Of the samples taken for `label`, the fraction that are; 0 where none were taken for it.
  public func precision(_ label: Int) -> Double {
    Self.ratio(count(label: label, predicted: label), predictedCount(label)) ?? 0
  }

  /// Of the samples of `label`, the fraction taken for it; 0 where there are none.
  public func recall(_ label: Int) -> Double { Self.ratio(count(label: label, predicted: label), support(label)) ?? 0 }

  /// The harmonic mean of precision and recall; 0 where both are.
  public func f1(_ label: Int) -> Double {
    // 2PR / (P + R) with both quotients multiplied out.
    Self.ratio(2 * count(label: label, predicted: label), predictedCount(label) + support(label)) ?? 0
  }

  /// The mean of `f1` over the classes that occur as label or as prediction; nil without samples.
  public var macroF1: Double? {
    let present = (0..<classCount).filter { support($0) + predictedCount($0) > 0 }
    guard !present.isEmpty else { return nil }
    return present.reduce(0) { $0 + f1($1) } / Double(present.count)
  }

  private static func ratio(_ part: Int, _ whole: Int) -> Double? {
    whole == 0 ? nil : Double(part) / Double(whole)
  }
}
