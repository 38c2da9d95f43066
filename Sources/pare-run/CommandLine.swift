import CLinux

enum Command {
  case run, bench, verify, info
}

/// What the user asked for.
struct Invocation {
  var command = Command.run
  var model: Argument?
  var inputs: [Argument] = []
  var output: Argument?
  var outputFolder: Argument?
  var instructionSet: Argument?
  var threads = 1
  var runs = 200
  var warmups = 10
  var isProfile = false
  var isJSON = false
  var isHelp = false
}

/// Why a command line was refused, with the argument at fault.
enum UsageProblem {
  case noModel, tooManyModels, unknownOption, missingValue, badNumber, notOfThisCommand, repeated
}

extension Invocation {
  /// Reads the process's arguments. With a model built in, none is expected on the command line.
  init(hasEmbeddedModel: Bool) throws(Failure) {
    self.init()
    var index: Int32 = 1
    if let first = Invocation.argument(index), let named = Invocation.command(first) {
      command = named
      index += 1
    }
    while let argument = Invocation.argument(index) {
      index += 1
      if argument.count > 1, argument.hasPrefix("-") {
        try readOption(argument, &index)
      } else {
        if hasEmbeddedModel || model != nil { throw .usage(.tooManyModels, argument) }
        model = argument
      }
    }
    if model == nil, !hasEmbeddedModel, !isHelp { throw .usage(.noModel, nil) }
  }

  private static func argument(_ index: Int32) -> Argument? { pare_argument(index).map { Argument($0) } }

  private static func command(_ argument: Argument) -> Command? {
    if argument.equals("run") { return .run }
    if argument.equals("bench") { return .bench }
    if argument.equals("verify") { return .verify }
    if argument.equals("info") { return .info }
    return nil
  }

  private mutating func readOption(_ argument: Argument, _ index: inout Int32) throws(Failure) {
    if argument.equals("--help") || argument.equals("-h") {
      isHelp = true
    } else if argument.equals("--json") {
      isJSON = true
      try require(command != .run, argument)
    } else if argument.equals("--profile") {
      isProfile = true
      try require(command == .bench, argument)
    } else if let value = try value(of: "--input", argument, &index) {
      inputs.append(value)
      try require(command == .run, argument)
    } else if let value = try value(of: "--outputs", argument, &index) {
      try set(&outputFolder, value, argument)
      try require(command == .run, argument)
    } else if let value = try value(of: "--output", argument, &index) {
      try set(&output, value, argument)
      try require(command == .run, argument)
    } else if let value = try value(of: "--isa", argument, &index) {
      try set(&instructionSet, value, argument)
    } else if let value = try value(of: "--threads", argument, &index) {
      threads = try number(value, in: 1...256)
    } else if let value = try value(of: "--runs", argument, &index) {
      runs = try number(value, in: 1...1_000_000)
      try require(command == .bench, argument)
    } else if let value = try value(of: "--warmup", argument, &index) {
      warmups = try number(value, in: 0...1_000_000)
      try require(command == .bench, argument)
    } else {
      throw .usage(.unknownOption, argument)
    }
  }

  /// The value of `name VALUE` or `name=VALUE`; nil where the argument is another option.
  private func value(
    of name: StaticString, _ argument: Argument, _ index: inout Int32
  ) throws(Failure) -> Argument? {
    guard argument.hasPrefix(name) else { return nil }
    if argument.count == name.utf8CodeUnitCount {
      guard let value = Invocation.argument(index) else { throw .usage(.missingValue, argument) }
      index += 1
      return value
    }
    guard argument.bytes[name.utf8CodeUnitCount] == UInt8(ascii: "=") else { return nil }
    return argument.dropping(name.utf8CodeUnitCount + 1)
  }

  private func set(_ place: inout Argument?, _ value: Argument, _ option: Argument) throws(Failure) {
    guard place == nil else { throw .usage(.repeated, option) }
    place = value
  }

  private func number(_ value: Argument, in range: ClosedRange<Int>) throws(Failure) -> Int {
    guard let number = value.number(upTo: range.upperBound), number >= range.lowerBound else {
      throw .usage(.badNumber, value)
    }
    return number
  }

  private func require(_ holds: Bool, _ argument: Argument) throws(Failure) {
    guard holds else { throw .usage(.notOfThisCommand, argument) }
  }
}
