import Graph
import Inflate
import Measurement
import ModelFormat
import ONNX
import Operators
import Runtime
import TensorTypes

// The one place where typed errors about models become sentences.

extension OperatorError {
  var sentence: String {
    switch self {
    case .unsupportedOperator(let name): "the operator \(name) is not supported"
    case .missingAttribute(let name): "the attribute '\(name)' is missing"
    case .invalidAttribute(let name, let expected, let found):
      "the attribute '\(name)': expected \(expected), found \(found)"
    case .missingInput(let index, let name): "input \(index) ('\(name)') is missing"
    case .inputCount(let expected, let found): "expected \(expected) inputs, found \(found)"
    case .inputType(let index, let expected, let found):
      "input \(index): expected type \(expected), found \(found.name)"
    case .inputShape(let index, let expected, let found): "input \(index): expected \(expected), found shape \(found)"
    case .inputNotConstant(let index, let name): "input \(index) ('\(name)') must be a constant, and is computed"
    case .invalid(let reason): reason
    }
  }
}

extension GraphError {
  func failure(file: String) -> CommandFailure { CommandFailure("\(file): \(sentence)", .unsupportedModel) }

  var sentence: String {
    switch self {
    case .operatorFailed(let node, let kind, let error): "node '\(node)' (\(kind.rawValue)): \(error.sentence)"
    case .cycle(let node): "node '\(node)' depends on its own output"
    case .undefinedValue(let node, let value): "node '\(node)' reads '\(value)', which nothing defines"
    case .duplicateDefinition(let value, let nodes):
      "the value '\(value)' is defined more than once, by \(nodes.map { "'\($0)'" }.joined(separator: " and "))"
    case .unknownShape(let value): "the shape of '\(value)' is not known"
    case .missingInput(let name): "no tensor is given for the input '\(name)'"
    case .inputMismatch(let name, let expected, let found): "input '\(name)': expected \(expected), found \(found)"
    }
  }
}

extension ONNXError {
  func failure(file: String) -> CommandFailure {
    let status: ExitStatus
    switch self {
    case .unreadable, .unwritable: status = .failure
    case .unknownInput, .shapeMismatch, .symbolicDimension, .unknownRank: status = .usage
    case .malformed, .unsupportedOpset, .missingOpset, .unsupportedDomain, .unsupportedFunction, .subgraph,
      .unsupportedOperator, .unsupportedAttribute, .duplicateAttribute, .unsupportedType, .unsupportedTensor,
      .invalidTensor, .externalData, .inputTooLarge, .untypedValue, .undefinedInput, .undefinedOutput, .noOutputs,
      .duplicateDefinition, .cycle:
      status = .unsupportedModel
    }
    return CommandFailure("\(file): \(sentence)", status)
  }

  private var sentence: String {
    switch self {
    case .unreadable(_, let reason): "cannot be read: \(reason)"
    case .unwritable(_, let reason): "cannot be written: \(reason)"
    case .malformed(let reason): "is not an ONNX model: \(reason)"
    case .unsupportedOpset(let found, let expected):
      "opset \(found) is not supported; expected \(expected.lowerBound) to \(expected.upperBound)"
    case .missingOpset: "does not say which opset its operators are of"
    case .unsupportedDomain(let node, let opType, let domain):
      "node '\(node)': the operator \(opType) of the domain '\(domain)' is not supported"
    case .unsupportedFunction(let name): "defines the function '\(name)'; functions are not supported"
    case .subgraph(let node, let opType, let attribute):
      "node '\(node)' (\(opType)): holds a graph of its own in '\(attribute)', which is not supported"
    case .unsupportedOperator(let node, let opType, let error):
      "node '\(node)' (\(opType)): \(error.sentence)"
    case .unsupportedAttribute(let node, let opType, let attribute, let type):
      "node '\(node)' (\(opType)): the attribute '\(attribute)' has the unsupported type \(type)"
    case .duplicateAttribute(let node, let attribute): "node '\(node)': the attribute '\(attribute)' is given twice"
    case .unsupportedType(let value, let type): "the value '\(value)' has the unsupported type \(type)"
    case .unsupportedTensor(let name, let type): "the constant '\(name)' has the unsupported type \(type)"
    case .invalidTensor(let name, let reason): "the constant '\(name)': \(reason.sentence)"
    case .externalData(let tensor, let location, let reason):
      "the constant '\(tensor)', external data '\(location)': \(reason.sentence)"
    case .symbolicDimension(let input, let axis, let symbol):
      "input '\(input)': axis \(axis) is '\(symbol)', not a number; fix it with --shape \(input)=..."
    case .unknownRank(let input): "input '\(input)' has no shape; give it with --shape \(input)=..."
    case .unknownInput(let name, let known):
      "--shape names '\(name)', which is not an input; the inputs are \(known.map { "'\($0)'" }.joined(separator: ", "))"
    case .shapeMismatch(let input, let expected, let found):
      "input '\(input)': --shape gives \(found), the file says \(expected.map { $0.map(String.init) ?? "any" })"
    case .inputTooLarge(let input, let shape): "input '\(input)': the shape \(shape) is too large"
    case .untypedValue(let name): "the type of '\(name)' is not known"
    case .undefinedInput(let node, let value): "node '\(node)' reads '\(value)', which nothing defines"
    case .undefinedOutput(let value): "the output '\(value)' is not defined"
    case .noOutputs: "has no outputs"
    case .duplicateDefinition(let value, let definitions):
      "the value '\(value)' is defined more than once: \(definitions.joined(separator: ", "))"
    case .cycle(let node): "node '\(node)' depends on its own output"
    }
  }
}

