import HostTensors
import TensorTypes

/// The input without axes of extent 1: those named, or all of them (ONNX Squeeze).
///
/// The axes are an attribute up to opset 12 and an input from opset 13.
public struct Squeeze: Operator, CanonicalInputs {
  public static let kind = OperatorKind.squeeze

  /// The axes written as an attribute by opset 12 and older.
  private let attributeAxes: [Int]?

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1...2)
    attributeAxes = definition.inputCount > 1 ? nil : try definition.ints("axes")
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
    guard let named = try inputs.optionalConstantIntegers(1, "axes") ?? attributeAxes else {
      return ValueInfo(dtype: data.dtype, shape: data.shape.filter { $0 != 1 })
    }
    let axes = try normalizedAxes(named, rank: data.rank)
    for axis in axes where data.shape[axis] != 1 {
      throw .inputShape(0, expected: "extent 1 at axis \(axis)", found: data.shape)
    }
    return ValueInfo(dtype: data.dtype, shape: data.shape.indices.filter { !axes.contains($0) }.map { data.shape[$0] })
  }
}
