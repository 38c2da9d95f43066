import HostTensors
import TensorTypes

/// The same elements under another shape (ONNX Reshape).
///
/// In the wanted shape, 0 keeps the input's extent (unless `allowsZero`) and one -1 takes what is left.
public struct Reshape: Operator {
  public static let kind = OperatorKind.reshape

  /// Whether 0 means an extent of zero.
  public let allowsZero: Bool

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(2)
    allowsZero = try definition.flag("allowzero", default: false)
  }

  public var attributes: [String: AttributeValue] { allowsZero ? ["allowzero": .int(1)] : [:] }

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
    var shape = try inputs.constantIntegers(1, "shape")
    let mismatch = OperatorError.invalid("shape \(data.shape) cannot become \(shape)")
    if !allowsZero {
      for axis in shape.indices where shape[axis] == 0 {
        guard axis < data.rank else { throw mismatch }
        shape[axis] = data.shape[axis]
      }
    }
    let open = shape.indices.filter { shape[$0] == -1 }
    guard open.count <= 1, shape.allSatisfy({ $0 >= -1 }) else { throw mismatch }
    if let axis = open.first {
      let known = try checkedElementCount(shape.enumerated().map { $0.offset == axis ? 1 : $0.element }, of: data.dtype)
      let count = data.shape.elementCount
      guard known > 0, count % known == 0 else { throw mismatch }
      shape[axis] = count / known
    }
    let output = try ValueInfo.checked(data.dtype, shape)
    guard shape.elementCount == data.shape.elementCount else { throw mismatch }
    return output
  }
}
