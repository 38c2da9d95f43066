import HostTensors
import TensorTypes

/// The input with axes of extent 1 inserted, numbered as in the output (ONNX Unsqueeze).
///
/// The axes are an attribute up to opset 12 and an input from opset 13.
public struct Unsqueeze: Operator, CanonicalInputs {
  public static let kind = OperatorKind.unsqueeze

  /// The axes written as an attribute by opset 12 and older.
  private let attributeAxes: [Int]?

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1...2)
    attributeAxes = definition.inputCount > 1 ? nil : try definition.ints("axes")
    guard definition.inputCount > 1 || attributeAxes != nil else { throw .missingInput(1, name: "axes") }
  }

  public var attributes: [String: AttributeValue] { [:] }

  public func attributeInputs(_ inputs: [ValueInfo?]) -> [Tensor?] {
    attributeAxes.map { [nil, Tensor(integers: $0)] } ?? []
  }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([output(inputs)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    [try inputs.required(0, "data").reshaped(output(inputs.infos).shape)]
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .forFloatData(inputs, .sameScale) }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .reshaping(inputs, outputs)
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation { .flowsByReshaping(inputs) }

  private func output(_ inputs: [ValueInfo?]) throws(OperatorError) -> ValueInfo {
    let data = try inputs.required(0, "data")
    let named = if let attributeAxes { attributeAxes } else { try inputs.constantIntegers(1, "axes") }
    let axes = try normalizedAxes(named, rank: data.rank + named.count)
    var shape = data.shape
    for axis in axes { shape.insert(1, at: axis) }
    return ValueInfo(dtype: data.dtype, shape: shape)
  }
}
