/// How a student learns from a teacher.
public struct DistillationSettings: Sendable, Equatable {
  /// What the logits of both are divided by before they are compared: the greater, the more the small scores tell.
  public var temperature: Double
  /// The teacher's share of the loss, the rest being the labels'; nil for 0.9 where the data have labels, else 1.
  public var alpha: Double?
  public var matches: [FeatureMatch]
  /// What the mean squared error of each match is multiplied by in the loss.
  public var matchWeight: Double

  public init(
    temperature: Double = 4, alpha: Double? = nil, matches: [FeatureMatch] = [], matchWeight: Double = 1
  ) {
    self.temperature = temperature
    self.alpha = alpha
    self.matches = matches
    self.matchWeight = matchWeight
  }

  /// Throws `.setting` for a number that is out of range.
  public func check() throws(DistillationError) {
    guard temperature > 0, temperature.isFinite else {
      throw .setting(name: "temperature", value: temperature, expected: "more than 0")
    }
    if let alpha, !(0...1).contains(alpha) { throw .setting(name: "alpha", value: alpha, expected: "0 to 1") }
    guard matchWeight >= 0, matchWeight.isFinite else {
      throw .setting(name: "match weight", value: matchWeight, expected: "0 or more")
    }
  }
}

/// Two tensors, by their names in either network, of which the student's is to become like the teacher's.
public struct FeatureMatch: Sendable, Equatable {
  public var teacher: String
  public var student: String

  public init(teacher: String, student: String) {
    self.teacher = teacher
    self.student = student
  }
}
