import HostTensors
import TensorTypes

/// The input cut into parts along an axis (ONNX Split).
///
/// Extents of the parts are an attribute up to opset 12 and an input from opset 13; without them the
/// parts are equal, and with `num_outputs` (opset 18) the last may be smaller.
public struct Split: Operator, CanonicalInputs {
  public static let kind = OperatorKind.split

  /// As written; negative counts from the end.
  public let axis: Int
  public let outputCount: Int
  /// The extents written as an attribute by opset 12 and older.
  private let attributeExtents: [Int]?
  private let hasExtentsInput: Bool
  private let allowsSmallerLast: Bool

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1...2)
    axis = try definition.int("axis", default: 0)
    hasExtentsInput = definition.inputCount > 1
    attributeExtents = hasExtentsInput ? nil : try definition.ints("split")
    outputCount = definition.outputCount
    let wanted = try definition.int("num_outputs")
    allowsSmallerLast = wanted != nil
    guard wanted == nil || wanted == outputCount else {
      throw .invalidAttribute("num_outputs", expected: "\(outputCount), the outputs listed", found: "\(wanted ?? 0)")
    }
    guard outputCount > 0 else { throw .invalid("Split without outputs") }
  }

  public var attributes: [String: AttributeValue] {
    hasExtentsInput || attributeExtents != nil
      ? ["axis": .int(axis)] : ["axis": .int(axis), "num_outputs": .int(outputCount)]
  }

  public func attributeInputs(_ inputs: [ValueInfo?]) -> [Tensor?] {
    attributeExtents.map { [nil, Tensor(integers: $0)] } ?? []
  }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded(outputs(inputs), from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let outputs = try outputs(inputs.infos)
    let data = try inputs.required(0, "input")
    let axis = try normalizedAxis(axis, rank: data.rank)
    let strides = data.shape.rowMajorStrides
    var start = 0
    return outputs.map { output in
      defer { start += output.shape[axis] }
      return data.stridedCopy(shape: output.shape, strides: strides, offset: start * strides[axis])
    }
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .forFloatData(inputs, .sameScale) }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    guard let shape = inputs.optional(0)?.shape, let front = try? normalizedAxis(axis, rank: shape.count) else {
      return .opaque(reason: "has no input")
    }
    let present = outputs.indices.filter { outputs[$0] != nil }
    var ties = shape.indices.filter { $0 != front }.map { axis in
      ChannelTie(count: shape[axis], [.input(0, axis: axis)] + present.map { .output($0, axis: axis) })
    }
    var start = 0
    for (index, extent) in ((try? extents(inputs)) ?? []).enumerated() {
      let part = outputs.optional(index) == nil ? [] : [ChannelPlaces.output(index, axis: front)]
      ties.append(ChannelTie(count: extent, [.input(0, axis: front, start: start)] + part))
      start += extent
    }
    return ChannelCoupling(ties: ties, otherwise: "has no input")
  }

  /// Zeros where an output has none.
  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flows(
      inputs,
      GradientRule(inputs: [0], reads: .parameters(inputs)) { call throws(OperatorError) in
        let extents = try extents(call.inputInfos)
        return try call.gradients { _ throws(OperatorError) in
          let parts = zip(call.outputGradients, extents).map { (tensor: $0, extent: $1) }
          let shape = try call.shape(0)
          let dtype = call.outputGradients.lazy.compactMap(\.self).first?.dtype ?? .float32
          return concatenated(parts, dtype, shape, axis: try normalizedAxis(axis, rank: shape.count))
        }
      })
  }

  /// The extent along the axis of every output.
  public func extents(_ inputs: [ValueInfo?]) throws(OperatorError) -> [Int] {
    let data = try inputs.required(0, "input")
    let axis = try normalizedAxis(axis, rank: data.rank)
    let total = data.shape[axis]
    if let extents = try inputs.optionalConstantIntegers(1, "split") ?? attributeExtents {
      var sum = 0
      for extent in extents { sum = try checkedSum(sum, extent) }
      guard extents.count == outputCount, sum == total, extents.allSatisfy({ $0 >= 0 }) else {
        throw .invalid("parts \(extents) do not make up \(outputCount) outputs of extent \(total)")
      }
      return extents
    }
    let part = total / outputCount + (total % outputCount == 0 ? 0 : 1)
    let last = total - (outputCount - 1) * part
    guard total % outputCount == 0 || (allowsSmallerLast && last >= 0) else {
      throw .invalid("extent \(total) does not divide into \(outputCount) parts")
    }
    return [Int](repeating: part, count: outputCount - 1) + [last]
  }

  private func outputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    let data = try inputs.required(0, "input")
    let axis = try normalizedAxis(axis, rank: data.rank)
    return try extents(inputs).map { extent in
      var shape = data.shape
      shape[axis] = extent
      return ValueInfo(dtype: data.dtype, shape: shape)
    }
  }
}
