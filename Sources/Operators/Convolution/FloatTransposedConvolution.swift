import HostTensors

/// A transposed convolution of Float tensors whose shapes are known to fit: [N, C, ...] with weight
/// [C, M / groups, ...] and bias [M], giving [N, M, ...].
struct FloatTransposedConvolution {
  /// From the output (as `input`) back to the input (as `output`).
  let window: SpatialWindow
  let batch: Int
  let inChannels: Int
  let outChannels: Int
  let groups: Int

  /// Writes the output, which holds zeros: the transposed weight times the input gives columns, and
  /// columns are added to the outputs they belong to.
  func run(
    input: UnsafePointer<Float>, weight: UnsafePointer<Float>, bias: UnsafePointer<Float>?,
    output: UnsafeMutablePointer<Float>
  ) {
    let scatter = ColumnGather(window)
    guard batch > 0, outChannels > 0, inChannels > 0 else {
      return addBias(bias, plane: scatter.inputPlane, to: output)
    }
    let (groupIn, groupOut) = (inChannels / groups, outChannels / groups)
    let depth = groupOut * scatter.tapCount
    let columns = UnsafeMutablePointer<Float>.allocate(capacity: scatter.bufferElements(depth: depth))
    defer { columns.deallocate() }
    for image in 0..<batch {
      for group in 0..<groups {
        let source = input + (image * inChannels + group * groupIn) * scatter.outputPlane
        let target = output + (image * outChannels + group * groupOut) * scatter.inputPlane
        let left = MatrixProduct.Operand(weight + group * groupIn * depth, rowStride: depth, isTransposed: true)
        scatter.forEachPiece(depth: depth) { piece in
          let first = piece.firstPosition(rowLength: scatter.x.output)
          MatrixProduct.multiply(
            rows: depth, columns: piece.count, depth: groupIn, left: left,
            right: .init(source + first, rowStride: scatter.outputPlane), target: columns,
            targetRowStride: piece.count)
          scatter.scatterAdd(columns, channels: groupOut, piece: piece, into: target)
        }
      }
    }
    addBias(bias, plane: scatter.inputPlane, to: output)
  }

  private func addBias(_ bias: UnsafePointer<Float>?, plane: Int, to output: UnsafeMutablePointer<Float>) {
    guard let bias else { return }
    for channel in 0..<batch * outChannels {
      let target = output + channel * plane
      let value = bias[channel % outChannels]
      for index in 0..<plane { target[index] += value }
    }
  }
}
