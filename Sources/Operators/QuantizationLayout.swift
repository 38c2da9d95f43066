import HostTensors
import TensorTypes

/// Which scale and zero point each element of a tensor has: one for all, one per index of an axis, or
/// one per block of an axis.
struct QuantizationLayout {
  private let outer: Int
  private let extent: Int
  private let inner: Int
  /// Elements of the axis that share a parameter; 0 for one parameter per tensor.
  private let block: Int
  private let isBlocked: Bool

  /// Throws where a scale of shape `scale` does not fit a tensor of `shape`.
  ///
  /// `block` is the attribute `block_size`: 0 where the scale is per tensor or per axis.
  init(shape: [Int], scale: [Int], axis: Int, block blockSize: Int) throws(OperatorError) {
    isBlocked = blockSize > 0
    if !isBlocked && scale.elementCount == 1 && scale.count <= 1 {
      (outer, extent, inner, block) = (1, 1, shape.elementCount, 0)
      return
    }
    let position = try normalizedAxis(axis, rank: shape.count)
    var expected = [shape[position]]
    if isBlocked {
      expected = shape
      let (sum, overflow) = shape[position].addingReportingOverflow(blockSize - 1)
      expected[position] = overflow ? 1 : sum / blockSize
    }
    guard scale == expected else {
      throw .inputShape(1, expected: "a scalar or \(expected)", found: scale)
    }
    outer = shape[..<position].reduce(1, *)
    extent = shape[position]
    inner = shape[(position + 1)...].reduce(1, *)
    block = isBlocked ? blockSize : 1
  }

  /// Calls `body` with runs of neighbouring elements, the index of the first one's parameters, and how
  /// far the parameters move from element to element: 0 or 1.
  @inline(__always)
  func forEachRun(_ body: (_ elements: Range<Int>, _ parameter: Int, _ step: Int) -> Void) {
    if block == 0 { return body(0..<inner, 0, 0) }
    let rowsPerOuter = isBlocked ? (extent + block - 1) / block : extent
    for row in 0..<outer * extent {
      let (outerIndex, position) = row.quotientAndRemainder(dividingBy: extent)
      let elements = row * inner..<(row + 1) * inner
      if isBlocked {
        body(elements, (outerIndex * rowsPerOuter + position / block) * inner, 1)
      } else {
        body(elements, position, 0)
      }
    }
  }
}

/// Checks that both operators share: the scale's type and the zero point's shape.
func checkQuantization(_ inputs: [ValueInfo?]) throws(OperatorError) -> (scale: ValueInfo, zeroPoint: ValueInfo?) {
  let scale = try inputs.required(1, "scale")
  try scale.requireFloat(1)
  try checkedElementCount(scale.shape, of: scale.dtype)
  let zeroPoint = inputs.optional(2)
  // One parameter may be written as a scalar or as a list of one.
  if let zeroPoint, zeroPoint.shape != scale.shape,
    !(zeroPoint.shape.allSatisfy { $0 == 1 } && scale.shape.elementCount == 1)
  {
    throw .inputShape(2, expected: "\(scale.shape), as the scale", found: zeroPoint.shape)
  }
  return (scale, zeroPoint)
}

/// The coupling of both operators: element by element, with the parameters of an axis going along.
func quantizationCoupling(
  _ inputs: [ValueInfo?], _ outputs: [ValueInfo?], axis: Int, blockSize: Int
) -> ChannelCoupling {
  guard blockSize == 0 else { return .opaque(reason: "scales it in blocks") }
  var coupling = ChannelCoupling.elementwise(Array(inputs.prefix(1)), outputs)
  let rank = outputs.optional(0)?.rank ?? 0
  guard let scale = inputs.optional(1), scale.rank == 1, scale.shape[0] > 1,
    let channels = try? normalizedAxis(axis, rank: rank)
  else { return coupling }
  for index in coupling.ties.indices where coupling.ties[index].places.contains(.output(0, axis: channels)) {
    coupling.ties[index].places += [1, 2].filter { inputs.optional($0) != nil }.map { .input($0, axis: 0) }
  }
  return coupling
}

/// Reads `block_size`, which must not be negative.
func blockSize(_ definition: NodeDefinition) throws(OperatorError) -> Int {
  let size = try definition.int("block_size", default: 0)
  guard size >= 0 else { throw .invalidAttribute("block_size", expected: "0 or more", found: "\(size)") }
  return size
}
