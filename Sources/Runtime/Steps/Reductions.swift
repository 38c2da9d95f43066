import ModelFormat
import TensorTypes

/// Sums `count` floats `stride` apart in the one order every CPU uses: eight partial sums, lane i
/// taking elements i mod 8, combined as ((0+4)+(2+6)) + ((1+5)+(3+7)).
@inline(__always)
func sumInEightLanes(count: Int, _ element: (Int) -> Float) -> Float {
  var lanes = SIMD8<Float>(repeating: 0)
  var index = 0
  while index < count {
    let width = min(8, count &- index)
    for lane in 0..<width { lanes[lane] += element(index &+ lane) }
    index &+= width
  }
  let four = lanes.lowHalf + lanes.highHalf
  let two = four.lowHalf + four.highHalf
  return two.x + two.y
}

/// Extents [outer, axis, inner] of a step over one axis, checked.
///
/// `count` did not overflow, so nothing that counts elements below it does: the steps here add and multiply
/// without checks of their own.
struct AxisExtents {
  let outer: Int
  let axis: Int
  let inner: Int
  let count: Int

  init(_ outer: Int, _ axis: Int, _ inner: Int) throws(StepProblem) {
    guard outer > 0, axis > 0, inner > 0 else { throw .value(.extents, found: axis) }
    self.outer = outer
    self.axis = axis
    self.inner = inner
    count = try product(outer, axis, inner, .extents)
  }

  /// Calls `body` with the offset of the first element of every line along the axis, and the line's number.
  @inline(__always)
  func forEachLine(_ body: (_ start: Int, _ line: Int) -> Void) {
    for block in 0..<outer {
      for column in 0..<inner { body(block &* axis &* inner &+ column, block &* inner &+ column) }
    }
  }
}

/// `softmax` and its logarithm: the maximum is taken off first, sums run in eight lanes.
final class SoftmaxStep: Step {
  private let extents: AxisExtents
  private let input: UnsafePointer<Float>
  private let output: UnsafeMutablePointer<Float>
  private let logarithm: Bool

  init(_ record: SoftmaxRecord, _ loader: borrowing Loader) throws(StepProblem) {
    guard record.logarithm <= 1 else { throw .value(.logarithm, found: Int(record.logarithm)) }
    extents = try AxisExtents(record.outer, record.axis, record.inner)
    input = try loader.input(record.input, .input, .float32, count: extents.count)
      .assumingMemoryBound(to: Float.self)
    output = try loader.output(record.output, .output, .float32, count: extents.count)
      .assumingMemoryBound(to: Float.self)
    logarithm = record.logarithm == 1
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  override func run(_ workers: Workers) {
    let stride = extents.inner
    extents.forEachLine { start, _ in
      var greatest = -Float.infinity
      for index in 0..<extents.axis {
        let value = input[start &+ index &* stride]
        if value > greatest { greatest = value }
      }
      if logarithm {
        let sum = sumInEightLanes(count: extents.axis) {
          Float(Transcendentals.exp(Double(input[start &+ $0 &* stride] - greatest)))
        }
        let offset = Float(Transcendentals.log(Double(sum)))
        for index in 0..<extents.axis {
          output[start &+ index &* stride] = (input[start &+ index &* stride] - greatest) - offset
        }
        return
      }
      for index in 0..<extents.axis {
        output[start &+ index &* stride] =
          Float(Transcendentals.exp(Double(input[start &+ index &* stride] - greatest)))
      }
      let sum = sumInEightLanes(count: extents.axis) { output[start &+ $0 &* stride] }
      for index in 0..<extents.axis { output[start &+ index &* stride] = output[start &+ index &* stride] / sum }
    }
  }
}

/// `reduce`: mean, sum or max of float32.
final class ReduceStep: Step {
  private let extents: AxisExtents
  private let input: UnsafePointer<Float>
  private let output: UnsafeMutablePointer<Float>
  private let function: ReduceFunction

