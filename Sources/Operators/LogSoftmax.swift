import HostTensors
import TensorTypes

/// The logarithm of exponentials that sum to one (ONNX LogSoftmax).
///
/// Up to opset 12 the input counts as a matrix, split before `axis`, and each of its rows sums to one;
/// from opset 13 the elements along `axis` alone do.
public struct LogSoftmax: Operator {
  public static let kind = OperatorKind.logSoftmax

  public let axis: SoftmaxAxis

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1)
    axis = try SoftmaxAxis(definition)
  }

  /// Exact where `axis.isSingleAxis(shape:)` holds; otherwise the writer must flatten the input around the node.
  public var attributes: [String: AttributeValue] { ["axis": .int(axis.axis)] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    let output = try sameAsInput(inputs, "input", .float)
    _ = try axis.extents(output.shape)
    return try folded([output], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    [try axis.normalizedExponential(inputs.required(0, "input"), logarithmic: true)]
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    .forFloatData(inputs, .floatOnly(reason: "normalizes by a sum of exponentials"))
  }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    axis.channelCoupling(inputs, outputs)
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flowsToData(inputs, reads: .outputs(0)) { call, gradient throws(OperatorError) in
      try axis.gradient(gradient, call.outputs.required(0, "output"), logarithmic: true)
    }
  }
}
