import HostTensors

/// A convolution of tensors whose shapes are known to fit, and the ways back through it: input [N, C, ...]
/// and weight [M, C / groups, ...] give output [N, M, ...]. A transposed convolution is the way back to the
/// input.
///
/// Images are shared among threads. No result depends on how many there are: threads write to different
/// places, and what is summed over images is summed in blocks of images that the shapes decide.
struct Convolution {
  let window: SpatialWindow
  let batch: Int
  let inChannels: Int
  let outChannels: Int
  let groups: Int

  var groupIn: Int { inChannels / groups }
  var groupOut: Int { outChannels / groups }
  /// Elements of the weight.
  var weightCount: Int { outChannels * groupIn * window.kernelExtents.elementCount }

  /// Whether planes are summed one by one: where a group is one input plane, no product is worth its columns.
  private var isDepthwise: Bool { groups > 1 && groupIn == 1 && groupOut <= 4 }

  /// Writes batch x outChannels x output positions to `output`.
  func run<T: RealElement>(
    input: UnsafePointer<T>, weight: UnsafePointer<T>, bias: UnsafePointer<T>?, output: UnsafeMutablePointer<T>
  ) {
    guard batch > 0, outChannels > 0 else { return }
    if isDepthwise {
      PlaneConvolution(self).run(input: input, weight: weight, bias: bias, output: output)
    } else {
      runProducts(input, weight, bias, output)
    }
  }

  /// Writes the gradient by the input, batch x inChannels x input positions, given that by the output.
  func inputGradient<T: RealElement>(
    output: UnsafePointer<T>, weight: UnsafePointer<T>, input: UnsafeMutablePointer<T>
  ) {
    guard batch > 0, inChannels > 0 else { return }
    if isDepthwise {
      PlaneConvolution(self).inputGradient(output: output, weight: weight, input: input)
    } else {
      scatterProducts(output, weight, input)
    }
  }

  /// Writes the gradient by the weight, given the input and the gradient by the output.
  func weightGradient<T: RealElement>(
    input: UnsafePointer<T>, output: UnsafePointer<T>, weight: UnsafeMutablePointer<T>
  ) {
    guard weightCount > 0 else { return }
    if isDepthwise {
      PlaneConvolution(self).weightGradient(input: input, output: output, weight: weight)
    } else {
      sumProducts(input, output, weight)
    }
  }
}

/// One matrix product per image and group, over the columns of the window (`ColumnGather`) unless it is pointwise.
extension Convolution {
  /// Images and groups that one thread takes at a time, so that sharing costs little beside the products.
  private func grain(_ gather: ColumnGather) -> Int {
    max(1, (1 << 19) / max(1, groupOut * groupIn * gather.tapCount * gather.outputPlane))
  }

  private func runProducts<T: RealElement>(
    _ input: UnsafePointer<T>, _ weight: UnsafePointer<T>, _ bias: UnsafePointer<T>?,
    _ output: UnsafeMutablePointer<T>
  ) {
    let gather = ColumnGather(window)
    let depth = groupIn * gather.tapCount
    let isPointwise = window.isPointwise
    let pieces = isPointwise ? [gather.wholePlane] : gather.pieces(depth: depth)
    let grain = max(1, grain(gather) * pieces.count)
    Parallel.forEachRange(batch * groups * pieces.count, grain: grain) { parts in
      withScratch(isPointwise ? 0 : gather.bufferElements(depth: depth), of: T.self) { columns in
        for part in parts {
          let (block, piece) = (part / pieces.count, pieces[part % pieces.count])
          let (image, group) = (block / groups, block % groups)
          let first = piece.firstPosition(rowLength: gather.x.output)
          let source = input + (image * inChannels + group * groupIn) * gather.inputPlane
          let target = output + (image * outChannels + group * groupOut) * gather.outputPlane + first
          if let bias {
            for channel in 0..<groupOut {
              (target + channel * gather.outputPlane)
                .update(repeating: bias[group * groupOut + channel], count: piece.count)
            }
          }
          if !isPointwise { gather.gather(source, channels: groupIn, piece: piece, into: columns) }
          MatrixProduct.multiply(
            rows: groupOut, columns: piece.count, depth: depth,
            left: .init(weight + group * groupOut * depth, rowStride: depth),
            right: .init(isPointwise ? source : UnsafePointer(columns), rowStride: piece.count),
            beta: bias == nil ? 0 : 1, target: target, targetRowStride: gather.outputPlane)
        }
      }
    }
  }