  init(_ record: ReduceRecord, _ loader: borrowing Loader) throws(StepProblem) {
    guard let function = ReduceFunction(rawValue: record.function) else {
      throw .format(.unknownFunction(found: record.function))
    }
    self.function = function
    extents = try AxisExtents(record.outer, record.axis, record.inner)
    input = try loader.input(record.input, .input, .float32, count: extents.count)
      .assumingMemoryBound(to: Float.self)
    output = try loader.output(record.output, .output, .float32, count: extents.outer * extents.inner)
      .assumingMemoryBound(to: Float.self)
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  override func run(_ workers: Workers) {
    let stride = extents.inner
    extents.forEachLine { start, line in
      switch function {
      case .sum, .mean:
        let sum = sumInEightLanes(count: extents.axis) { input[start &+ $0 &* stride] }
        output[line] = function == .mean ? sum / Float(extents.axis) : sum
      case .max:
        var greatest = input[start]
        for index in 1..<max(extents.axis, 1) {
          let value = input[start &+ index &* stride]
          if value > greatest || value != value { greatest = value }
        }
        output[line] = greatest
      }
    }
  }
}

/// `argMax`: int64 indices.
final class ArgMaxStep: Step {
  private let extents: AxisExtents
  private let input: UnsafeRawPointer
  private let output: UnsafeMutablePointer<Int64>
  private let dtype: DType
  private let selectLast: Bool

  init(_ record: ArgMaxRecord, _ loader: borrowing Loader) throws(StepProblem) {
    guard record.selectLast <= 1 else { throw .value(.selectLast, found: Int(record.selectLast)) }
    extents = try AxisExtents(record.outer, record.axis, record.inner)
    dtype = try loader.record(record.input, .input).dtype
    guard dtype == .float32 || dtype.isQuantized else { throw .typeNotSupported(.input, found: dtype) }
    input = try loader.input(record.input, .input, dtype, count: extents.count)
    output = try loader.output(record.output, .output, .int64, count: extents.outer * extents.inner)
      .assumingMemoryBound(to: Int64.self)
    selectLast = record.selectLast == 1
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  override func run(_ workers: Workers) {
    switch dtype {
    case .float32: search(Float.self)
    case .int8: search(Int8.self)
    default: search(UInt8.self)
    }
  }

  @inline(__always)
  private func search<T: Comparable>(_ type: T.Type) {
    let values = input.assumingMemoryBound(to: type)
    extents.forEachLine { start, line in
      var best = 0
      for index in 1..<max(extents.axis, 1) {
        let value = values[start &+ index &* extents.inner]
        let leader = values[start &+ best &* extents.inner]
        if value > leader || (selectLast && value == leader) { best = index }
      }
      output[line] = Int64(best)
    }
  }
}

/// `interpolate`: one axis of a linear resize.
final class InterpolateStep: Step {
  private let input: UnsafePointer<Float>
  private let output: UnsafeMutablePointer<Float>
  private let low: UnsafePointer<Int32>
  private let high: UnsafePointer<Int32>
  private let fraction: UnsafePointer<Float>
  private let extents: AxisExtents
  private let outAxis: Int

  init(_ record: InterpolateRecord, _ loader: borrowing Loader) throws(StepProblem) {
    extents = try AxisExtents(record.outer, record.axis, record.inner)
    outAxis = try loader.record(record.low, .lowIndices).count
    input = try loader.input(record.input, .input, .float32, count: extents.count)
      .assumingMemoryBound(to: Float.self)
    output = try loader.output(
      record.output, .output, .float32, count: product(extents.outer, outAxis, extents.inner, .outputExtents)
    ).assumingMemoryBound(to: Float.self)
    low = try InterpolateStep.indices(record.low, .lowIndices, outAxis, below: extents.axis, loader)
    high = try InterpolateStep.indices(record.high, .highIndices, outAxis, below: extents.axis, loader)
    fraction = try loader.input(record.fraction, .fractions, .float32, count: outAxis)
      .assumingMemoryBound(to: Float.self)
    super.init(outputBytes: try loader.outputSpan(record.output))
  }

  private static func indices(
    _ index: TensorIndex, _ name: FieldName, _ count: Int, below limit: Int, _ loader: borrowing Loader
  ) throws(StepProblem) -> UnsafePointer<Int32> {
    guard try loader.checked(index, name, .int32, count: count).placement != .arena else { throw .placement(name) }
    let indices = try loader.input(index, name).assumingMemoryBound(to: Int32.self)
    for slot in 0..<count {
      guard indices[slot] >= 0, Int(indices[slot]) < limit else { throw .value(name, found: Int(indices[slot])) }
    }
    return indices
  }

  override func run(_ workers: Workers) {
    let inner = extents.inner
    for outer in 0..<extents.outer {
      for slot in 0..<outAxis {
        let from = input + (outer &* extents.axis &+ Int(low[slot])) &* inner
        let to = input + (outer &* extents.axis &+ Int(high[slot])) &* inner
        let out = output + (outer &* outAxis &+ slot) &* inner
        for index in 0..<inner { out[index] = fusedMultiplyAdd(to[index] - from[index], fraction[slot], from[index]) }
      }
    }
  }
}
