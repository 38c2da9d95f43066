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
    func maxima<T: RealElement>(_: T.Type) -> Tensor {
      Tensor(writing: output.shape, of: T.self) { target in
        input.withBase(as: T.self) { source in
          forEachWinner(source, input.shape) { plane, winner in target[plane] = source[winner] }
        }
      }
    }
    return [output.dtype == .float64 ? maxima(Double.self) : maxima(Float.self).cast(to: output.dtype)]
  }

  /// Calls `body` with each plane and where in the whole input its greatest element lies, the first of equals.
  private func forEachWinner<T: RealElement>(
    _ source: UnsafePointer<T>, _ shape: [Int], _ body: (_ plane: Int, _ winner: Int) -> Void
  ) {
    let plane = shape[2...].reduce(1, *)
    Parallel.forEachRange(shape[0] * shape[1], grain: Swift.max(1, elementGrain / plane)) { planes in
      for index in planes {
        var winner = index * plane
        for position in index * plane..<(index + 1) * plane where source[position] > source[winner] {
          winner = position
        }
        body(index, winner)
      }
    }
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .forFloatData(inputs, .sameScale) }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .planewise(inputs, outputs)
  }

  /// The first of equal elements gets all of it.
  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flowsToData(inputs, reads: .inputs(0)) { call, upstream throws(OperatorError) in
      let input = try call.inputs.required(0, "X")
      func scattered<T: RealElement>(_: T.Type) -> Tensor {
        Tensor(shape: input.shape, of: T.self) { target in
          upstream.withBase(as: T.self) { upstream in
            input.withBase(as: T.self) { source in
              forEachWinner(source, input.shape) { plane, winner in target[winner] = upstream[plane] }
            }
          }
        }
      }
      return upstream.dtype == .float64 ? scattered(Double.self) : scattered(Float.self)
    }
  }
}
