import Distillation

extension DistillationError {
  /// The files are those that the user named.
  func failure(teacher: String, student: String) -> CommandFailure {
    switch self {
    case .training(let error): return error.failure(file: student)
    case .teacher(let error): return error.failure(file: teacher)
    case .setting(let name, let value, let expected):
      return CommandFailure("\(name): expected \(expected), found \(value)", .usage)
    case .teacherInterface(let inputs, let outputs):
      return CommandFailure(
        "\(teacher): a teacher has one input and an output; this network has \(inputs) and \(outputs)",
        .unsupportedModel)
    case .teacherInput(let expected, let found):
      return CommandFailure("\(teacher): expected samples of \(expected), a batch of one, found \(found)", .usage)
    case .scoreCount(let expected, let found):
      return CommandFailure(
        "\(student): expected \(expected) scores a sample, as the teacher gives, found \(found)", .usage)
    case .unknownTensor(let role, let name, let known):
      let file = role == .teacher ? teacher : student
      return CommandFailure(
        "\(file): the \(role.rawValue) computes no tensor '\(name)'; there are: \(known.joined(separator: ", "))",
        .usage)
    case .featureShapes(let match, let expected, let found):
      return CommandFailure(
        "--match \(match.teacher)=\(match.student): expected tensors that differ in their channels alone, found \(expected) and \(found)",
        .usage)
    case .unwritable(let path, let reason): return CommandFailure("\(path): cannot be written: \(reason)")
    }
  }
}
