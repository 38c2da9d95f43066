import EntropyCoding
import Inflate
import ModelFormat
import Runtime
import TensorTypes

// One sentence for each way that a model can be refused.

extension Text {
  func add(_ error: LoadError) {
    switch error {
    case .format(let error):
      addInvalid("")
      add(error)
    case .inflate(let section, let ordinal, let error):
      addInvalid("section ")
      add(section.rawValue)
      add(".")
      add(ordinal)
      add(": ")
      add(error)
    case .coding(let error):
      addInvalid("coded stream: ")
      add(error)
    case .memoryUnavailable(let bytes): add("no memory for bytes: ", bytes)
    case .unknownInstructionSet: add("this executable has no kernels of that name")
    case .instructionSetUnavailable: add("this CPU lacks the instruction set")
    case .tensor(let index, let problem):
      addInvalid("tensor ")
      add(index)
      add(": ")
      add(problem)
    case .interface(let index, let problem):
      addInvalid("input or output ")
      add(index)
      add(": ")
      add(problem)
    case .step(let index, let code, let problem):
      addInvalid("")
      addStep(index, code)
      add(": ")
      add(problem)
    case .workMismatch(let expected, let found):
      addInvalid("states products: ")
      add(Int(truncatingIfNeeded: expected))
      add(", holds: ", Int(truncatingIfNeeded: found))
    case .stepNotBuiltIn(let index, let code):
      addStep(index, code)
      add(" is not built into this executable")
    }
  }

  @inline(never)
  private func addInvalid(_ what: StaticString) {
    add("invalid model: ")
    add(what)
  }

  @inline(never)
  private func addStep(_ index: Int, _ code: StepCode) {
    add("step ", index)
    add(" (")
    add(code.name)
    add(")")
  }

  @inline(never)
  func add(_ text: StaticString, _ number: Int) {
    add(text)
    add(number)
  }

  @inline(never)
  private func add(_ text: StaticString, expected: Int, found: Int) {
    add(text)
    add(": expected ", expected)
    add(", found ", found)
  }

  func add(_ error: FormatError) {
    switch error {
    case .notAModel: add("not a .pare file")
    case .unsupportedVersion(let found): add("unsupported version ", Int(found))
    case .unsupportedFlags(let found): add("unsupported flags ", Int(found))
    case .truncated: add("cut short")
    case .sizeMismatch(let expected, let found): add("size", expected: Int(expected), found: Int(found))
    case .checksumMismatch(let expected, let found):
      add("checksum: expected ")
      addHexadecimal(expected)
      add(", found ")
      addHexadecimal(found)
    case .unknownSection(let found): add("unknown section ", Int(found))
    case .duplicateSection(let found): add("two sections of kind ", Int(found))
    case .missingSection(let expected): add("no section of kind ", Int(expected))
    case .unknownStep(let found): add("unknown step ", Int(found))
    case .unknownType(let found): add("unknown type ", Int(found))
    case .unknownFunction(let found): add("unknown function ", Int(found))
    case .valueOutOfRange(let found): add("value out of range: ", Int(found))
    case .recordSize(let expected, let found): add("record words", expected: Int(expected), found: Int(found))
    }
  }

  private func add(_ error: InflateError) {
    switch error {
    case .truncated: add("cut short")
    case .badHeader: add("not a zlib stream")
    case .badBlockType: add("reserved block type")
    case .badStoredLength: add("stored length and complement differ")
    case .badCodeLengths: add("impossible code lengths")
    case .badCode: add("unknown code")
    case .distanceTooFar: add("match before the start")
    case .outputTooLong(let expected): add("longer than ", expected)
    case .outputTooShort(let expected, let found): add("inflated bytes", expected: expected, found: found)
    case .trailingBytes(let count): add("bytes after the end: ", count)
    case .checksum(let expected, let found):
      add("checksum: expected ")
      addHexadecimal(expected)
      add(", found ")
      addHexadecimal(found)
    }
  }

  private func add(_ error: CodingError) {
    switch error {
    case .truncated: add("cut short")
    case .trailingBytes(let count): add("bytes after the end: ", count)
    case .badNumber(let found): add("impossible number ", found)
    case .tooLarge(let count): add("too many bytes: ", count)
    }
  }

  private func add(_ problem: TensorProblem) {
    switch problem {
    case .outOfBounds(let end, let available): add("ends beyond its memory", expected: available, found: end)
    case .misaligned(let offset): add("misaligned offset ", offset)
    case .missingSection(let ordinal): add("no weights section ", ordinal)
    case .tooLarge(let count): add("too many elements: ", count)
    }
  }

  private func add(_ problem: StepProblem) {
    switch problem {
    case .format(let error): add(error)
    case .missingOperand(let name): add("missing operand ", name)
    case .noSuchTensor(let name, let found):
      add("no such tensor: ", name)
      add(" ", Int(found))
    case .type(let name, let expected, let found):
      add("type of ", name)
      add(": expected ")
      add(expected.name)
      add(", found ")
      add(found.name)
    case .typeNotSupported(let name, let found):
      add("type of ", name)
      add(" not supported: ")
      add(found.name)
    case .count(let name, let expected, let found):
      add("elements of ", name)
      add("", expected: expected, found: found)
    case .tooSmall(let name, let expected, let found):
      add("too small: ", name)
      add("", expected: expected, found: found)
    case .placement(let name): add("wrong placement of ", name)
    case .value(let name, let found):
      add("impossible value of ", name)
      add(": ", found)
    case .notFinite(let name): add("not finite: ", name)
    }
  }

  @inline(never)
  private func add(_ text: StaticString, _ name: FieldName) {
    add(text)
    add(name.text)
  }
}
