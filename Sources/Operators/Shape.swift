import HostTensors
import TensorTypes

/// The extents of the input as int64, or a range of them (ONNX Shape).
public struct Shape: Operator {
  public static let kind = OperatorKind.shape

  /// First axis and the one after the last, as written: negative counts from the end; nil is all the rest.
  public let start: Int
  public let end: Int?

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1)
    start = try definition.int("start", default: 0)
    end = try definition.int("end")
  }

  public var attributes: [String: AttributeValue] {
    var attributes: [String: AttributeValue] = ["start": .int(start)]
    if let end { attributes["end"] = .int(end) }
    return attributes
  }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    [ValueInfo(value(try inputs.required(0, "data").shape))]
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    [value(try inputs.required(0, "data").shape)]
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    .floatOnly(reason: "yields extents, not values")
  }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    .opaque(reason: "yields its extents as numbers")
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .stops(reason: "yields extents, not values")
  }

  private func value(_ shape: [Int]) -> Tensor {
    func clamped(_ axis: Int) -> Int { Swift.min(Swift.max(axis < 0 ? axis + shape.count : axis, 0), shape.count) }
    let (first, last) = (clamped(start), clamped(end ?? shape.count))
    return Tensor(integers: first < last ? Array(shape[first..<last]) : [])
  }
}
