import HostTensors

/// The im2col form of a window over the planes of one image: row (channel, tap), column (output position).
///
/// A convolution is then one matrix product. Columns are produced piece by piece, so that memory stays
/// bounded however large the output is.
struct ColumnGather {
  /// Elements that one piece of columns holds: about a second-level cache, unless so few columns would make
  /// poor products.
  private static let pieceElements = 1 << 18
  private static let fewestPositions = 256

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

  /// The output plane in one piece.
  var wholePlane: Piece { Piece(rows: 0..<z.output * y.output, xs: 0..<x.output) }

  /// The pieces of `depth` rows that cover the output plane, in its order.
  func pieces(depth: Int) -> [Piece] {
    let positions = Self.positions(depth: depth)
    let rowCount = z.output * y.output
    guard rowCount > 0, x.output > 0 else { return [] }
    let rowStep = max(1, positions / x.output)
    let xStep = min(positions, x.output)
    var pieces: [Piece] = []
    for firstRow in stride(from: 0, to: rowCount, by: rowStep) {
      let rows = firstRow..<min(firstRow + rowStep, rowCount)
      for firstX in stride(from: 0, to: x.output, by: xStep) {
        pieces.append(Piece(rows: rows, xs: firstX..<min(firstX + xStep, x.output)))
      }
    }
    return pieces
  }

  /// Elements that hold the largest piece of columns.
  func bufferElements(depth: Int) -> Int {
    depth * min(Self.positions(depth: depth), max(1, outputPlane))
  }

  private static func positions(depth: Int) -> Int { max(fewestPositions, pieceElements / max(depth, 1)) }

  /// Writes the columns of `piece`: `channels` x taps rows of `piece.count` elements.
  func gather<T: RealElement>(
    _ planes: UnsafePointer<T>, channels: Int, piece: Piece, into columns: UnsafeMutablePointer<T>
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
  func scatterAdd<T: RealElement>(
    _ columns: UnsafePointer<T>, channels: Int, piece: Piece, into planes: UnsafeMutablePointer<T>
  ) {
    var source = columns
    forEachTap(channels: channels) { channel, tapZ, tapY, tapX in
      let touched = x.outputs(touching: tapX).clamped(to: piece.xs)
      let plane = planes + channel * inputPlane
      for row in piece.rows {
        if let targetRow = sourceRow(row, tapZ, tapY), !touched.isEmpty {
          let target = plane + targetRow * x.input + x.start(touched.lowerBound) + tapX * x.dilation
          let added = source + (touched.lowerBound - piece.xs.lowerBound)
          if x.stride == 1 {
            for index in 0..<touched.count { target[index] += added[index] }
          } else {
            for index in 0..<touched.count { target[index &* x.stride] += added[index] }
          }
        }
        source += piece.xs.count
      }
    }
  }

  @inline(__always)
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

  private func copyRow<T: RealElement>(
    _ source: UnsafePointer<T>, tapX: Int, touched: Range<Int>, piece: Piece, _ target: UnsafeMutablePointer<T>
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
