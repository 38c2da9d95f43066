import HostTensors
import TensorTypes

/// Slices of the data at the given indices along an axis (ONNX Gather).
///
/// Negative indices count from the end; others must lie within the axis.
public struct Gather: Operator {
  public static let kind = OperatorKind.gather

  /// As written; negative counts from the end.
  public let axis: Int

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(2)
    axis = try definition.int("axis", default: 0)
  }

  public var attributes: [String: AttributeValue] { ["axis": .int(axis)] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([output(inputs)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let output = try output(inputs.infos)
    let data = try inputs.required(0, "data")
    let axis = try normalizedAxis(axis, rank: data.rank)
    let extent = data.shape[axis]
    let indices = try positions(inputs.required(1, "indices"), extent: extent, axis: axis)
    let outer = data.shape[..<axis].reduce(1, *)
    let sliceBytes = data.shape[(axis + 1)...].reduce(data.dtype.byteCount, *)
    guard output.shape.elementCount > 0 else { return [Tensor(dtype: output.dtype, shape: output.shape) { _ in }] }
    return [
      data.withBytes { source in
        Tensor(dtype: output.dtype, shape: output.shape) { target in
          for row in 0..<outer {
            for (position, index) in indices.enumerated() {
              let piece = source[(row * extent + index) * sliceBytes..<(row * extent + index + 1) * sliceBytes]
              UnsafeMutableRawBufferPointer(
                rebasing: target[(row * indices.count + position) * sliceBytes..<target.count]
              )
              .copyMemory(from: UnsafeRawBufferPointer(rebasing: piece))
            }
          }
        }
      }
    ]
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .forFloatData(inputs, .sameScale) }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    guard let data = inputs.optional(0), let indices = inputs.optional(1),
      let front = try? normalizedAxis(axis, rank: data.rank)
    else { return .opaque(reason: "picks from it by index") }
    var ties = data.shape.indices.filter { $0 != front }.map { from in
      let to = from < front ? from : from - 1 + indices.rank
      return ChannelTie(count: data.shape[from], [.input(0, axis: from), .output(0, axis: to)])
    }
    ties += indices.shape.enumerated().map { axis, extent in
      ChannelTie(count: extent, [.input(1, axis: axis), .output(0, axis: front + axis)])
    }
    return ChannelCoupling(ties: ties, otherwise: "picks from it by index")
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flowsToData(inputs, reads: .inputs(1)) { call, gradient throws(OperatorError) in
      let (shape, indices) = (try call.shape(0), try call.inputs.required(1, "indices"))
      let axis = try normalizedAxis(axis, rank: shape.count)
      let picks = try positions(indices, extent: shape[axis], axis: axis)
      // The axes of the indices count as one.
      let rows = gradient.reshaped(shape[..<axis] + [picks.count] + shape[(axis + 1)...])
      return try rows.scatterAdded(axis: axis, extent: shape[axis], AxisTaps(picks))
    }
  }

  /// The indices counted from the front; each must lie inside the axis.
  private func positions(_ indices: Tensor, extent: Int, axis: Int) throws(OperatorError) -> [Int] {
    var positions = indices.integers
    for position in positions.indices {
      let index = positions[position]
      guard index >= -extent, index < extent else {
        throw .invalid("index \(index) is outside axis \(axis) of extent \(extent)")
      }
      positions[position] = index < 0 ? index + extent : index
    }
    return positions
  }

  private func output(_ inputs: [ValueInfo?]) throws(OperatorError) -> ValueInfo {
    let (data, indices) = (try inputs.required(0, "data"), try inputs.required(1, "indices"))
    try indices.require(1, "int32 or int64") { $0 == .int32 || $0 == .int64 }
    let axis = try normalizedAxis(axis, rank: data.rank)
    return try .checked(data.dtype, data.shape[..<axis] + indices.shape + data.shape[(axis + 1)...])
  }
}
