import HostTensors
import TensorTypes

/// Which elements Softmax and LogSoftmax normalize together.
public struct SoftmaxAxis: Sendable {
  /// As written; negative counts from the end.
  public let axis: Int
  /// Whether all axes from `axis` on count as one: the rule up to opset 12.
  public let flattensInnerAxes: Bool

  init(_ definition: NodeDefinition) throws(OperatorError) {
    flattensInnerAxes = definition.opset < 13
    axis = try definition.int("axis", default: flattensInnerAxes ? 1 : -1)
  }

  /// Whether the elements of one axis are normalized together, as opset 13 defines it.
  public func isSingleAxis(shape: [Int]) -> Bool {
    guard flattensInnerAxes else { return true }
    guard let front = try? normalizedAxis(axis, rank: shape.count) else { return false }
    return shape[(front + 1)...].allSatisfy { $0 == 1 }
  }

  /// The axes that are normalized together lose no channel.
  func channelCoupling(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    let rank = inputs.optional(0)?.rank ?? 0
    let front = flattensInnerAxes && axis == rank ? rank : (try? normalizedAxis(axis, rank: rank)) ?? 0
    return .passing(
      inputs, outputs, except: front..<(flattensInnerAxes ? rank : min(front + 1, rank)),
      reason: "normalizes by a sum over all of it")
  }

  /// How `shape` divides: `count` elements, `inner` apart, are normalized together.
  func extents(_ shape: [Int]) throws(OperatorError) -> (outer: Int, count: Int, inner: Int) {
    if shape.isEmpty, axis == 0 || axis == -1 { return (1, 1, 1) }
    if flattensInnerAxes, axis == shape.count { return (shape.elementCount, 1, 1) }
    let front = try normalizedAxis(axis, rank: shape.count)
    let outer = shape[..<front].reduce(1, *)
    if flattensInnerAxes { return (outer, shape[front...].reduce(1, *), 1) }
    return (outer, shape[front], shape[(front + 1)...].reduce(1, *))
  }

  /// exp(x - max) over its sum, or the logarithm of that.
  func normalizedExponential(_ x: Tensor, logarithmic: Bool) throws(OperatorError) -> Tensor {
    let extents = try extents(x.shape)
    switch x.dtype {
    case .float32: return normalize(x, extents, logarithmic, Float.self)
    case .float64: return normalize(x, extents, logarithmic, Double.self)
    case .float16, .bfloat16: return normalize(x.widened, extents, logarithmic, Float.self).cast(to: x.dtype)
    case .uint8, .int8, .uint16, .int16, .int32, .int64, .bool, .uint32, .uint64:
      throw .inputType(0, expected: "a float type", found: x.dtype)
    }
  }

  private func normalize<T: RealElement>(
    _ x: Tensor, _ extents: (outer: Int, count: Int, inner: Int), _ logarithmic: Bool, _: T.Type
  ) -> Tensor {
    x.withElements(as: T.self) { source in
      Tensor(shape: x.shape, of: T.self) { (target: UnsafeMutableBufferPointer<T>) in
        guard !source.isEmpty else { return }
        let (count, stride) = (extents.count, extents.inner)
        for row in 0..<extents.outer * stride {
          let first = row / stride * count * stride + row % stride
          var greatest = source[first]
          for index in 1..<Swift.max(count, 1) { greatest = Swift.max(greatest, source[first + index * stride]) }
          if logarithmic {
            let sum = laneSum(count) { T.exp(source[first + $0 * stride] - greatest) }
            let shift = T.log(sum)
            for index in 0..<count {
              target[first + index * stride] = source[first + index * stride] - greatest - shift
            }
          } else {
            for index in 0..<count {
              target[first + index * stride] = T.exp(source[first + index * stride] - greatest)
            }
            let sum = laneSum(count) { target[first + $0 * stride] }
            for index in 0..<count { target[first + index * stride] /= sum }
          }
        }
      }
    }
  }

  /// The gradient by the input, given the output y and the gradient g by it: y * (g - sum(g * y)) along
  /// the axis, or of the logarithm g - exp(y) * sum(g).
  func gradient(_ upstream: Tensor, _ output: Tensor, logarithmic: Bool) throws(OperatorError) -> Tensor {
    let extents = try extents(output.shape)
    switch upstream.dtype {
    case .float32: return gradient(upstream, output, extents, logarithmic, Float.self)
    case .float64: return gradient(upstream, output, extents, logarithmic, Double.self)
    case .float16, .bfloat16, .uint8, .int8, .uint16, .int16, .int32, .int64, .bool, .uint32, .uint64:
      throw .inputType(0, expected: "float32 or float64", found: upstream.dtype)
    }
  }

  private func gradient<T: RealElement>(
    _ upstream: Tensor, _ output: Tensor, _ extents: (outer: Int, count: Int, inner: Int), _ logarithmic: Bool,
    _: T.Type
  ) -> Tensor {
    let (count, stride) = (extents.count, extents.inner)
    return upstream.withElements(as: T.self) { g in
      output.withElements(as: T.self) { y in
        Tensor(uninitialized: output.shape, of: T.self) { (target: UnsafeMutableBufferPointer<T>) in
          guard let g = g.baseAddress, let y = y.baseAddress, let target = target.baseAddress else { return }
          guard output.count > 0 else { return }
          // Columns beside each other are worked on together: they lie in the same cache lines.
          let width = Swift.min(stride, 64)
          let parts = (stride + width - 1) / width
          let grain = Swift.max(1, elementGrain / (count * width))
          Parallel.forEachRange(extents.outer * parts, grain: grain) { range in
            for part in range {
              let column = part % parts * width
              let first = part / parts * count * stride + column
              let columns = Swift.min(width, stride - column)
              let rows = GradientRows(g: g + first, y: y + first, target: target + first, count: count, stride: stride)
              if stride == 1 { rows.alone(logarithmic) } else { rows.together(columns, logarithmic) }
            }
          }
        }
      }
    }
  }
}

/// Elements `stride` apart that were normalized together, and such columns beside them.
private struct GradientRows<T: RealElement> {
  let g: UnsafePointer<T>
  let y: UnsafePointer<T>
  let target: UnsafeMutablePointer<T>
  let count: Int
  let stride: Int

  /// One column of stride 1.
  func alone(_ logarithmic: Bool) {
    if logarithmic {
      let sum = laneSum(count) { g[$0] }
      for index in 0..<count { target[index] = g[index] - T.fastExp(y[index]) * sum }
    } else {
      let sum = laneSum(count) { g[$0] * y[$0] }
      for index in 0..<count { target[index] = y[index] * (g[index] - sum) }
    }
  }

  /// `columns` columns.
  func together(_ columns: Int, _ logarithmic: Bool) {
    withUnsafeTemporaryAllocation(of: T.self, capacity: columns) { sums in
      sums.initialize(repeating: 0)
      for row in 0..<count {
        let (g, y) = (g + row * stride, y + row * stride)
        for column in 0..<columns { sums[column] += logarithmic ? g[column] : g[column] * y[column] }
      }
      for row in 0..<count {
        let (g, y, target) = (g + row * stride, y + row * stride, target + row * stride)
        if logarithmic {
          for column in 0..<columns { target[column] = g[column] - T.fastExp(y[column]) * sums[column] }
        } else {
          for column in 0..<columns { target[column] = y[column] * (g[column] - sums[column]) }
        }
      }
    }
  }
}
