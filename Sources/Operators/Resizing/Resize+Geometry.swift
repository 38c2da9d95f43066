import HostTensors
import TensorTypes

extension Resize {
  /// Greatest extent that a resized axis may have.
  static let maximumExtent = 1 << 24

  /// How each axis is resized; the scales or sizes, and the region where it counts, must be constant.
  public func resolvedAxes(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ResizeAxis] {
    let shape = try inputs.required(0, "X").shape
    try checkedElementCount(shape, of: .float64)
    let chosen = try chosenAxes(rank: shape.count)
    let scales = try floats(inputs, scalesIndex(inputs), "scales")
    let sizes = inputs.count > 3 ? try inputs.optionalConstantIntegers(3, "sizes") : nil
    let region = try regionOfInterest(inputs, axisCount: chosen.count)
    var resized = shape.map { ResizeAxis(unchanged: $0) }
    let lengths: [(output: Int, scale: Float, length: Float)]
    if let sizes, !sizes.isEmpty {
      guard scales.isEmpty else { throw .invalid("Resize takes scales or sizes, not both") }
      lengths = try lengthsBySizes(sizes, extents: chosen.map { shape[$0] })
    } else {
      guard !scales.isEmpty else { throw .missingInput(2, name: "scales") }
      lengths = try lengthsByScales(scales, extents: chosen.map { shape[$0] }, index: scalesIndex(inputs))
    }
    for (index, axis) in chosen.enumerated() {
      let (output, scale, length) = lengths[index]
      let unchanged = output == shape[axis] && scale == 1
      guard unchanged || (shape[axis] > 0 && output > 0) else {
        throw .invalid("cannot resize an axis of \(shape[axis]) elements to \(output)")
      }
      resized[axis] = ResizeAxis(
        input: shape[axis], output: output, scale: scale, outputLength: length, regionStart: region?[index] ?? 0,
        regionEnd: region?[chosen.count + index] ?? 1)
      if let filter, filter.tapCount(resized[axis]) == nil {
        throw .invalid("a scale of \(scale) is too small for an antialiased filter")
      }
    }
    return resized
  }

  private func chosenAxes(rank: Int) throws(OperatorError) -> [Int] {
    guard let axes else { return Array(0..<rank) }
    _ = try normalizedAxes(axes, rank: rank)
    return axes.map { $0 < 0 ? $0 + rank : $0 }
  }

  /// Opset 10 has two inputs, the second of which is scales.
  private func scalesIndex(_ inputs: [ValueInfo?]) -> Int { inputs.count == 2 ? 1 : 2 }

  /// The elements of an optional list of floats; empty where it is omitted.
  private func floats(_ inputs: [ValueInfo?], _ index: Int, _ name: String) throws(OperatorError) -> [Float] {
    guard inputs.optional(index) != nil else { return [] }
    let list = try inputs.constant(index, name)
    guard list.dtype.isFloat else { throw .inputType(index, expected: "a float type", found: list.dtype) }
    guard list.rank == 1 else { throw .inputShape(index, expected: "a list", found: list.shape) }
    return list.floats
  }

  /// Starts, then ends, of the chosen axes; nil where the transformation has no use for them.
  private func regionOfInterest(_ inputs: [ValueInfo?], axisCount: Int) throws(OperatorError) -> [Float]? {
    guard transformation == .tfCropAndResize else { return nil }
    guard inputs.count > 2 else { throw .missingInput(1, name: "roi") }
    let region = try floats(inputs, 1, "roi")
    guard region.count == 2 * axisCount, region.allSatisfy(\.isFinite) else {
      throw .invalid("roi must be \(2 * axisCount) finite numbers, not \(region)")
    }
    return region
  }

  private func lengthsByScales(
    _ scales: [Float], extents: [Int], index: Int
  ) throws(OperatorError) -> [(output: Int, scale: Float, length: Float)] {
    guard scales.count == extents.count else {
      throw .inputShape(index, expected: "[\(extents.count)], a scale per axis", found: [scales.count])
    }
    var lengths: [(output: Int, scale: Float, length: Float)] = []
    for (scale, extent) in zip(scales, extents) {
      let length = Float(extent) * scale
      guard scale.isFinite, scale > 0, length <= Float(Self.maximumExtent) || scale == 1 else {
        throw .invalid("cannot resize an axis of \(extent) elements by \(scale)")
      }
      lengths.append((scale == 1 ? extent : Int(length), scale, length))
    }
    return lengths
  }

  private func lengthsBySizes(
    _ sizes: [Int], extents: [Int]
  ) throws(OperatorError) -> [(output: Int, scale: Float, length: Float)] {
    guard sizes.count == extents.count else {
      throw .inputShape(3, expected: "[\(extents.count)], a size per axis", found: [sizes.count])
    }
    for (size, extent) in zip(sizes, extents)
    where extent == 0 ? size != 0 : size != extent && !(1...Self.maximumExtent).contains(size) {
      throw .invalid("cannot resize an axis of \(extent) elements to \(size)")
    }
    let scales = zip(sizes, extents).map { $1 == 0 ? 1 : Float($0) / Float($1) }
    let common: Float? =
      switch aspectPolicy {
      case .stretch: nil
      case .notLarger: scales.min()
      case .notSmaller: scales.max()
      }
    guard let common else { return zip(sizes, scales).map { ($0, $1, Float($0)) } }
    var lengths: [(output: Int, scale: Float, length: Float)] = []
    for extent in extents {
      let length = common * Float(extent)
      guard length <= Float(Self.maximumExtent) else {
        throw .invalid("cannot resize an axis of \(extent) elements by \(common)")
      }
      lengths.append((Int(length.rounded(.toNearestOrAwayFromZero)), common, length))
    }
    return lengths
  }
}
