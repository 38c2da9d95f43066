import HostTensors

/// The im2col form of a window over the planes of one image: row (channel, tap), column (output position).
///
/// A convolution is then one matrix product. Columns are produced piece by piece, so that memory stays
/// bounded however large the output is.
struct ColumnGather {
  /// Floats that one piece of columns holds, unless a single column is larger.
  static let pieceElements = 1 << 21

  let z: SpatialAxis
  let y: SpatialAxis
  let x: SpatialAxis

  init(_ window: SpatialWindow) {
    let axes = window.threeAxes
    (z, y, x) = (axes[0], axes[1], axes[2])
  }

  var inputPlane: Int { z.input * y.input * x.input }
  var outputPlane: Int { z.output * y.output * x.output }
  var tapCount: Int { z.kernel * y.kernel * x.kernel }

  /// A block of output positions: `rows` counts (z, y) pairs, `xs` positions within each row.
  struct Piece {
    var rows: Range<Int>
    var xs: Range<Int>
    var count: Int { rows.count * xs.count }
    /// Index of the first position in the output plane. The positions of a piece are contiguous.
    func firstPosition(rowLength: Int) -> Int { rows.lowerBound * rowLength + xs.lowerBound }
  }

  /// Calls `body` with pieces that cover the output plane, each at most `pieceElements` of `depth` rows.
  func forEachPiece(depth: Int, _ body: (Piece) -> Void) {
    let positions = max(1, Self.pieceElements / max(depth, 1))
    let rowCount = z.output * y.output
    guard rowCount > 0, x.output > 0 else { return }
    let rowStep = max(1, positions / x.output)
    let xStep = min(positions, x.output)
    for firstRow in stride(from: 0, to: rowCount, by: rowStep) {
      let rows = firstRow..<min(firstRow + rowStep, rowCount)
      for firstX in stride(from: 0, to: x.output, by: xStep) {
        body(Piece(rows: rows, xs: firstX..<min(firstX + xStep, x.output)))
      }
    }
  }

  /// Floats that hold the largest piece of columns.
  func bufferElements(depth: Int) -> Int {
    let positions = max(1, Self.pieceElements / max(depth, 1))
    return depth * min(positions, max(1, outputPlane))
  }

  /// Writes the columns of `piece`: `channels` x taps rows of `piece.count` floats.
  func gather(
    _ planes: UnsafePointer<Float>, channels: Int, piece: Piece, into columns: UnsafeMutablePointer<Float>
  ) {
    var target = columns
    forEachTap(channels: channels) { channel, tapZ, tapY, tapX in
      let touched = x.outputs(touching: tapX).clamped(to: piece.xs)
      let plane = planes + channel * inputPlane
      for row in piece.rows {
        let source = sourceRow(row, tapZ, tapY)
        if let source, !touched.isEmpty {
          copyRow(plane + source * x.input, tapX: tapX, touched: touched, piece: piece, target)
        } else {
          target.update(repeating: 0, count: piece.xs.count)
        }
        target += piece.xs.count
      }
    }
  }

  /// Adds the columns of `piece` to the input positions they came from: the reverse of `gather`.
  func scatterAdd(
    _ columns: UnsafePointer<Float>, channels: Int, piece: Piece, into planes: UnsafeMutablePointer<Float>
  ) {
    var source = columns
    forEachTap(channels: channels) { channel, tapZ, tapY, tapX in
      let touched = x.outputs(touching: tapX).clamped(to: piece.xs)
      let plane = planes + channel * inputPlane
      for row in piece.rows {
        if let targetRow = sourceRow(row, tapZ, tapY), !touched.isEmpty {
          let target = plane + targetRow * x.input
          var position = x.start(touched.lowerBound) + tapX * x.dilation
          for index in touched {
            target[position] += source[index - piece.xs.lowerBound]
            position += x.stride
          }
        }
        source += piece.xs.count
      }
    }
  }

  private func forEachTap(channels: Int, _ body: (Int, Int, Int, Int) -> Void) {
    for channel in 0..<channels {
      for tapZ in 0..<z.kernel {
        for tapY in 0..<y.kernel {
          for tapX in 0..<x.kernel { body(channel, tapZ, tapY, tapX) }
        }
      }
    }
  }

  /// The input row that output row `row` reads at the taps, nil in the padding.
  private func sourceRow(_ row: Int, _ tapZ: Int, _ tapY: Int) -> Int? {
    let inputZ = z.start(row / y.output) + tapZ * z.dilation
    let inputY = y.start(row % y.output) + tapY * y.dilation
    guard inputZ >= 0, inputZ < z.input, inputY >= 0, inputY < y.input else { return nil }
    return inputZ * y.input + inputY
  }

  private func copyRow(
    _ source: UnsafePointer<Float>, tapX: Int, touched: Range<Int>, piece: Piece, _ target: UnsafeMutablePointer<Float>
  ) {
    let before = touched.lowerBound - piece.xs.lowerBound
    let after = piece.xs.upperBound - touched.upperBound
    let first = x.start(touched.lowerBound) + tapX * x.dilation
    target.update(repeating: 0, count: before)
    let inside = target + before
    if x.stride == 1 {
      inside.update(from: source + first, count: touched.count)
    } else {
      for index in 0..<touched.count { inside[index] = source[first + index * x.stride] }
    }
    (inside + touched.count).update(repeating: 0, count: after)
  }
}
