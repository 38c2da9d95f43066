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
    case .uint8: return pooled(input, pool, output.shape, lowest: UInt8.min)
    case .int8: return pooled(input, pool, output.shape, lowest: Int8.min)
    case .float32: return pooled(input, pool, output.shape, lowest: -Float.greatestFiniteMagnitude)
    default:
      // Comparing in Double is exact for the other float types.
      var results = pooled(input.cast(to: .float64), pool, output.shape, lowest: -Double.greatestFiniteMagnitude)
      results[0] = results[0].cast(to: output.dtype)
      return results
    }
  }

  private func pooled<T: NumericElement>(
    _ input: Tensor, _ pool: PoolingWindow, _ shape: [Int], lowest: T
  ) -> [Tensor] {
    if outputCount == 1, let pairs = PairPool(pool) { return [pairs.maxima(input, shape, T.self)] }
    var indices: Tensor?
    let values = Tensor(uninitialized: shape, of: T.self) { values in
      guard outputCount == 2 else { return forEachWinner(input, pool, lowest) { values[$1] = $3 } }
      indices = Tensor(uninitialized: shape, of: Int64.self) { indices in
        forEachWinner(input, pool, lowest) { plane, position, winner, greatest in
          values[position] = greatest
          indices[position] = Int64(flatIndex(max(winner, 0), plane, pool))
        }
      }
    }
    return [values] + (indices.map { [$0] } ?? [])
  }

  /// Calls `body` for every output position, counted over all planes, with the index in its plane of the greatest
  /// element seen from there, -1 for none, and its value.
  @inline(__always)
  private func forEachWinner<T: NumericElement>(
    _ input: Tensor, _ pool: PoolingWindow, _ lowest: T,
    _ body: (_ plane: Int, _ position: Int, _ winner: Int, _ greatest: T) -> Void
  ) {
    input.withElements(as: T.self) { source in
      guard let source = source.baseAddress else { return }
      pool.forEachPlane(input.shape[0] * input.shape[1]) { plane in
        let elements = source + plane * pool.inputPlane
        pool.forEachPosition { position, z, y, x in
          var greatest = lowest
          var winner = -1
          pool.forEachInput(z, y, x) { index in
            let element = elements[index]
            if element > greatest || winner < 0 {
              greatest = element
              winner = index
            }
          }
          body(plane, plane * pool.outputPlane + position, winner, greatest)
        }
      }
    }
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

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    // Positions count through the channels of the whole tensor.
    if outputs.optional(1) != nil { return .opaque(reason: "yields positions in the whole tensor") }
    return .planewise(inputs, outputs)
  }

  /// The first of equal elements gets all of it. Which elements won is kept: within the pair of rows for the usual
  /// window of 2 x 2, otherwise as an index within the plane.
  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    let rule = GradientRule(
      inputs: [0], reads: .nothing,
      forward: { call throws(OperatorError) in
        let input = try call.inputs.required(0, "X")
        return input.dtype == .float64
          ? try trained(input, lowest: -Double.greatestFiniteMagnitude)
          : try trained(input, lowest: -Float.greatestFiniteMagnitude)
      },
      backward: { call throws(OperatorError) in
        let shape = try call.shape(0)
        let winners = try call.saved.map { Optional($0) }.required(0, "winners")
        return try call.gradients { _ throws(OperatorError) in
          let (pool, upstream) = (PoolingWindow(try resolvedWindow(input: shape)), try call.outputGradient)
          return upstream.dtype == .float64
            ? gradient(shape, pool, upstream, winners, Double.self)
            : gradient(shape, pool, upstream, winners, Float.self)
        }
      })
    return .flows(inputs, rule)
  }

  private func trained<T: RealElement>(_ input: Tensor, lowest: T) throws(OperatorError) -> ForwardResult {
    let outputs = try inferOutputs([ValueInfo(input)])
    let pool = PoolingWindow(try resolvedWindow(input: input.shape))
    try checkProductExtents([pool.inputPlane])
    if outputCount == 1, let pairs = PairPool(pool) {
      let (values, winners) = pairs.winners(input, outputs[0].shape, T.self)
      return ForwardResult(outputs: [values], saved: [winners])
    }
    var values: [Tensor] = []
    let winners = Tensor(uninitialized: outputs[0].shape, of: Int32.self) { winners in
      values = [
        Tensor(uninitialized: outputs[0].shape, of: T.self) { values in
          forEachWinner(input, pool, lowest) { _, position, winner, greatest in
            values[position] = greatest
            winners[position] = Int32(winner)
          }
        }
      ]
    }
    // The indices are rarely asked for.
    if outputCount == 2 { values.append(try evaluate([input])[1]) }
    return ForwardResult(outputs: values, saved: [winners])
  }

  private func gradient<T: RealElement>(
    _ shape: [Int], _ pool: PoolingWindow, _ upstream: Tensor, _ winners: Tensor, _: T.Type
  ) -> Tensor {
    if outputCount == 1, let pairs = PairPool(pool) { return pairs.gradient(shape, upstream, winners, T.self) }
    return Tensor(writing: shape, of: T.self) { target in
      upstream.withBase(as: T.self) { upstream in
        winners.withElements(as: Int32.self) { winners in
          pool.forEachPlane(shape[0] * shape[1]) { plane in
            let to = target + plane * pool.inputPlane
            to.update(repeating: 0, count: pool.inputPlane)
            for position in plane * pool.outputPlane..<(plane + 1) * pool.outputPlane where winners[position] >= 0 {
              to[Int(winners[position])] += upstream[position]
            }
          }
        }
      }
    }
  }
}
