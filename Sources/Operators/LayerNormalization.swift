import HostTensors
import TensorTypes

/// ONNX LayerNormalization: each row to mean 0 and variance 1, then * Scale + B (Ba, Kiros and Hinton 2016).
///
/// A row is all axes of X from `axis` on; Scale and the optional B broadcast to it. Outputs: Y as X, and the Mean
/// and InvStdDev = 1 / sqrt(variance + epsilon) of every row, in float32, with extents 1 from `axis` on.
public struct LayerNormalization: Operator {
  public static let kind = OperatorKind.layerNormalization

  /// As written; negative counts from the end.
  public let axis: Int
  public let epsilon: Float

  public init(_ definition: NodeDefinition) throws(OperatorError) {
    try definition.requireInputs(2...3)
    try definition.requireOutputs(0...3)
    axis = try definition.int("axis", default: -1)
    epsilon = try definition.float("epsilon", default: 1e-5)
    let stash = try definition.int("stash_type", default: 1)
    guard stash == 1 else {
      throw .invalidAttribute("stash_type", expected: "1: statistics in float32", found: "\(stash)")
    }
  }

  public var attributes: [String: AttributeValue] { ["axis": .int(axis), "epsilon": .float(epsilon)] }

  public func inferOutputs(_ inputs: [ValueInfo?]) throws(OperatorError) -> [ValueInfo] {
    let x = try inputs.required(0, "X")
    try x.requireFloat(0)
    let front = try normalizedAxis(axis, rank: x.rank)
    let row = Array(x.shape[front...])
    try checkParameter(inputs.required(1, "Scale"), 1, row, x.dtype)
    if let bias = inputs.optional(2) { try checkParameter(bias, 2, row, x.dtype) }
    let statistics = Array(x.shape[..<front]) + row.map { _ in 1 }
    let statistic = try ValueInfo.checked(.float32, statistics)
    return [try .checked(x.dtype, x.shape), statistic, statistic]
  }

  private func checkParameter(
    _ parameter: ValueInfo, _ index: Int, _ row: [Int], _ dtype: DType
  ) throws(OperatorError) {
    try parameter.requireType(index, dtype)
    guard parameter.rank <= row.count,
      zip(parameter.shape.reversed(), row.reversed()).allSatisfy({ $0 == 1 || $0 == $1 })
    else { throw .inputShape(index, expected: "a shape that broadcasts to \(row)", found: parameter.shape) }
  }

  public func multiplyAccumulates(_ inputs: [ValueInfo?], _ outputs: [ValueInfo]) -> Int { 0 }

  public func evaluate(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let infos = try inferOutputs(inputs.infos)
    let x = try inputs.required(0, "X")
    let scale = try inputs.required(1, "Scale").widened
    let rows = try rows(x.shape)
    let bias = inputs.optional(2)?.widened
    let results: [Tensor]
    switch x.dtype {
    case .float32: results = normalize(x, scale, bias, rows, Float.self)
    case .float64: results = normalize(x, scale, bias, rows, Double.self)
    case .float16, .bfloat16: results = normalize(x.widened, scale, bias, rows, Float.self)
    case .uint8, .int8, .uint16, .int16, .int32, .int64, .bool, .uint32, .uint64:
      throw .inputType(0, expected: "a float type", found: x.dtype)
    }
    return zip(infos, results).map { $1.reshaped($0.shape).cast(to: $0.dtype) }
  }

  public func integerForm(_ inputs: [ValueInfo?]) -> IntegerForm {
    .forFloatData(inputs, .floatOnly(reason: "normalizes by the variance of its own row"))
  }

  public func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    let rank = inputs.optional(0)?.rank ?? 0
    let front = (try? normalizedAxis(axis, rank: rank)) ?? 0
    return .passing(
      inputs, outputs, except: front..<rank, reason: "normalizes by the mean and the variance of all of it")
  }

  public func differentiation(_ inputs: [ValueInfo?]) -> Differentiation {
    .flows(
      GradientRule(
        inputs: [0, 1, 2], reads: .inputs(0, 1),
        backward: { call throws(OperatorError) in try backward(call) }))
  }
}

