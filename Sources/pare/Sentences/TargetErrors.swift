import Targets

// The one place where typed errors about targets and builds become sentences.

extension PackageFolderError {
  var failure: CommandFailure {
    switch self {
    case .notPare(let folder): CommandFailure("\(folder) is not a checkout of Pare", .usage)
    case .notFound(let start):
      CommandFailure("no checkout of Pare at or above \(start); name one with --package", .usage)
    }
  }
}

extension TargetError {
  var failure: CommandFailure { CommandFailure(sentence, .usage) }

  private var sentence: String {
    switch self {
    case .unknownTarget(let id, let known):
      "there is no target '\(id)'; the targets are \(known.joined(separator: ", "))"
    case .unreadable(let file, let reason): "\(file): cannot be read: \(reason)"
    case .notYAML(let file, let reason): "\(file): is not YAML: \(reason)"
    case .unknownKey(let file, let key): "\(file): the key '\(key)' is not known"
    case .missingKey(let file, let key): "\(file): the key '\(key)' is missing"
    case .wrongType(let file, let key, let expected): "\(file): '\(key)': expected \(expected)"
    case .unknownValue(let file, let key, let found, let allowed):
      "\(file): '\(key)': expected one of \(allowed.joined(separator: ", ")), found '\(found)'"
    case .outOfRange(let file, let key, let found, let expected):
      "\(file): '\(key)': expected \(expected.lowerBound) to \(expected.upperBound), found \(found)"
    case .idMismatch(let file, let found): "\(file): 'id' is '\(found)', which is not the file's name"
    case .wrongArchitecture(let file, let key, let found):
      "\(file): '\(key)': '\(found)' belongs to another architecture"
    }
  }
}

extension EmbeddedModelError {
  var failure: CommandFailure {
    switch self {
    case .unreadable(let path, let reason): CommandFailure("\(path): cannot be read: \(reason)")
    case .format(let path, let error): CommandFailure("\(path): \(error.sentence)", .unsupportedModel)
    case .network(let path, let error):
      CommandFailure("\(path): the network section cannot be read: \(error)", .unsupportedModel)
    }
  }
}

extension CrossBuildError {
  var failure: CommandFailure {
    switch self {
    case .swiftMissing:
      CommandFailure("no 'swift' on the search path; the cross-build needs the Swift toolchain (6.3 or newer)")
    case .notStarted(let program, let reason): CommandFailure("\(program) could not be started: \(reason)")
    case .notWritable(let path, let reason): CommandFailure("\(path): cannot be written: \(reason)")
    case .notReadable(let path, let reason): CommandFailure("\(path): cannot be read: \(reason)")
    case .notPackable(let path): CommandFailure("\(path): the linker made an executable that cannot be packed")
    case .buildFailed(let status, let output):
      CommandFailure("the cross-build failed with status \(status):\n\(output)")
    }
  }
}

extension EmulatorError {
  var failure: CommandFailure {
    switch self {
    case .emulatorMissing(let target, let names):
      CommandFailure(
        "executables for \(target) cannot run here: none of \(names.joined(separator: ", ")) is installed "
          + "(Debian: apt install qemu-user-static)")
    }
  }
}
