import Inflate
import ModelFormat
import TensorTypes

/// Why a .pare file could not be loaded: facts only; the sentence is made by the program that reports it.
public enum LoadError: Error, Equatable, Sendable {
  case format(FormatError)
  /// A section that does not inflate to its declared size.
  case inflate(section: SectionKind, ordinal: Int, InflateError)
  case memoryUnavailable(bytes: Int)
  /// No row of the kernel table has that name in this executable.
  case unknownInstructionSet
  /// This CPU cannot run the instruction set that was asked for.
  case instructionSetUnavailable
  /// A tensor that does not lie within the arena or its weights section.
  case tensor(index: Int, TensorProblem)
  case interface(index: Int, StepProblem)
  case step(index: Int, code: StepCode, StepProblem)
  /// The steps multiply more or less than the header states.
  case workMismatch(expected: UInt64, found: UInt64)
  /// The executable was built for one model and leaves this step out.
  case stepNotBuiltIn(index: Int, code: StepCode)
}

public enum TensorProblem: Equatable, Sendable {
  case outOfBounds(end: Int, available: Int)
  case misaligned(offset: Int)
  case missingSection(ordinal: Int)
  case tooLarge(count: Int)
}

/// What is wrong with one operand or field of a step.
public enum StepProblem: Error, Equatable, Sendable {
  case format(FormatError)
  case missingOperand(StaticName)
  case noSuchTensor(StaticName, found: UInt32)
  case type(StaticName, expected: DType, found: DType)
  case typeNotSupported(StaticName, found: DType)
  case count(StaticName, expected: Int, found: Int)
  case tooSmall(StaticName, expected: Int, found: Int)
  /// The operand must be a constant, or must be in the arena.
  case placement(StaticName)
  case value(StaticName, found: Int)
  case notFinite(StaticName)
}

/// A name fixed in the source; `StaticString` with equality.
public struct StaticName: Equatable, Sendable, ExpressibleByStringLiteral {
  public let text: StaticString
  public init(stringLiteral text: StaticString) { self.text = text }
  public static func == (left: StaticName, right: StaticName) -> Bool {
    guard left.text.utf8CodeUnitCount == right.text.utf8CodeUnitCount else { return false }
    for index in 0..<left.text.utf8CodeUnitCount where left.text.utf8Start[index] != right.text.utf8Start[index] {
      return false
    }
    return true
  }
}
