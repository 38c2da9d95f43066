import HostTensors
import TensorTypes

/// One ONNX operator with its attributes read: every facet of it in one file (`Operators/Conv.swift`).
///
/// There are no default implementations: each operator answers for every facet, and "cannot" is a
/// value with a reason. Operators are canonical at `canonicalOpset`: whatever an older opset wrote as
/// an attribute and a newer one as an input is accepted by `init`, and `attributes` writes the
/// canonical form.
public protocol Operator: Sendable {
  static var kind: OperatorKind { get }

  /// Reads and checks the attributes, applying the defaults of `definition.opset`.
  init(_ definition: NodeDefinition) throws(OperatorError)

  /// The attributes to write when exporting at `canonicalOpset`; defaults may be left out.
  var attributes: [String: AttributeValue] { get }

  /// Type and extents of every output. Values that decide a shape (as of Reshape) must be constant.
  func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo]

  /// Multiply-accumulates of one evaluation; 0 where nothing is multiplied and summed.
  func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int

  /// The reference semantics: the ONNX operator on concrete tensors of any size.
  func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor]

  /// How quantization treats the operator.
  func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm

  /// Which channels go together where some are removed. `inputs` and `outputs` are typed and shaped; nil is omitted.
  func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling

  /// How training goes through the operator. `inputs` are typed and shaped; float32 in training.
  func differentiation(_ inputs: [ValueInfo?]) -> Differentiation
}

/// The opset whose form the operators are held and exported in.
public let canonicalOpset = 21

/// A node as a file gives it: what an operator's initializer reads.
public struct NodeDefinition: Sendable {
  public var opType: String
  public var opset: Int
  public var attributes: [String: AttributeValue]
  /// Number of inputs as listed, trailing omitted ones not counted.
  public var inputCount: Int
  public var outputCount: Int

  public init(
    opType: String, opset: Int = canonicalOpset, attributes: [String: AttributeValue] = [:], inputCount: Int,
    outputCount: Int = 1
  ) {
    self.opType = opType
    self.opset = opset
    self.attributes = attributes
    self.inputCount = inputCount
    self.outputCount = outputCount
  }
}

/// The value of an ONNX attribute.
public enum AttributeValue: Sendable {
  case int(Int)
  case float(Float)
  case string(String)
  case ints([Int])
  case floats([Float])
  case strings([String])
  case tensor(Tensor)
}

/// What is known of a value before evaluation.
public struct ValueInfo: Sendable {
  public var dtype: DType
  public var shape: [Int]
  /// The value itself where it is known: an initializer or folded shape arithmetic.
  public var constant: Tensor?

  public init(dtype: DType, shape: [Int], constant: Tensor? = nil) {
    self.dtype = dtype
    self.shape = shape
    self.constant = constant
  }

  public init(_ constant: Tensor) {
    self.init(dtype: constant.dtype, shape: constant.shape, constant: constant)
  }
}

/// How an operator computes on integers (DESIGN: the integer form).
public enum IntegerForm: Sendable, Equatable {
  /// Any unary function of one value: a table of 256 entries.
  case table
  /// Moves or selects values only: the output has the input's scale and zero point.
  case sameScale
  /// A sum (or mean, product, concatenation) of values, each rescaled to the output's scale.
  case rescaled
  /// Sums of products over the weight in input `weightInput`, one scale per index of `channelAxis`.
  case accumulate(weightInput: Int, channelAxis: Int)
  /// Has no integer form; the reason is a sentence fragment for the user.
  case floatOnly(reason: String)
}

/// Why an operator cannot be read, typed or evaluated. The caller adds the node and the file.
public enum OperatorError: Error, Equatable, Sendable {
  case unsupportedOperator(String)
  case missingAttribute(String)
  case invalidAttribute(String, expected: String, found: String)
  case missingInput(Int, name: String)
  case inputCount(expected: String, found: Int)
  case inputType(Int, expected: String, found: DType)
  case inputShape(Int, expected: String, found: [Int])
  /// Input `index` must be a constant for the shapes to be known.
  case inputNotConstant(Int, name: String)
  /// Anything else that the operator's specification forbids.
  case invalid(String)
}
