import HostTensors
import TensorTypes

/// The mean over axes (ONNX ReduceMean); integers truncate toward zero.
///
/// The axes are an attribute in older opsets and an input in newer ones.
public struct ReduceMean: Operator, CanonicalInputs {
  public static let kind = OperatorKind.reduceMean

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
    axes.channelCoupling(inputs, outputs, reason: "takes the mean over it")
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flowsToData(inputs, reads: .parameters(inputs)) { call, gradient throws(OperatorError) in
      let shape = try call.shape(0)
      let share = gradient.count == 0 ? 1 : shape.elementCount / gradient.count
      return try axes.expanded(map(gradient, Quotient(divisor: share)), call)
    }
  }
}

extension ReduceMean: RowFunction {
  func value<T: ArithmeticElement>(of row: UnsafeBufferPointer<T>) -> T {
    T.mean(row)
  }
}

private struct Quotient: RealFunction {
  let divisor: Int
  func value<T: RealElement>(at x: T) -> T { x / T(divisor) }
}
