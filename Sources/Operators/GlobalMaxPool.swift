import HostTensors
import TensorTypes

/// ONNX GlobalMaxPool: the greatest element of each plane of [N, C, spatial...], as [N, C, 1...].
public struct GlobalMaxPool: Operator {
  public static let kind = OperatorKind.globalMaxPool

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1)
    try definition.requireOutputs(1...1)
  }

  public var attributes: [String: AttributeValue] { [:] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    let input = try inputs.required(0, "X")
    try input.requireFloat(0)
    return [try .checked(input.dtype, globalPoolShape(input.shape))]
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let output = try inferOutputs(inputs.infos)[0]
    let input = try inputs.required(0, "X")
    let plane = input.shape[2...].reduce(1, *)
    // Comparing in Double is exact for every float type.
    let result = Tensor(shape: output.shape, of: Double.self) { target in
      input.cast(to: .float64).withElements(as: Double.self) { source in
        for index in target.indices {
          var greatest = source[index * plane]
          for element in source[(index * plane)..<((index + 1) * plane)] where element > greatest {
            greatest = element
          }
          target[index] = greatest
        }
      }
    }
    return [result.cast(to: output.dtype)]
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .forFloatData(inputs, .sameScale) }
}
