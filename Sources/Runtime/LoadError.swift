import EntropyCoding
import Inflate
import ModelFormat
import TensorTypes

/// Why a .pare file could not be loaded: facts only; the sentence is made by the program that reports it.
public enum LoadError: Error, Equatable, Sendable {
  case format(FormatError)
  /// A section that does not inflate to its declared size.
  case inflate(section: SectionKind, ordinal: Int, InflateError)
  /// The network section does not hold what it says.
  case coding(CodingError)
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
  case missingOperand(FieldName)
  case noSuchTensor(FieldName, found: UInt32)
  case type(FieldName, expected: DType, found: DType)
  case typeNotSupported(FieldName, found: DType)
  case count(FieldName, expected: Int, found: Int)
  case tooSmall(FieldName, expected: Int, found: Int)
  /// The operand must be a constant, or must be in the arena.
  case placement(FieldName)
  case value(FieldName, found: Int)
  case notFinite(FieldName)
}

/// An operand or field of a step, as errors name it. One byte, so that errors travel in registers.
public enum FieldName: UInt8, Sendable {
  case bandRows, bias, channels, clamp, condition, countPadding, dilations, direction, epsilon, extent, extents,
    firstOperand, fractions, groups, highIndices, indices, input, inputExtents, kernelExtents, lengths, logarithm,
    lowIndices, memory, output, outputExtents,
    padding, products, repetition, scales, scratch, secondOperand, selectLast, shape, stagedImage, state, strides,
    table,
    weightScales, weights, windowReach

  /// The name in words.
  public var text: StaticString {
    switch self {
    case .bandRows: "band rows"
    case .bias: "bias"
    case .channels: "channels"
    case .clamp: "clamp"
    case .condition: "condition"
    case .countPadding: "count padding"
    case .dilations: "dilations"
    case .direction: "direction"
    case .epsilon: "epsilon"
    case .extent: "extent"
    case .extents: "extents"
    case .firstOperand: "first operand"
    case .fractions: "fractions"
    case .groups: "groups"
    case .highIndices: "high indices"
    case .indices: "indices"
    case .input: "input"
    case .inputExtents: "input extents"
    case .kernelExtents: "kernel extents"
    case .lengths: "lengths"
    case .logarithm: "logarithm"
    case .lowIndices: "low indices"
    case .memory: "memory"
    case .output: "output"
    case .outputExtents: "output extents"
    case .padding: "padding"
    case .products: "products"
    case .repetition: "repeat"
    case .scales: "scales"
    case .scratch: "scratch"
    case .secondOperand: "second operand"
    case .selectLast: "select last"
    case .shape: "shape"
    case .stagedImage: "staged image"
    case .state: "state"
    case .strides: "strides"
    case .table: "table"
    case .weightScales: "weight scales"
    case .weights: "weights"
    case .windowReach: "window reach"
    }
  }
}
