import HostTensors
import TensorTypes

/// The index of the greatest element along an axis (ONNX ArgMax), as int64.
///
/// Of equal elements the first counts, or the last with `selectsLast`. An axis without elements is an error.
public struct ArgMax: Operator {
  public static let kind = OperatorKind.argMax

  /// As written; negative counts from the end.
  public let axis: Int
  public let keepsAxis: Bool
  public let selectsLast: Bool

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1)
    axis = try definition.int("axis", default: 0)
    keepsAxis = try definition.flag("keepdims", default: true)
    selectsLast = try definition.flag("select_last_index", default: false)
  }

  public var attributes: [String: AttributeValue] {
    [
      "axis": .int(axis), "keepdims": .int(keepsAxis ? 1 : 0), "select_last_index": .int(selectsLast ? 1 : 0),
    ]
  }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([output(inputs)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let output = try output(inputs.infos)
    let data = try inputs.required(0, "data")
    switch data.dtype {
    case .float32: return [try indices(data, output.shape, Float.self)]
    case .float64: return [try indices(data, output.shape, Double.self)]
    case .float16, .bfloat16: return [try indices(data.widened, output.shape, Float.self)]
    case .uint8, .int8, .uint16, .int16, .uint32, .int32, .int64:
      return [try indices(data.cast(to: .int64), output.shape, Int64.self)]
    case .uint64: return [try indices(data, output.shape, UInt64.self)]
    case .bool: throw .inputType(0, expected: "a numeric type", found: .bool)
    }
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    .floatOnly(reason: "yields indices, not values")
  }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    guard let data = inputs.optional(0), let front = try? normalizedAxis(axis, rank: data.rank) else {
      return .opaque(reason: "yields indices of it")
    }
    let ties = data.shape.indices.filter { $0 != front }.map { from in
      let to = keepsAxis || from < front ? from : from - 1
      return ChannelTie(count: data.shape[from], [.input(0, axis: from), .output(0, axis: to)])
    }
    return ChannelCoupling(ties: ties, otherwise: "yields indices of it")
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .stops(reason: "yields indices, not values")
  }

  private func output(_ inputs: [ValueInfo?]) throws(OperatorError) -> ValueInfo {
    let data = try inputs.required(0, "data")
    try data.requireNumeric(0)
    let axis = try normalizedAxis(axis, rank: data.rank)
    guard data.shape[axis] > 0 else {
      throw .inputShape(0, expected: "elements along axis \(axis)", found: data.shape)
    }
    var shape = data.shape
    if keepsAxis { shape[axis] = 1 } else { shape.remove(at: axis) }
    return try .checked(.int64, shape)
  }

  private func indices<T: NumericElement>(
    _ data: Tensor, _ shape: [Int], _: T.Type
  ) throws(OperatorError) -> Tensor {
    let axis = try normalizedAxis(axis, rank: data.rank)
    let count = data.shape[axis]
    let stride = data.shape[(axis + 1)...].reduce(1, *)
    return data.withElements(as: T.self) { source in
      Tensor(shape: shape, of: Int64.self) { (target: UnsafeMutableBufferPointer<Int64>) in
        for row in 0..<shape.elementCount {
          let first = row / stride * count * stride + row % stride
          var best = 0
          for index in 1..<count {
            let (value, greatest) = (source[first + index * stride], source[first + best * stride])
            if value > greatest || (selectsLast && value == greatest) { best = index }
          }
          target[row] = Int64(best)
        }
      }
    }
  }
}
