import Graph
import Training

/// Why a student cannot learn from a teacher.
public enum DistillationError: Error, Sendable {
  public enum Role: String, Sendable { case teacher, student }

  /// What training itself refuses.
  case training(TrainingError)
  /// The teacher cannot be evaluated.
  case teacher(GraphError)
  case setting(name: String, value: Double, expected: String)
  /// The teacher has another number of inputs than the one that data sets feed, or no output.
  case teacherInterface(inputs: Int, outputs: Int)
  /// The samples have another number of elements than the teacher's input.
  case teacherInput(expected: [Int], found: [Int])
  /// Teacher and student give another number of scores for a sample.
  case scoreCount(teacher: Int, student: Int)
  /// There is no such tensor; `known` are those that the network computes.
  case unknownTensor(Role, name: String, known: [String])
  /// The features of a match differ in more than their channels. Shapes are those of one sample.
  case featureShapes(FeatureMatch, teacher: [Int], student: [Int])
  /// The file of the teacher's answers cannot be written.
  case unwritable(path: String, reason: String)
}
