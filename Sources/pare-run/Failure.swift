import CLinux
import ModelFormat
import NumPyFormat
import Runtime

/// An input as an error names it; outlives the model.
struct InputFacts: Sendable {
  let name: [UInt8]
  /// An array, so that a `Failure`, which every function here may return, is small.
  let shape: [Int]

  init(_ interface: TensorInterface) {
    name = [UInt8](interface.name)
    shape = (0..<interface.rank).map { interface.shape[$0] }
  }
}

/// Why the command failed; the exit code and one sentence follow from it.
enum Failure: Error {
  enum FileAction { case reading, writing }

  case usage(UsageProblem, Argument?)
  /// A negative errno of the kernel; no name for standard output.
  case file(FileAction, Argument?, Int32)
  case load(LoadError)
  case numPy(Argument, NumPyError)
  case inputType(Argument, expected: StaticString, found: StaticString)
  case inputShape(Argument, InputFacts)
  case unknownInput(Argument)
  case missingInput(InputFacts)
  case inputTwice(InputFacts)
  case pathTooLong
  case outputType(StaticString)
  case noGoldenVectors
  case malformedGoldenVectors
  /// `verify` found a difference; it has said so already.
  case outputsDiffer
  case threadsUnavailable(Int)

  var exitCode: Int32 {
    switch self {
    case .usage, .unknownInput, .missingInput, .inputTwice, .load(.unknownInstructionSet): 2
    case .load(.memoryUnavailable), .load(.instructionSetUnavailable): 1
    case .load, .noGoldenVectors, .malformedGoldenVectors: 3
    case .file, .numPy, .inputType, .inputShape, .pathTooLong, .outputType, .threadsUnavailable: 1
    case .outputsDiffer: 6
    }
  }

  /// Writes the sentence to standard error.
  func report() {
    let text = Text()
    text.add("pare-run: ")
    text.add(self)
    text.add("\n")
    // Where standard error is gone there is nobody left to tell.
    try? text.write(to: 2)
  }
}

extension Text {
  func add(_ failure: Failure) {
    switch failure {
    case .usage(let problem, let argument):
      add(problem)
      if let argument { addQuoted(argument.bytes) }
      add("; see --help")
    case .file(let action, let name, let status):
      add(action == .reading ? "cannot read" : "cannot write")
      if let name { addQuoted(name.bytes) } else { add(" standard output") }
      add(": ")
      addSystemError(-status)
    case .load(let error): add(error)
    case .numPy(let name, let error): add(name, error)
    case .inputType(let name, let expected, let found):
      addQuoted(name.bytes, before: "")
      add(" holds ")
      add(found)
      add("; the model wants ")
      add(expected)
    case .inputShape(let name, let facts):
      addQuoted(name.bytes, before: "")
      add(" has another shape than the model's input")
      addShape(facts)
    case .unknownInput(let argument):
      add("the model has no input of the name given in")
      addQuoted(argument.bytes)
    case .missingInput(let facts):
      add("no --input for")
      facts.name.withUnsafeBytes { addQuoted($0) }
    case .inputTwice(let facts):
      add("more than one --input for")
      facts.name.withUnsafeBytes { addQuoted($0) }
    case .pathTooLong: add("the path of an output is too long")
    case .outputType(let type):
      add("an output of type ")
      add(type)
      add(" cannot be written as .npy")
    case .noGoldenVectors: add("the model carries no golden vectors to verify")
    case .malformedGoldenVectors: add("the model's golden vectors do not fit its program")
    case .outputsDiffer: add("outputs differ from those recorded when the model was packed")
    case .threadsUnavailable(let count):
      add("cannot start ")
      add(count)
      add(" threads")
    }
  }

  @inline(never)
  func addQuoted(_ text: UnsafeRawBufferPointer, before: StaticString = " ") {
    add(before)
    add("'")
    addForeign(text)
    add("'")
  }

  /// ` [1,3,32,32]`
  private func addShape(_ facts: InputFacts) {
    add(" [")
    for axis in facts.shape.indices {
      if axis > 0 { add(",") }
      add(facts.shape[axis])
    }
    add("]")
  }

  private func add(_ problem: UsageProblem) {
    switch problem {
    case .noModel: add("no model given")
    case .tooManyModels: add("one argument too many:")
    case .unknownOption: add("unknown option")
    case .missingValue: add("no value after")
    case .badNumber: add("not a number in range:")
    case .notOfThisCommand: add("option of another command:")
    case .repeated: add("option given twice:")
    }
  }

  private func addSystemError(_ number: Int32) {
    switch number {
    case 2: add("no such file or folder")
    case 12: add("out of memory")
    case 13: add("permission denied")
    case 19, 21: add("not a file")
    case 27: add("too large")
    case 28: add("no space left")
    case 30: add("the file system is read-only")
    case 36: add("the name is too long")
    default:
      add("system error ")
      add(Int(number))
    }
  }

  private func add(_ name: Argument, _ error: NumPyError) {
    addQuoted(name.bytes, before: "")
    switch error {
    case .notNumPy: add(" is not a .npy file")
    case .unsupportedVersion(let version):
      add(" is of .npy version ")
      add(Int(version))
    case .truncated(let expected, let found):
      add(" is cut short: ")
      add(expected)
      add(" bytes expected, ")
      add(found)
      add(" found")
    case .trailingBytes(let count):
      add(" has ")
      add(count)
      add(" bytes too many")
    case .malformedHeader(let offset):
      add(" has a malformed header at byte ")
      add(offset)
    case .unsupportedType: add(" has a type that no model takes (little-endian f4, u1, i1, i4, i8, b1)")
    case .fortranOrder: add(" is in Fortran order")
    case .tooManyDimensions(let limit):
      add(" has more dimensions than ")
      add(limit)
    case .shapeTooLarge: add(" has a shape beyond all memory")
    }
  }
}
