import TensorTypes

/// Why a loss cannot be taken of outputs and targets.
public enum LossError: Error, Sendable, Equatable {
  case setting(InvalidSetting)
  /// Outputs are neither float32 nor float64.
  case outputType(DType)
  case outputShape([Int], expected: String)
  /// The loss takes `.values`, but class indices were given.
  case classesNotTaken
  /// Class indices of another number than the rows of the outputs.
  case targetCount(expected: Int, found: Int)
  case targetShape(expected: [Int], found: [Int])
  /// A class index outside of 0..<`classCount`.
  case classOutOfRange(row: Int, found: Int, classCount: Int)
  /// A target of the element `index` that is not within 0...1.
  case notAProbability(index: Int, found: Double)
  /// The target distribution of a row that sums to something else than 1.
  case notADistribution(row: Int, sum: Double)
  case classWeightCount(expected: Int, found: Int)
}
