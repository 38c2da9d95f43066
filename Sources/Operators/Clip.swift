import HostTensors
import TensorTypes

/// min(max(x, minimum), maximum) (ONNX Clip); where the bounds cross, the maximum wins.
///
/// Bounds are attributes up to opset 10 and optional inputs of the type of x from opset 11.
public struct Clip: Operator, CanonicalInputs {
  public static let kind = OperatorKind.clip

  /// The bounds written as attributes; nil where there are none.
  private let minimum: Float?
  private let maximum: Float?

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1...3)
    minimum = try definition.float("min")
    maximum = try definition.float("max")
  }

  public var attributes: [String: AttributeValue] { [:] }

  public func attributeInputs(_ inputs: [ValueInfo?]) -> [Tensor?] {
    guard minimum != nil || maximum != nil else { return [] }
    let dtype = inputs.optional(0)?.dtype ?? .float32
    return [
      nil, minimum.map { Tensor(scalar: $0).cast(to: dtype) }, maximum.map { Tensor(scalar: $0).cast(to: dtype) },
    ]
  }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([output(inputs)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    _ = try output(inputs.infos)
    let (minimum, maximum) = try bounds(inputs.infos)
    var result = try inputs.required(0, "input")
    if let minimum { result = try map(result, minimum.reshaped([]), shape: result.shape, LowerBound()) }
    if let maximum { result = try map(result, maximum.reshaped([]), shape: result.shape, UpperBound()) }
    return [result]
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    .tableIfUnary(inputs, otherwise: "the bounds are computed")
  }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .elementwise(inputs, outputs)
  }

  /// None where the output is a bound, as in PyTorch's ReLU6 and Hardtanh: so the output, which the next
  /// operator often reads too, is all that is kept. The bounds are constants and get none.
  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    var reads = ForwardReads.parameters(inputs)
    reads.outputs = [0]
    return .flowsToData(inputs, reads: reads) { call, gradient throws(OperatorError) in
      let (minimum, maximum) = try bounds(call.inputInfos)
      let range = OpenRange(low: minimum?.floats.first ?? -.infinity, high: maximum?.floats.first ?? .infinity)
      return try mapGradient(gradient, call.outputs.required(0, "output"), range)
    }
  }

  /// The bounds, one element each, of the type of the input; nil for a side that is open.
  public func bounds(_ inputs: [ValueInfo?]) throws(OperatorError) -> (minimum: Tensor?, maximum: Tensor?) {
    let own = attributeInputs(inputs)
    return (
      inputs.optional(1) == nil ? own.optional(1) : try inputs.constant(1, "min"),
      inputs.optional(2) == nil ? own.optional(2) : try inputs.constant(2, "max")
    )
  }

  private func output(_ inputs: [ValueInfo?]) throws(OperatorError) -> ValueInfo {
    let input = try sameAsInput(inputs, "input", .numeric)
    for index in 1...2 {
      guard let bound = inputs.optional(index) else { continue }
      try bound.requireType(index, input.dtype)
      // The specification asks for a scalar; a list of one is common in files and means the same.
      guard bound.shape.allSatisfy({ $0 == 1 }) else {
        throw .inputShape(index, expected: "a single value", found: bound.shape)
      }
    }
    return input
  }
}

private struct LowerBound: PairFunction {
  func value<T: ArithmeticElement>(of x: T, _ bound: T) -> T { x < bound ? bound : x }
}

private struct UpperBound: PairFunction {
  func value<T: ArithmeticElement>(of x: T, _ bound: T) -> T { x > bound ? bound : x }
}

private struct OpenRange: ElementGradient {
  let low: Float
  let high: Float
  func gradient<T: RealElement>(_ upstream: T, _ y: T) -> T { y > T(low) && y < T(high) ? upstream : 0 }
}
