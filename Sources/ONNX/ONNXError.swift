import Graph
import Operators

/// Why an ONNX file cannot be read or written, with the facts to say so.
public enum ONNXError: Error, Sendable {
  /// The system refused the file; `reason` is the system's own text.
  case unreadable(path: String, reason: String)
  case unwritable(path: String, reason: String)
  /// The bytes are not an ONNX model.
  case malformed(reason: String)

  case unsupportedOpset(found: Int, expected: ClosedRange<Int>)
  /// Nodes use ONNX's own operators, and the file does not say in which version.
  case missingOpset
  case unsupportedDomain(node: String, opType: String, domain: String)
  /// The file defines operators of its own.
  case unsupportedFunction(name: String)
  /// The node holds a graph of its own, as If, Loop and Scan do.
  case subgraph(node: String, opType: String, attribute: String)
  case unsupportedOperator(node: String, opType: String, OperatorError)
  case unsupportedAttribute(node: String, opType: String, attribute: String, type: String)
  case duplicateAttribute(node: String, attribute: String)

  /// An input or output that is not a tensor of a type Pare computes with.
  case unsupportedType(value: String, type: String)
  case unsupportedTensor(name: String, type: String)
  /// A constant whose extents and data disagree, or whose data is damaged.
  case invalidTensor(name: String, reason: TensorFault)
  case externalData(tensor: String, location: String, reason: ExternalDataFault)

  /// The extent is not a number in the file: it must be given (`--shape NAME=...`).
  case symbolicDimension(input: String, axis: Int, symbol: String)
  /// The file does not say how many axes the input has: its shape must be given (`--shape NAME=...`).
  case unknownRank(input: String)
  /// A shape was given for something that is not an input.
  case unknownInput(name: String, known: [String])
  /// The shape given for an input contradicts the file; nil stands for a free extent.
  case shapeMismatch(input: String, expected: [Int?], found: [Int])
  /// The input would have more elements than any machine holds.
  case inputTooLarge(input: String, shape: [Int])

  /// Writing needs the type of every input and output: shapes were not inferred.
  case untypedValue(name: String)
  case undefinedInput(node: String, value: String)
  case undefinedOutput(value: String)
  case noOutputs
  case duplicateDefinition(value: String, definitions: [String])
  case cycle(node: String)
}

/// What is wrong with the data of a constant.
public enum TensorFault: Error, Equatable, Sendable {
  case negativeExtent(Int)
  /// The extents multiply to more than can be addressed.
  case tooLarge(shape: [Int])
  case byteCount(expected: Int, found: Int)
  case elementCount(expected: Int, found: Int)
  /// A typed field holds a number that the element type cannot.
  case valueOutOfRange(Int)
  /// Only a piece of a tensor is stored.
  case segmented
}

/// What is wrong with a tensor whose data is in a file beside the model.
public enum ExternalDataFault: Error, Equatable, Sendable {
  /// The model was read from memory, so there is no directory to look in.
  case noDirectory
  case missingLocation
  /// Absolute, or leading out of the model's directory.
  case forbiddenPath
  case invalidNumber(key: String, value: String)
  case outOfBounds(offset: Int, byteCount: Int, fileByteCount: Int)
  case lengthMismatch(expected: Int, found: Int)
  case unreadable(String)
}
