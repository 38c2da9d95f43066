import HostTensors

/// A convolution of Float tensors whose shapes are known to fit: [N, C, ...] with weight
/// [M, C / groups, ...] and bias [M], giving [N, M, ...].
struct FloatConvolution {
  let window: SpatialWindow
  let batch: Int
  let inChannels: Int
  let outChannels: Int
  let groups: Int

  private var groupIn: Int { inChannels / groups }
  private var groupOut: Int { outChannels / groups }

  /// Writes batch x outChannels x output positions to `output`, which holds zeros.
  func run(
    input: UnsafePointer<Float>, weight: UnsafePointer<Float>, bias: UnsafePointer<Float>?,
    output: UnsafeMutablePointer<Float>
  ) {
    let gather = ColumnGather(window)
    guard batch > 0, outChannels > 0, gather.outputPlane > 0 else { return }
    for image in 0..<batch {
      let planes = output + image * outChannels * gather.outputPlane
      if let bias {
        for channel in 0..<outChannels {
          (planes + channel * gather.outputPlane).update(repeating: bias[channel], count: gather.outputPlane)
        }
      }
    }
    if groupIn == 1 {
      runDepthwise(gather, input, weight, output)
    } else {
      runProducts(gather, input, weight, output)
    }
  }

  /// One matrix product per image and group, over columns unless the window is pointwise.
  private func runProducts(
    _ gather: ColumnGather, _ input: UnsafePointer<Float>, _ weight: UnsafePointer<Float>,
    _ output: UnsafeMutablePointer<Float>
  ) {
    let depth = groupIn * gather.tapCount
    let isPointwise = window.isPointwise
    let columns = UnsafeMutablePointer<Float>.allocate(
      capacity: isPointwise ? 1 : gather.bufferElements(depth: depth))
    defer { columns.deallocate() }
    for image in 0..<batch {
      for group in 0..<groups {
        let source = input + (image * inChannels + group * groupIn) * gather.inputPlane
        let target = output + (image * outChannels + group * groupOut) * gather.outputPlane
        let left = MatrixProduct.Operand(weight + group * groupOut * depth, rowStride: depth)
        func product(_ right: UnsafePointer<Float>, stride: Int, count: Int, at position: Int) {
          MatrixProduct.multiply(
            rows: groupOut, columns: count, depth: depth, left: left, right: .init(right, rowStride: stride), beta: 1,
            target: target + position, targetRowStride: gather.outputPlane)
        }
        if isPointwise {
          product(source, stride: gather.outputPlane, count: gather.outputPlane, at: 0)
        } else {
          gather.forEachPiece(depth: depth) { piece in
            gather.gather(source, channels: groupIn, piece: piece, into: columns)
            let position = piece.firstPosition(rowLength: gather.x.output)
            product(columns, stride: piece.count, count: piece.count, at: position)
          }
        }
      }
    }
  }

  /// Each output plane sums shifted copies of one input plane: no product is worth its columns here.
  private func runDepthwise(
    _ gather: ColumnGather, _ input: UnsafePointer<Float>, _ weight: UnsafePointer<Float>,
    _ output: UnsafeMutablePointer<Float>
  ) {
    for image in 0..<batch {
      for channel in 0..<outChannels {
        addShiftedPlanes(
          gather, input + (image * inChannels + channel / groupOut) * gather.inputPlane,
          weight + channel * gather.tapCount, output + (image * outChannels + channel) * gather.outputPlane)
      }
    }
  }

  private func addShiftedPlanes(
    _ gather: ColumnGather, _ plane: UnsafePointer<Float>, _ taps: UnsafePointer<Float>,
    _ output: UnsafeMutablePointer<Float>
  ) {
    let (z, y, x) = (gather.z, gather.y, gather.x)
    for tap in 0..<gather.tapCount {
      let tapX = tap % x.kernel
      let tapY = tap / x.kernel % y.kernel
      let tapZ = tap / (x.kernel * y.kernel)
      let factor = taps[tap]
      let touched = x.outputs(touching: tapX)
      if touched.isEmpty { continue }
      let firstX = x.start(touched.lowerBound) + tapX * x.dilation
      for outZ in z.outputs(touching: tapZ) {
        let inZ = z.start(outZ) + tapZ * z.dilation
        for outY in y.outputs(touching: tapY) {
          let inY = y.start(outY) + tapY * y.dilation
          let source = plane + (inZ * y.input + inY) * x.input + firstX
          let target = output + (outZ * y.output + outY) * x.output + touched.lowerBound
          addScaled(source, step: x.stride, factor, to: target, count: touched.count)
        }
      }
    }
  }

  @inline(__always)
  private func addScaled(
    _ source: UnsafePointer<Float>, step: Int, _ factor: Float, to target: UnsafeMutablePointer<Float>, count: Int
  ) {
    if step == 1 {
      for index in 0..<count { target[index] += factor * source[index] }
    } else {
      for index in 0..<count { target[index] += factor * source[index &* step] }
    }
  }
}