/// A tensor as `count` rows of `length` elements that are normalized together.
private struct NormalizedRows {
  var count: Int
  var length: Int
  var shape: [Int]

  /// Threads take at least this many rows.
  var grain: Int { max(1, 16384 / max(length, 1)) }
}

extension LayerNormalization {
  private func rows(_ shape: [Int]) throws(OperatorError) -> NormalizedRows {
    let front = try normalizedAxis(axis, rank: shape.count)
    let row = Array(shape[front...])
    return NormalizedRows(count: shape[..<front].reduce(1, *), length: row.elementCount, shape: row)
  }

  /// Mean and 1 / sqrt(variance + epsilon); the sums run as on the device.
  @inline(__always) private func statistics<T: RealElement>(_ row: UnsafePointer<T>, _ length: Int) -> (
    mean: T, scale: T
  ) {
    let mean = laneSum(length) { row[$0] } / T(length)
    let variance = laneSum(length) { (row[$0] - mean) * (row[$0] - mean) } / T(length)
    return (mean, 1 / (variance + T(epsilon)).squareRoot())
  }

  /// Y, Mean and InvStdDev as lists of rows.
  private func normalize<T: RealElement>(
    _ x: Tensor, _ scale: Tensor, _ bias: Tensor?, _ rows: NormalizedRows, _: T.Type
  ) -> [Tensor] {
    let result = TensorDraft<T>(uninitialized: x.shape)
    let means = TensorDraft<T>(uninitialized: [rows.count])
    let scales = TensorDraft<T>(uninitialized: [rows.count])
    withPointers([x, spread(scale, rows.shape), bias.map { spread($0, rows.shape) }], as: T.self) { pointers in
      guard let source = pointers[0], let factor = pointers[1] else { return }
      let shift = pointers[2]
      Parallel.forEachRange(rows.count, grain: rows.grain) { range in
        for index in range {
          let row = source + index * rows.length
          let target = result.base + index * rows.length
          let (mean, inverse) = statistics(row, rows.length)
          means.base[index] = mean
          scales.base[index] = inverse
          for column in 0..<rows.length { target[column] = (row[column] - mean) * inverse * factor[column] }
          if let shift {
            for column in 0..<rows.length { target[column] += shift[column] }
          }
        }
      }
    }
    return [result.tensor, means.tensor, scales.tensor]
  }

  /// The parameter with one element for each of a row.
  private func spread(_ parameter: Tensor, _ row: [Int]) -> Tensor {
    if parameter.count == row.elementCount { return parameter }
    return parameter.stridedCopy(shape: row, strides: broadcastStrides(parameter.shape, to: row))
  }
}

// The way back.
extension LayerNormalization {
  private func backward(_ call: BackwardCall) throws(OperatorError) -> [Tensor?] {
    let x = try call.inputs.required(0, "X")
    let scale = try call.inputs.required(1, "Scale")
    let rows = try rows(x.shape)
    switch x.dtype {
    case .float32: return backward(call, x, scale, rows, Float.self)
    case .float64: return backward(call, x, scale, rows, Double.self)
    case .float16, .bfloat16, .uint8, .int8, .uint16, .int16, .int32, .int64, .bool, .uint32, .uint64:
      throw .inputType(0, expected: "float32 or float64", found: x.dtype)
    }
  }

