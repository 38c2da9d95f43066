import HostTensors
import TensorTypes

/// A strided part of the input (ONNX Slice).
///
/// Starts, ends and axes are attributes up to opset 9 and inputs, with steps, from opset 10. Bounds
/// beyond the input are moved to its ends; a negative step walks backwards.
public struct SliceOperator: Operator, CanonicalInputs {
  public static let kind = OperatorKind.slice

  private let attributeStarts: [Int]?
  private let attributeEnds: [Int]?
  private let attributeAxes: [Int]?

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(1...5)
    let isOldForm = definition.inputCount == 1
    attributeStarts = isOldForm ? try definition.requiredInts("starts") : nil
    attributeEnds = isOldForm ? try definition.requiredInts("ends") : nil
    attributeAxes = isOldForm ? try definition.ints("axes") : nil
  }

  public var attributes: [String: AttributeValue] { [:] }

  public func attributeInputs(_ inputs: [ValueInfo?]) -> [Tensor?] {
    guard let attributeStarts, let attributeEnds else { return [] }
    let values = [nil, Tensor(integers: attributeStarts), Tensor(integers: attributeEnds)]
    return values + (attributeAxes.map { [Tensor(integers: $0)] } ?? [])
  }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    try folded([output(inputs)], from: inputs)
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let ranges = try ranges(inputs.infos)
    let data = try inputs.required(0, "data")
    let (strides, offset) = elements(ranges, data.shape)
    return [data.stridedCopy(shape: ranges.map(\.count), strides: strides, offset: offset)]
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm { .forFloatData(inputs, .sameScale) }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    let ties = ((try? ranges(inputs)) ?? []).enumerated().filter { $1.step == 1 }.map { axis, range in
      ChannelTie(count: range.count, [.input(0, axis: axis, start: range.start), .output(0, axis: axis)])
    }
    return ChannelCoupling(ties: ties, otherwise: "takes it in strides")
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flowsToData(inputs, reads: .parameters(inputs)) { call, gradient throws(OperatorError) in
      let (ranges, shape) = (try ranges(call.inputInfos), try call.shape(0))
      let (steps, offset) = elements(ranges, shape)
      return try gradient.scattered(into: shape, strides: steps, offset: offset)
    }
  }

  /// Where the elements taken lie in a row-major tensor of `shape`.
  private func elements(_ ranges: [AxisRange], _ shape: [Int]) -> (strides: [Int], offset: Int) {
    let strides = shape.rowMajorStrides
    return (
      zip(ranges, strides).map { $0.count > 1 ? $0.step * $1 : 0 },
      zip(ranges, strides).reduce(0) { $0 + $1.0.start * $1.1 }
    )
  }

  /// The elements taken along every axis, in the order of the axes.
  public func ranges(_ inputs: [ValueInfo?]) throws(OperatorError) -> [AxisRange] {
    let data = try inputs.required(0, "data")
    let starts = if let attributeStarts { attributeStarts } else { try inputs.constantIntegers(1, "starts") }
    let ends = if let attributeEnds { attributeEnds } else { try inputs.constantIntegers(2, "ends") }
    let named = try inputs.optionalConstantIntegers(3, "axes") ?? attributeAxes ?? Array(starts.indices)
    let steps = try inputs.optionalConstantIntegers(4, "steps") ?? starts.map { _ in 1 }
    guard starts.count == ends.count, starts.count == named.count, starts.count == steps.count else {
      throw .invalid("\(starts.count) starts, \(ends.count) ends, \(named.count) axes and \(steps.count) steps")
    }
    _ = try normalizedAxes(named, rank: data.rank)
    var ranges = data.shape.map { AxisRange(start: 0, step: 1, count: $0) }
    for index in starts.indices {
      let axis = try normalizedAxis(named[index], rank: data.rank)
      ranges[axis] = try AxisRange(start: starts[index], end: ends[index], step: steps[index], of: data.shape[axis])
    }
    return ranges
  }

  private func output(_ inputs: [ValueInfo?]) throws(OperatorError) -> ValueInfo {
    ValueInfo(dtype: try inputs.required(0, "data").dtype, shape: try ranges(inputs).map(\.count))
  }
}

/// Every `step`-th element along an axis, `count` of them from `start` on.
public struct AxisRange: Equatable, Sendable {
  public let start: Int
  public let step: Int
  public let count: Int

  init(start: Int, step: Int, count: Int) {
    (self.start, self.step, self.count) = (start, step, count)
  }

  /// As written in ONNX Slice: negative bounds count from the end of `extent`, and any bound is allowed.
  init(start: Int, end: Int, step: Int, of extent: Int) throws(OperatorError) {
    guard step != 0 else { throw .invalid("a slice with step 0") }
    func clamped(_ bound: Int, _ range: ClosedRange<Int>) -> Int {
      Swift.min(Swift.max(bound < 0 ? bound + extent : bound, range.lowerBound), range.upperBound)
    }
    if step > 0 {
      let (first, last) = (clamped(start, 0...extent), clamped(end, 0...extent))
      self.init(start: first, step: step, count: last > first ? (last - first - 1) / step + 1 : 0)
    } else {
      guard extent > 0 else {
        self.init(start: 0, step: step, count: 0)
        return
      }
      let (first, last) = (clamped(start, 0...extent - 1), clamped(end, -1...extent - 1))
      // The quotient by a negative step is negative or zero, so no step needs its magnitude taken.
      self.init(start: first, step: step, count: first > last ? 1 - (first - last - 1) / step : 0)
    }
  }
}