extension TensorFault {
  fileprivate var sentence: String {
    switch self {
    case .negativeExtent(let extent): "the extent \(extent) is negative"
    case .tooLarge(let shape): "the shape \(shape) is too large"
    case .byteCount(let expected, let found): "expected \(expected) bytes of data, found \(found)"
    case .elementCount(let expected, let found): "expected \(expected) elements, found \(found)"
    case .valueOutOfRange(let value): "the value \(value) does not fit the type"
    case .segmented: "is stored in segments, which is not supported"
    }
  }
}

extension ExternalDataFault {
  fileprivate var sentence: String {
    switch self {
    case .noDirectory: "there is no folder to look in"
    case .missingLocation: "no file is named"
    case .forbiddenPath: "the path leads out of the model's folder"
    case .invalidNumber(let key, let value): "'\(key)' is not a number: '\(value)'"
    case .outOfBounds(let offset, let count, let fileCount):
      "bytes \(offset) to \(offset + count) lie outside the file of \(fileCount) bytes"
    case .lengthMismatch(let expected, let found): "expected \(expected) bytes, found \(found)"
    case .unreadable(let reason): "cannot be read: \(reason)"
    }
  }
}

extension PackedNetworkError {
  var failure: CommandFailure {
    switch self {
    case .unreadable(let path, let reason): CommandFailure("\(path): cannot be read: \(reason)")
    case .load(let path, let error): CommandFailure("\(path): \(error.sentence)", error.status)
    case .inputCount(let expected, let found): CommandFailure("expected \(expected) inputs, found \(found)", .usage)
    case .input(let name, let expected, let found):
      CommandFailure("input '\(name)': expected \(expected), found \(found)", .usage)
    }
  }
}

extension NetworkError {
  func failure(file: String) -> CommandFailure {
    switch self {
    case .graph(let error): error.failure(file: file)
    case .packed(let error): error.failure
    }
  }
}

extension LoadError {
  fileprivate var status: ExitStatus {
    switch self {
    case .unknownInstructionSet, .instructionSetUnavailable: .usage
    case .memoryUnavailable: .failure
    case .format, .inflate, .coding, .tensor, .interface, .step, .workMismatch, .stepNotBuiltIn: .unsupportedModel
    }
  }

  var sentence: String {
    switch self {
    case .format(let error): error.sentence
    case .inflate(let section, let ordinal, let error):
      "the \(section) section \(ordinal) does not inflate: \(error)"
    case .coding(let error): "the network section cannot be decoded: \(error)"
    case .memoryUnavailable(let bytes): "asks for \(bytes) bytes of memory, which is more than there is"
    case .unknownInstructionSet: "--isa: no instruction set of that name is built in"
    case .instructionSetUnavailable: "--isa: this CPU does not have that instruction set"
    case .tensor(let index, let problem): "tensor \(index): \(problem)"
    case .interface(let index, let problem): "input or output \(index): \(problem.sentence)"
    case .step(let index, let code, let problem): "step \(index) (\(code.name)): \(problem.sentence)"
    case .workMismatch(let expected, let found): "states \(expected) products and holds steps of \(found)"
    case .stepNotBuiltIn(let index, let code): "step \(index) (\(code.name)) is not built into this executable"
    }
  }
}

extension StepProblem {
  fileprivate var sentence: String {
    switch self {
    case .format(let error): error.sentence
    case .missingOperand(let name): "the \(name.text) is missing"
    case .noSuchTensor(let name, let found): "the \(name.text) is tensor \(found), which does not exist"
    case .type(let name, let expected, let found): "\(name.text): expected \(expected.name), found \(found.name)"
    case .typeNotSupported(let name, let found): "\(name.text): the type \(found.name) is not supported here"
    case .count(let name, let expected, let found): "\(name.text): expected \(expected) elements, found \(found)"
    case .tooSmall(let name, let expected, let found): "\(name.text): expected at least \(expected), found \(found)"
    case .placement(let name): "\(name.text): is in the wrong kind of memory"
    case .value(let name, let found): "\(name.text): the value \(found) is not possible"
    case .notFinite(let name): "\(name.text): a scale is not finite and positive"
    }
  }
}

extension FormatError {
  var sentence: String {
    switch self {
    case .notAModel: "is not a .pare file"
    case .unsupportedVersion(let found): "is of format version \(found); this tool reads version \(Header.version)"
    case .unsupportedFlags(let found): "uses unknown features (flags \(found))"
    case .truncated: "ends too early"
    case .sizeMismatch(let expected, let found): "is damaged: expected \(expected) bytes, found \(found)"
    case .checksumMismatch(let expected, let found):
      "is damaged: expected the checksum \(String(expected, radix: 16)), found \(String(found, radix: 16))"
    case .unknownSection(let found): "holds an unknown section of kind \(found)"
    case .duplicateSection(let found): "holds two sections of kind \(found)"
    case .missingSection(let expected): "lacks its section of kind \(expected)"
    case .unknownStep(let found): "holds a step of unknown code \(found)"
    case .unknownType(let found): "holds a tensor of unknown type \(found)"
    case .unknownFunction(let found): "holds a step with the unknown function \(found)"
    case .valueOutOfRange(let found): "holds a number out of range: \(found)"
    case .recordSize(let expected, let found): "holds a record of \(found) words where \(expected) belong"
    }
  }
}