  private func backward<T: RealElement>(
    _ call: BackwardCall, _ x: Tensor, _ scale: Tensor, _ rows: NormalizedRows, _: T.Type
  ) -> [Tensor?] {
    var gradients = [Tensor?](repeating: nil, count: call.inputShapes.count)
    let given = (0..<3).map { call.outputGradients.optional($0)?.cast(to: x.dtype) }
    withPointers([x, spread(scale, rows.shape)] + given, as: T.self) { pointers in
      guard let source = pointers[0], let factor = pointers[1] else { return }
      if call.wants[0] {
        gradients[0] = inputGradient(source, factor, Array(pointers[2...]), x.shape, rows)
      }
      guard let gradient = pointers[2] else { return }
      if call.wants[1] { gradients[1] = scaleGradient(source, gradient, rows, scale.shape) }
      if call.wants.count > 2, call.wants[2], let shape = call.inputShapes[2] {
        gradients[2] = collect(shape, rows) { (sums: UnsafeMutablePointer<T>) in
          for index in 0..<rows.count {
            let row = gradient + index * rows.length
            for column in 0..<rows.length { sums[column] += row[column] }
          }
        }
      }
    }
    for (index, shape) in call.inputShapes.enumerated() where gradients[index] == nil && call.wants[index] {
      gradients[index] = shape.map { Tensor(shape: $0, repeating: T(0)) }
    }
    return gradients
  }

  /// With n the normalized row and g the gradient by it: (g - mean(g) - n * mean(g * n)) * InvStdDev, and what
  /// comes by way of Mean and InvStdDev where they are read.
  private func inputGradient<T: RealElement>(
    _ source: UnsafePointer<T>, _ factor: UnsafePointer<T>, _ gradients: [UnsafePointer<T>?], _ shape: [Int],
    _ rows: NormalizedRows
  ) -> Tensor {
    let result = TensorDraft<T>(zeroed: shape)
    let length = T(rows.length)
    Parallel.forEachRange(rows.count, grain: rows.grain) { range in
      for index in range {
        let row = source + index * rows.length
        let target = result.base + index * rows.length
        let (mean, inverse) = statistics(row, rows.length)
        var shift = (gradients[1]?[index] ?? 0) / length
        var slope = -(gradients[2]?[index] ?? 0) * inverse * inverse / length
        if let gradient = gradients[0].map({ $0 + index * rows.length }) {
          shift -= inverse * laneSum(rows.length) { gradient[$0] * factor[$0] } / length
          let product = laneSum(rows.length) { gradient[$0] * factor[$0] * (row[$0] - mean) }
          slope -= inverse * inverse * product / length
          for column in 0..<rows.length { target[column] = gradient[column] * factor[column] * inverse }
        }
        for column in 0..<rows.length { target[column] += shift + slope * (row[column] - mean) * inverse }
      }
    }
    return result.tensor
  }

  private func scaleGradient<T: RealElement>(
    _ source: UnsafePointer<T>, _ gradient: UnsafePointer<T>, _ rows: NormalizedRows, _ shape: [Int]
  ) -> Tensor {
    collect(shape, rows) { (sums: UnsafeMutablePointer<T>) in
      for index in 0..<rows.count {
        let (row, outer) = (source + index * rows.length, gradient + index * rows.length)
        let (mean, inverse) = statistics(row, rows.length)
        for column in 0..<rows.length { sums[column] += outer[column] * (row[column] - mean) * inverse }
      }
    }
  }

  /// What `add` adds up for each element of a row, collected in the extents of a parameter that broadcasts to it.
  private func collect<T: RealElement>(
    _ shape: [Int], _ rows: NormalizedRows, _ add: (UnsafeMutablePointer<T>) -> Void
  ) -> Tensor {
    let sums = TensorDraft<T>(zeroed: rows.shape)
    add(sums.base)
    if shape.elementCount == rows.length { return sums.tensor.reshaped(shape) }
    let strides = broadcastStrides(shape, to: rows.shape)
    let ownStrides = rows.shape.rowMajorStrides
    let result = TensorDraft<T>(zeroed: shape)
    for index in 0..<rows.length {
      let place = rows.shape.indices.reduce(0) { $0 + index / ownStrides[$1] % rows.shape[$1] * strides[$1] }
      result.base[place] += sums.base[index]
    }
    return result.tensor
  }
}
