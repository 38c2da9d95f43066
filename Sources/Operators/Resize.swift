import HostTensors
import TensorTypes

/// ONNX Resize: nearest, linear or cubic sampling along each axis, opsets 10 to 21.
///
/// Inputs: X; a region of interest (`tf_crop_and_resize`); scales; sizes. Opset 10 has scales as its
/// second of two inputs: a node with two inputs is read so, and a writer of `canonicalOpset` must put
/// an omitted input before the second.
public struct Resize: Operator {
  public static let kind = OperatorKind.resize

  public enum Mode: String, Sendable, CaseIterable {
    case nearest, linear, cubic
  }

  public enum AspectPolicy: String, Sendable, CaseIterable {
    case stretch
    case notLarger = "not_larger"
    case notSmaller = "not_smaller"
  }

  public let mode: Mode
  public let transformation: CoordinateTransformation
  public let nearestMode: NearestMode
  public let cubicCoefficient: Float
  public let excludesOutside: Bool
  public let isAntialiased: Bool
  public let extrapolationValue: Float
  /// The axes that region, scales and sizes are for; nil for all.
  public let axes: [Int]?
  public let aspectPolicy: AspectPolicy

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireOutputs(1...1)
    mode = try definition.choice("mode", default: Mode.nearest)
    if definition.opset < 11 {
      try definition.requireInputs(2)
      // Opset 10 knows no modes: ONNX converts it to this one.
      transformation = .asymmetric
      nearestMode = .floor
    } else {
      try definition.requireInputs(2...4)
      transformation = try definition.choice(
        "coordinate_transformation_mode", default: CoordinateTransformation.halfPixel)
      nearestMode = try definition.choice("nearest_mode", default: NearestMode.roundPreferFloor)
    }
    cubicCoefficient = try definition.float("cubic_coeff_a", default: -0.75)
    excludesOutside = try definition.flag("exclude_outside", default: false)
    isAntialiased = try definition.flag("antialias", default: false)
    extrapolationValue = try definition.float("extrapolation_value", default: 0)
    axes = try definition.ints("axes")
    aspectPolicy = try definition.choice("keep_aspect_ratio_policy", default: AspectPolicy.stretch)
    guard !isAntialiased || mode != .nearest else {
      throw .invalidAttribute("antialias", expected: "0 with mode nearest", found: "1")
    }
  }

  public var attributes: [String: AttributeValue] {
    var written: [String: AttributeValue] = [
      "mode": .string(mode.rawValue), "coordinate_transformation_mode": .string(transformation.rawValue),
    ]
    if mode == .nearest { written["nearest_mode"] = .string(nearestMode.rawValue) }
    if mode == .cubic { written["cubic_coeff_a"] = .float(cubicCoefficient) }
    if excludesOutside { written["exclude_outside"] = .int(1) }
    if isAntialiased { written["antialias"] = .int(1) }
    if extrapolationValue != 0 { written["extrapolation_value"] = .float(extrapolationValue) }
    if let axes { written["axes"] = .ints(axes) }
    if aspectPolicy != .stretch { written["keep_aspect_ratio_policy"] = .string(aspectPolicy.rawValue) }
    return written
  }

  /// The weights of modes linear and cubic; nil for nearest.
  public var filter: ResizeFilter? {
    switch mode {
    case .nearest: nil
    case .linear: ResizeFilter(kernel: .linear, isAntialiased: isAntialiased, excludesOutside: excludesOutside)
    case .cubic:
      ResizeFilter(
        kernel: .cubic(a: cubicCoefficient), isAntialiased: isAntialiased, excludesOutside: excludesOutside)
    }
  }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    let input = try inputs.required(0, "X")
    if mode != .nearest { try input.requireNumeric(0) }
    return [try .checked(input.dtype, resolvedAxes(inputs).map(\.output))]
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let output = try inferOutputs(inputs.infos)[0]
    let input = try inputs.required(0, "X")
    let resized = try resolvedAxes(inputs.infos)
    guard let filter else {
      let maps = resized.map { $0.nearestIndices(transformation, nearestMode) }
      return [input.gathered(maps, fill: extrapolated(input.dtype))]
    }
    var elements = input.floats
    for (axis, resizing) in resized.enumerated() where !resizing.isIdentity(transformation) {
      // Axes before this one already have their new length.
      elements = filter.apply(
        to: elements, resizing, transformation, outer: resized[..<axis].reduce(1) { $0 * $1.output },
        inner: input.shape[(axis + 1)...].reduce(1, *), extrapolation: extrapolationValue)
    }
    return [Tensor(shape: output.shape, elements: saturated(elements, output.dtype)).cast(to: output.dtype)]
  }

  private func extrapolated(_ dtype: DType) -> Tensor {
    Tensor(shape: [1], elements: saturated([extrapolationValue], dtype)).cast(to: dtype)
  }

  /// Rounded and cut to the range of an integer type; as they are for a float type.
  private func saturated(_ elements: [Float], _ dtype: DType) -> [Float] {
    let range: (low: Float, high: Float)? =
      switch dtype {
      case .float16, .bfloat16, .float32, .float64: nil
      case .bool: (0, 1)
      case .uint8: (0, 255)
      case .int8: (-128, 127)
      case .uint16: (0, 65535)
      case .int16: (-32768, 32767)
      // The greatest Floats that the wider types hold.
      case .int32: (-0x1p31, 0x1.fffffep30)
      case .uint32: (0, 0x1.fffffep31)
      case .int64: (-0x1p63, 0x1.fffffep62)
      case .uint64: (0, 0x1.fffffep63)
      }
    guard let range else { return elements }
    return elements.map { Swift.min(Swift.max($0.rounded(.toNearestOrEven), range.low), range.high) }
  }

  /// Same scale where every output is an input or lies between inputs; a cubic overshoots and an
  /// extrapolation value may lie anywhere, so then the output gets a scale of its own.
  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    let extrapolates = transformation == .tfCropAndResize && extrapolationValue != 0
    return switch mode {
    case .nearest, .linear: .forFloatData(inputs, extrapolates ? .rescaled : .sameScale)
    case .cubic: .forFloatData(inputs, .rescaled)
    }
  }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    let shape = inputs.optional(0)?.shape ?? []
    let resized = (try? resolvedAxes(inputs)) ?? []
    let ties = zip(shape.indices, resized).filter { $1.isIdentity(transformation) }.map { axis, _ in
      ChannelTie(count: shape[axis], [.input(0, axis: axis), .output(0, axis: axis)])
    }
    return ChannelCoupling(ties: ties, otherwise: "resamples it")
  }

  /// Each output element goes, by its weights, to the input elements that it was sampled from. The order of the
  /// axes is free; the last is taken when the others are small again, since its elements move one by one.
  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flowsToData(inputs, reads: .parameters(inputs)) { call, gradient throws(OperatorError) in
      var result = gradient
      for (axis, resizing) in try resolvedAxes(call.inputInfos).enumerated()
      where !resizing.isIdentity(transformation) {
        let taps =
          filter.map { AxisTaps($0.samples(resizing, transformation)) }
          ?? AxisTaps(resizing.nearestIndices(transformation, nearestMode))
        result = try result.scatterAdded(axis: axis, extent: resizing.input, taps)
      }
      return result
    }
  }
}