  /// The transposed weight times the gradient gives columns, and these are added to the inputs they came from.
  private func scatterProducts<T: RealElement>(
    _ output: UnsafePointer<T>, _ weight: UnsafePointer<T>, _ input: UnsafeMutablePointer<T>
  ) {
    let scatter = ColumnGather(window)
    let depth = groupIn * scatter.tapCount
    let isPointwise = window.isPointwise
    let pieces = isPointwise ? [scatter.wholePlane] : scatter.pieces(depth: depth)
    Parallel.forEachRange(batch * groups, grain: grain(scatter)) { blocks in
      withScratch(isPointwise ? 0 : scatter.bufferElements(depth: depth), of: T.self) { columns in
        for block in blocks {
          let (image, group) = (block / groups, block % groups)
          let target = input + (image * inChannels + group * groupIn) * scatter.inputPlane
          let source = output + (image * outChannels + group * groupOut) * scatter.outputPlane
          if !isPointwise { target.update(repeating: 0, count: groupIn * scatter.inputPlane) }
          for piece in pieces {
            let first = piece.firstPosition(rowLength: scatter.x.output)
            MatrixProduct.multiply(
              rows: depth, columns: piece.count, depth: groupOut,
              left: .init(weight + group * groupOut * depth, rowStride: depth, isTransposed: true),
              right: .init(source + first, rowStride: scatter.outputPlane), target: isPointwise ? target : columns,
              targetRowStride: piece.count)
            if !isPointwise { scatter.scatterAdd(columns, channels: groupIn, piece: piece, into: target) }
          }
        }
      }
    }
  }

  /// Most elements of partial sums beside the gradient itself: what they take when a weight is large is not
  /// worth the threads.
  private static let partialElements = 1 << 22

  /// Sums over blocks of images, then the sums of the blocks in their order.
  private func sumProducts<T: RealElement>(
    _ input: UnsafePointer<T>, _ output: UnsafePointer<T>, _ weight: UnsafeMutablePointer<T>
  ) {
    let blocks = max(1, min(batch, 8, Self.partialElements / weightCount))
    withScratch((blocks - 1) * weightCount, of: T.self) { partials in
      Parallel.forEach(blocks * groups) { part in
        let (block, group) = (part / groups, part % groups)
        let images = batch * block / blocks..<batch * (block + 1) / blocks
        let sum = block == 0 ? weight : partials + (block - 1) * weightCount
        sumProducts(input, output, sum + group * (weightCount / groups), images: images, group: group)
      }
      guard blocks > 1 else { return }
      Parallel.forEachRange(weightCount, grain: elementGrain) { range in
        for block in 0..<blocks - 1 {
          let partial = partials + block * weightCount
          for index in range { weight[index] += partial[index] }
        }
      }
    }
  }

  /// Writes the sum over `images` for one group; 0 where there are none.
  private func sumProducts<T: RealElement>(
    _ input: UnsafePointer<T>, _ output: UnsafePointer<T>, _ sum: UnsafeMutablePointer<T>, images: Range<Int>,
    group: Int
  ) {
    let gather = ColumnGather(window)
    let depth = groupIn * gather.tapCount
    let isPointwise = window.isPointwise
    let pieces = isPointwise ? [gather.wholePlane] : gather.pieces(depth: depth)
    sum.update(repeating: 0, count: groupOut * depth)
    withScratch(isPointwise ? 0 : gather.bufferElements(depth: depth), of: T.self) { columns in
      for image in images {
        let source = input + (image * inChannels + group * groupIn) * gather.inputPlane
        let upstream = output + (image * outChannels + group * groupOut) * gather.outputPlane
        for piece in pieces {
          let first = piece.firstPosition(rowLength: gather.x.output)
          if !isPointwise { gather.gather(source, channels: groupIn, piece: piece, into: columns) }
          MatrixProduct.multiply(
            rows: groupOut, columns: depth, depth: piece.count,
            left: .init(upstream + first, rowStride: gather.outputPlane),
            right: .init(isPointwise ? source : UnsafePointer(columns), rowStride: piece.count, isTransposed: true),
            beta: 1, target: sum, targetRowStride: depth)
        }
      }
    }
  }
}
