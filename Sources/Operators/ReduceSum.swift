import HostTensors
import TensorTypes

/// The sum over axes (ONNX ReduceSum); 0 for an empty set, integers wrap.
///
/// The axes are an attribute in older opsets and an input in newer ones.
public struct ReduceSum: Operator, CanonicalInputs {
  public static let kind = OperatorKind.reduceSum

  public let axes: ReductionAxes

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    axes = try ReductionAxes(definition)
  }

  public var attributes: [String: AttributeValue] { axes.attributes }

  public func attributeInputs(_ inputs: [ValueInfo?]) -> [Tensor?] { axes.attributeInputs }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try inputs.required(0, "data").requireNumeric(0)
    return try folded([axes.output(inputs)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    try evaluateReduction(inputs, axes)
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .forFloatData(inputs, .rescaled) }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    axes.channelCoupling(inputs, outputs, reason: nil)
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flowsToData(inputs, reads: .parameters(inputs)) { call, gradient throws(OperatorError) in
      try axes.expanded(gradient, call)
    }
  }
}

extension ReduceSum: RowFunction {
  func value<T: ArithmeticElement>(of row: UnsafeBufferPointer<T>) -> T {
    laneSum(row.count) { row[$0] }
  }
}
