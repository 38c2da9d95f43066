import HostTensors
import TensorTypes

/// ONNX MaxPool: the greatest element under a sliding window of [N, C, spatial...].
///
/// The optional second output holds the int64 index of that element in the flattened input, counted
/// in row-major order within a plane, or column-major where `storage_order` is 1. Of equal elements
/// the first counts. A window that sees only padding gives the least finite value and index 0.
public struct MaxPool: Operator {
  public static let kind = OperatorKind.maxPool

  public let window: WindowAttributes
  public let isColumnMajor: Bool
  let outputCount: Int

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1)
    try definition.requireOutputs(1...2)
    _ = try definition.requiredInts("kernel_shape")
    window = try WindowAttributes(definition)
    isColumnMajor = try definition.flag("storage_order", default: false)
    outputCount = definition.outputCount
  }

  public var attributes: [String: AttributeValue] {
    var written = window.attributes
    if isColumnMajor { written["storage_order"] = .int(1) }
    return written
  }

  /// The window with its pads and extents resolved, for an input of this full shape.
  public func resolvedWindow(input: [Int]) throws(OperatorError) -> SpatialWindow {
    try window.resolvedPool(input: input)
  }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    let input = try inputs.required(0, "X")
    try input.require(0, "a float type, int8 or uint8") { $0.isFloat || $0.isQuantized }
    try checkedElementCount(input.shape, of: input.dtype)
    let shape = try Array(input.shape[..<2]) + resolvedWindow(input: input.shape).outputExtents
    let values = try ValueInfo.checked(input.dtype, shape)
    return outputCount == 2 ? [values, try .checked(.int64, shape)] : [values]
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let output = try inferOutputs(inputs.infos)[0]
    let input = try inputs.required(0, "X")
    let pool = PoolingWindow(try resolvedWindow(input: input.shape))
    switch output.dtype {
    case .uint8: return evaluate(input, pool, output.shape, lowest: UInt8.min)
    case .int8: return evaluate(input, pool, output.shape, lowest: Int8.min)
    case .float32: return evaluate(input, pool, output.shape, lowest: -Float.greatestFiniteMagnitude)
    default:
      // Comparing in Double is exact for the other float types.
      var results = evaluate(input.cast(to: .float64), pool, output.shape, lowest: -Double.greatestFiniteMagnitude)
      results[0] = results[0].cast(to: output.dtype)
      return results
    }
  }

  private func evaluate<T: NumericElement>(
    _ input: Tensor, _ pool: PoolingWindow, _ shape: [Int], lowest: T
  ) -> [Tensor] {
    let planes = shape[0] * shape[1]
    var winners = [Int](repeating: 0, count: outputCount == 2 ? shape.elementCount : 0)
    let values = Tensor(shape: shape, of: T.self) { target in
      input.withElements(as: T.self) { source in
        for plane in 0..<planes where !source.isEmpty {
          let elements = source[(plane * pool.inputPlane)...]
          let base = elements.startIndex
          pool.forEachPosition { position, z, y, x in
            var greatest = lowest
            var winner = -1
            pool.forEachInput(z, y, x) { index in
              let element = elements[base + index]
              if element > greatest || winner < 0 {
                greatest = element
                winner = index
              }
            }
            target[plane * pool.outputPlane + position] = greatest
            if outputCount == 2 {
              winners[plane * pool.outputPlane + position] = flatIndex(max(winner, 0), plane, pool)
            }
          }
        }
      }
    }
    guard outputCount == 2 else { return [values] }
    return [values, Tensor(shape: shape, elements: winners.map { Int64($0) })]
  }

  /// The index that the second output reports for element `index` of a plane.
  private func flatIndex(_ index: Int, _ plane: Int, _ pool: PoolingWindow) -> Int {
    guard isColumnMajor else { return plane * pool.inputPlane + index }
    let (x, y, z) = (index % pool.x.input, index / pool.x.input % pool.y.input, index / (pool.x.input * pool.y.input))
    return plane * pool.inputPlane + z + pool.z.input * (y + pool.y.input * x)
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    guard outputCount == 1 else { return .floatOnly(reason: "the indices of the maxima are an output") }
    return .forFloatData(inputs, .sameScale)
  }
}
