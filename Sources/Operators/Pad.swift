import HostTensors
import TensorTypes

/// ONNX Pad: adds elements before and after each axis, or removes them where a pad is negative.
///
/// Inputs: data; pads, all begins then all ends; an optional value for mode `constant`; optional axes
/// that the pads are for. Modes `reflect`, `edge` and `wrap` fill from what negative pads leave.
public struct Pad: Operator, CanonicalInputs {
  public static let kind = OperatorKind.pad

  public enum Mode: String, Sendable, CaseIterable {
    case constant, reflect, edge, wrap
  }

  public let mode: Mode
  /// Pads and value of opset 10 and before, which wrote them as attributes.
  private let written: (pads: [Int], value: Float)?

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireOutputs(1...1)
    mode = try definition.choice("mode", default: Mode.constant)
    if definition.opset < 11 {
      try definition.requireInputs(1)
      written = (try definition.requiredInts("pads"), try definition.float("value", default: 0))
    } else {
      try definition.requireInputs(2...4)
      written = nil
    }
  }

  public var attributes: [String: AttributeValue] {
    mode == .constant ? [:] : ["mode": .string(mode.rawValue)]
  }

  public func attributeInputs(_ inputs: [ValueInfo?]) -> [Tensor?] {
    guard let written, let data = inputs.optional(0) else { return [] }
    let pads = Tensor(shape: [written.pads.count], elements: written.pads.map { Int64($0) })
    return written.value == 0 ? [nil, pads] : [nil, pads, Tensor(scalar: written.value).cast(to: data.dtype)]
  }

  /// Elements added to each axis, negative where they are removed; the pads must be constant.
  public func resolvedPads(_ inputs: [ValueInfo?]) throws(OperatorError) -> [(begin: Int, end: Int)] {
    let all = withAttributeInputs(inputs)
    let rank = try all.required(0, "data").rank
    let pads = try all.constantIntegers(1, "pads")
    var axes = Array(0..<rank)
    if let listed = try all.optionalConstantIntegers(3, "axes") {
      _ = try normalizedAxes(listed, rank: rank)
      axes = listed.map { $0 < 0 ? $0 + rank : $0 }
    }
    guard pads.count == 2 * axes.count else {
      throw .inputShape(1, expected: "[\(2 * axes.count)], a begin and an end per axis", found: [pads.count])
    }
    var resolved = [(begin: Int, end: Int)](repeating: (0, 0), count: rank)
    for (index, axis) in axes.enumerated() { resolved[axis] = (pads[index], pads[axes.count + index]) }
    return resolved
  }

  private func withAttributeInputs(_ inputs: [ValueInfo?]) -> [ValueInfo?] {
    let own = attributeInputs(inputs)
    return own.isEmpty ? inputs : Array(inputs.prefix(1)) + own.dropFirst().map { $0.map { ValueInfo($0) } }
  }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    let data = try inputs.required(0, "data")
    let pads = try resolvedPads(inputs)
    if let value = withAttributeInputs(inputs).optional(2) {
      try value.requireType(2, data.dtype)
      guard value.shape.allSatisfy({ $0 == 1 }) else {
        throw .inputShape(2, expected: "one element", found: value.shape)
      }
    }
    var shape: [Int] = []
    for (extent, pad) in zip(data.shape, pads) {
      let padded = try checkedSum(try checkedSum(extent, pad.begin), pad.end)
      let limit = 1 << 40
      guard (0...limit).contains(padded), (-limit...limit).contains(pad.begin), (-limit...limit).contains(pad.end)
      else { throw .invalid("pads \(pad.begin) and \(pad.end) do not fit an extent of \(extent)") }
      let kept = extent + Swift.min(pad.begin, 0) + Swift.min(pad.end, 0)
      guard mode == .constant || kept >= 1 || (pad.begin <= 0 && pad.end <= 0) else {
        throw .invalid("mode \(mode.rawValue) has nothing to fill the pads from")
      }
      shape.append(padded)
    }
    try checkedElementCount(data.shape, of: data.dtype)
    return [try .checked(data.dtype, shape)]
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let output = try inferOutputs(inputs.infos)[0]
    let data = try inputs.required(0, "data")
    let pads = try resolvedPads(inputs.infos)
    let maps = data.shape.indices.map { axis in
      (0..<output.shape[axis]).map { source(of: $0, extent: data.shape[axis], pads[axis]) }
    }
    let value = written == nil ? inputs.optional(2) : attributeInputs(inputs.infos).optional(2)
    return [data.gathered(maps, fill: value)]
  }

  /// The index along one axis that fills output index `position`; nil for the constant.
  private func source(of position: Int, extent: Int, _ pad: (begin: Int, end: Int)) -> Int? {
    if mode == .constant {
      let index = position - pad.begin
      return (0..<extent).contains(index) ? index : nil
    }
    let removed = Swift.max(0, -pad.begin)
    let kept = extent - removed - Swift.max(0, -pad.end)
    let index = position - Swift.max(0, pad.begin)
    func modulo(_ period: Int) -> Int { ((index % period) + period) % period }
    switch mode {
    case .constant: return nil
    case .edge: return removed + Swift.min(Swift.max(index, 0), kept - 1)
    case .wrap: return removed + modulo(kept)
    case .reflect:
      guard kept > 1 else { return removed }
      let phase = modulo(2 * (kept - 1))
      return removed + (phase < kept ? phase : 2 * (kept - 1) - phase)
    }
  }

  /// Same scale where the fill is an element or zero, which every quantization holds; another
  /// constant may lie outside the input's range, so the output gets a scale of its own.
  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    guard mode == .constant, let value = withAttributeInputs(inputs).optional(2) else {
      return .forFloatData(inputs, .sameScale)
    }
    guard let fill = value.constant?.floats.first else {
      return .floatOnly(reason: "the padding value is not constant")
    }
    guard fill.isFinite else { return .floatOnly(reason: "the padding value is not finite") }
    return .forFloatData(inputs, fill == 0 ? .sameScale : .rescaled)
  }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    let shape = inputs.optional(0)?.shape ?? []
    let pads = (try? resolvedPads(inputs)) ?? []
    let ties = zip(shape.indices, pads).filter { _, pad in
      (pad.begin == 0 && pad.end == 0) || (mode == .constant && pad.begin >= 0 && pad.end >= 0)
    }.map { axis, pad in
      ChannelTie(count: shape[axis], [.input(0, axis: axis), .output(0, axis: axis, start: pad.begin)])
    }
    return ChannelCoupling(ties: ties, otherwise: "repeats or removes parts of it")
  }

  /// Of the data, and of the value of mode `constant`, which gets the sum over what it fills.
  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    let hasValue = mode == .constant && inputs.optional(2) != nil
    return .flows(
      inputs,
      GradientRule(inputs: hasValue ? [0, 2] : [0], reads: .parameters(inputs)) { call throws(OperatorError) in
        let (gradient, shape) = (try call.outputGradient, try call.shape(0))
        let pads = try resolvedPads(call.inputInfos)
        return try call.gradients { input throws(OperatorError) in
          if input == 2 { return try valueGradient(gradient, pads, shape).reshaped(call.shape(2)) }
          return try dataGradient(gradient, pads, shape)
        }
      })
  }

  private func dataGradient(
    _ gradient: Tensor, _ pads: [(begin: Int, end: Int)], _ shape: [Int]
  ) throws(OperatorError) -> Tensor {
    if mode == .constant {
      let maps = shape.indices.map { axis in
        (0..<shape[axis]).map { index in
          let position = index + pads[axis].begin
          return (0..<gradient.shape[axis]).contains(position) ? position : nil
        }
      }
      return gradient.gathered(maps, fill: nil)
    }
    var result = gradient
    for axis in shape.indices where pads[axis] != (0, 0) {
      let map = (0..<gradient.shape[axis]).map { source(of: $0, extent: shape[axis], pads[axis]) }
      result = try result.scatterAdded(axis: axis, extent: shape[axis], AxisTaps(map))
    }
    return result
  }

  /// The sum of what lies beyond the data along some axis: for each axis the parts before and after it, of
  /// what lies within the data along the axes before.
  private func valueGradient(
    _ gradient: Tensor, _ pads: [(begin: Int, end: Int)], _ shape: [Int]
  ) throws(OperatorError) -> Tensor {
    let strides = gradient.shape.rowMajorStrides
    var (inside, offset) = (gradient.shape, 0)
    var sum = try gradient.stridedCopy(shape: [0], strides: [0]).summed(to: [])
    for axis in shape.indices {
      let padded = gradient.shape[axis]
      let first = Swift.min(Swift.max(pads[axis].begin, 0), padded)
      let end = Swift.max(first, Swift.min(pads[axis].begin + shape[axis], padded))
      for part in [0..<first, end..<padded] {
        var box = inside
        box[axis] = part.count
        let start = offset + part.lowerBound * strides[axis]
        let piece = try gradient.stridedCopy(shape: box, strides: strides, offset: start).summed(to: [])
        sum = try map(sum, piece, shape: [], Addition())
      }
      inside[axis] = end - first
      offset += first * strides[axis]
    }
    return sum
  }
}

private struct Addition: PairFunction {
  func value<T: ArithmeticElement>(of a: T, _ b: T) -> T { T.sum(a, b) }
}
