import Pipeline

extension PipelineError {
  /// `recipe` is the file that the user named.
  func failure(recipe: String) -> CommandFailure {
    switch self {
    case .unwritable(let path, let reason): CommandFailure("\(path): cannot be written: \(reason)")
    case .missingData(let stage, let kind, let key):
      CommandFailure("\(recipe): stage \(stage) (\(kind.rawValue)) needs the key '\(key)'", .usage)
    case .missingOption(let stage, let kind, let option):
      CommandFailure("\(recipe): stage \(stage) (\(kind.rawValue)) needs '\(option)'", .usage)
    case .stageFailed(let stage, let command, let status):
      CommandFailure("\(recipe): stage \(stage) failed: \(command)", ExitStatus(rawValue: status) ?? .failure)
    case .interrupted(let stage, let command):
      CommandFailure("\(recipe): stopped in stage \(stage) (\(command)); the same command goes on from there")
    case .onnx(let path, let error): error.failure(file: path)
    case .graph(let path, let error): error.failure(file: path)
    case .pack(let path, let error): CommandFailure(error.sentence(file: path), error.status)
    case .packed(let error): error.failure
    case .dataset(let error): CommandFailure("\(error)")
    case .evaluation(let path, let error): error.failure(file: path)
    }
  }
}
