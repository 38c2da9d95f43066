import HostTensors
import TensorTypes

/// The greatest over axes (ONNX ReduceMax); the least value of the type for an empty set, NaN wins.
///
/// The axes are an attribute in older opsets and an input in newer ones.
public struct ReduceMax: Operator, CanonicalInputs {
  public static let kind = OperatorKind.reduceMax

  public let axes: ReductionAxes

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    axes = try ReductionAxes(definition)
  }

  public var attributes: [String: AttributeValue] { axes.attributes }

  public func attributeInputs(_ inputs: [ValueInfo?]) -> [Tensor?] { axes.attributeInputs }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    return try folded([axes.output(inputs)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let data = try inputs.required(0, "data")
    guard data.dtype == .bool else { return try evaluateReduction(inputs, axes) }
    var numbers = inputs
    numbers[0] = data.cast(to: .uint8)
    return try evaluateReduction(numbers, axes).map { $0.cast(to: .bool) }
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .forFloatData(inputs, .sameScale) }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    axes.channelCoupling(inputs, outputs, reason: "takes the greatest element of it")
  }

  /// To the greatest elements; those that tie share it equally, as in PyTorch's amax.
  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    let reads = ForwardReads(inputs: Set(inputs.indices), outputs: [0])
    return .flowsToData(inputs, reads: reads) { call, gradient throws(OperatorError) in
      let data = try call.inputs.required(0, "data")
      let shape = try axes.keptShape(call.inputInfos)
      let greatest = try call.outputs.required(0, "reduced").reshaped(shape)
      return try gradient.reshaped(shape).shared(amongElementsOf: data, equalTo: greatest)
    }
  }
}

extension ReduceMax: RowFunction {
  func value<T: ArithmeticElement>(of row: UnsafeBufferPointer<T>) -> T {
    row.reduce(T.lowest) { $0 > $1 || $0 != $0 ? $0 : $1 }
  }
}
