import HostTensors
import TensorTypes

/// ONNX GlobalAveragePool: the mean of each plane of [N, C, spatial...], as [N, C, 1...].
public struct GlobalAveragePool: Operator {
  public static let kind = OperatorKind.globalAveragePool

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
    func means<T: RealElement>(_: T.Type) -> Tensor {
      let plane = input.shape[2...].reduce(1, *)
      return Tensor(writing: output.shape, of: T.self) { target in
        input.withBase(as: T.self) { source in
          Parallel.forEachRange(output.shape.elementCount, grain: Swift.max(1, elementGrain / plane)) { planes in
            for index in planes {
              target[index] = T(laneSum(plane) { Double(source[index * plane + $0]) } / Double(plane))
            }
          }
        }
      }
    }
    return [output.dtype == .float64 ? means(Double.self) : means(Float.self).cast(to: output.dtype)]
  }

  /// Rescaled, as onnxruntime's QLinearGlobalAveragePool: the mean of a plane spans less than the plane.
  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .forFloatData(inputs, .rescaled) }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .planewise(inputs, outputs)
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flowsToData(inputs) { call, upstream throws(OperatorError) in
      let shape = try call.shape(0)
      func shares<T: RealElement>(_: T.Type) -> Tensor {
        let plane = shape[2...].reduce(1, *)
        return Tensor(writing: shape, of: T.self) { target in
          upstream.withBase(as: T.self) { upstream in
            Parallel.forEachRange(shape[0] * shape[1], grain: Swift.max(1, elementGrain / plane)) { planes in
              for index in planes {
                (target + index * plane).update(repeating: upstream[index] / T(plane), count: plane)
              }
            }
          }
        }
      }
      return upstream.dtype == .float64 ? shares(Double.self) : shares(Float.self)
    }
  }
}

/// The output shape of a global pool, whose input must have spatial axes, none of them empty.
func globalPoolShape(_ input: [Int]) throws(OperatorError) -> [Int] {
  guard input.count >= 3, !input[2...].contains(0) else {
    throw .inputShape(0, expected: "[N, C] and spatial axes that are not empty", found: input)
  }
  // Extents beside an empty batch are bounded too, so that their product cannot overflow.
  try checkedElementCount(input, of: .float64)
  return Array(input[..<2]) + [Int](repeating: 1, count: input.count - 2)
}
