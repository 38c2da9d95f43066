import HostTensors
import TensorTypes

/// The input as it is, and a mask that is true everywhere (ONNX Dropout in inference).
///
/// The ratio means nothing in inference and is not kept. Training mode with a ratio above 0 is refused,
/// since its result is random.
public struct Dropout: Operator {
  public static let kind = OperatorKind.dropout

  /// Whether the node asks for the mask.
  public let hasMask: Bool

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1...3)
    try definition.requireOutputs(1...2)
    hasMask = definition.outputCount == 2
  }

  public var attributes: [String: AttributeValue] { [:] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    let data = try inputs.required(0, "data")
    try checkInference(inputs)
    return hasMask ? [data, ValueInfo(dtype: .bool, shape: data.shape)] : [data]
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let data = try inputs.required(0, "data")
    try checkInference(inputs.infos)
    return hasMask ? [data, Tensor(shape: data.shape, repeating: true)] : [data]
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .forFloatData(inputs, .sameScale) }

  private func checkInference(_ inputs: [ValueInfo?]) throws(OperatorError) {
    guard let mode = inputs.optional(2) else { return }
    try mode.requireType(2, .bool)
    guard let value = mode.constant, value.count == 1 else { throw .inputNotConstant(2, name: "training_mode") }
    guard value.cast(to: .uint8).integers[0] != 0 else { return }
    // Of training mode only a ratio of 0, which drops nothing, has a defined result; the default is 0.5.
    if inputs.optional(1) == nil { throw .invalid("Dropout in training mode is random") }
    let ratio = try inputs.constant(1, "ratio")
    guard ratio.count == 1, ratio.floats[0] == 0 else {
      throw .invalid("Dropout in training mode is random")
    }
  }
}
