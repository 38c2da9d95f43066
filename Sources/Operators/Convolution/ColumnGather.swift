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
    let width = piece.xs.count
    for channel in 0..<channels {
      let plane = planes + channel * inputPlane
      forEachTap { tapZ, tapY, tapX in
        let touched = x.outputs(touching: tapX).clamped(to: piece.xs)
        let before = touched.lowerBound - piece.xs.lowerBound
        let first = x.start(touched.lowerBound) + tapX * x.dilation
        forEachRun(of: piece, tapZ, tapY) { run in
          fillWithZeros(target, run.rowsBefore * width)
          target += run.rowsBefore * width
          let rows = Rows(
            count: run.rows, width: touched.count, firstStride: y.stride * x.input, secondStride: width)
          // Padding beside the rows, which are copied over it.
          if touched.count < width { fillWithZeros(target, run.rows * width) }
          rows.copy(plane + run.firstInput + first, step: x.stride, to: target + before)
          target += run.rows * width
          fillWithZeros(target, run.rowsAfter * width)
          target += run.rowsAfter * width
        }
      }
    }
  }

  /// Adds the columns of `piece` to the input positions they came from: the reverse of `gather`.
  func scatterAdd<T: RealElement>(
    _ columns: UnsafePointer<T>, channels: Int, piece: Piece, into planes: UnsafeMutablePointer<T>
  ) {
    var source = columns
    let width = piece.xs.count
    for channel in 0..<channels {
      let plane = planes + channel * inputPlane
      forEachTap { tapZ, tapY, tapX in
        let touched = x.outputs(touching: tapX).clamped(to: piece.xs)
        let before = touched.lowerBound - piece.xs.lowerBound
        let first = x.start(touched.lowerBound) + tapX * x.dilation
        forEachRun(of: piece, tapZ, tapY) { run in
          let rows = Rows(
            count: run.rows, width: touched.count, firstStride: y.stride * x.input, secondStride: width)
          rows.add(source + (run.rowsBefore * width + before), to: plane + run.firstInput + first, step: x.stride)
          source += (run.rowsBefore + run.rows + run.rowsAfter) * width
        }
      }
    }
  }

  @inline(__always)
  private func forEachTap(_ body: (Int, Int, Int) -> Void) {
    for tapZ in 0..<z.kernel {
      for tapY in 0..<y.kernel {
        for tapX in 0..<x.kernel { body(tapZ, tapY, tapX) }
      }
    }
  }

  /// Consecutive rows of a piece, those in the middle of which read the input and the others padding.
  private struct Run {
    var rowsBefore: Int
    var rows: Int
    var rowsAfter: Int
    /// Where in the input plane the row begins that the first of `rows` reads.
    var firstInput: Int
  }

  /// Calls `body` for the rows of `piece` at each z, in order, with what they read at the taps.
  @inline(__always)
  private func forEachRun(of piece: Piece, _ tapZ: Int, _ tapY: Int, _ body: (Run) -> Void) {
    let touchedYs = y.outputs(touching: tapY)
    var row = piece.rows.lowerBound
    while row < piece.rows.upperBound {
      let outZ = row / y.output
      let end = min(piece.rows.upperBound, (outZ + 1) * y.output)
      let ys = row - outZ * y.output..<end - outZ * y.output
      let inputZ = z.start(outZ) + tapZ * z.dilation
      var touched = touchedYs.clamped(to: ys)
      if inputZ < 0 || inputZ >= z.input { touched = ys.upperBound..<ys.upperBound }
      let inputY = y.start(touched.lowerBound) + tapY * y.dilation
      body(
        Run(
          rowsBefore: touched.lowerBound - ys.lowerBound, rows: touched.count,
          rowsAfter: ys.upperBound - touched.upperBound, firstInput: (inputZ * y.input + inputY) * x.input))
      row = end
    }
  }
}

/// Rows of an image and rows of columns side by side.
///
/// The rows of small images are so short that a call of memmove, or a loop set up for long ones, would cost
/// more than the elements.
private struct Rows {
  let count: Int
  /// Elements of a row.
  let width: Int
  /// Elements from one row of the image, and of the columns, to the next.
  let firstStride: Int
  let secondStride: Int

  /// Copies from an image, where the elements of a row lie `step` apart.
  @inline(__always)
  func copy<T: RealElement>(_ source: UnsafePointer<T>, step: Int, to target: UnsafeMutablePointer<T>) {
    guard width > 0 else { return }
    let byteCount = width * MemoryLayout<T>.stride
    for row in 0..<count {
      let (from, to) = (source + row &* firstStride, target + row &* secondStride)
      if step != 1 {
        for index in 0..<width { to[index] = from[index &* step] }
      } else if byteCount >= 16, byteCount < 1024 {
        Self.copyShort(UnsafeRawPointer(from), to: UnsafeMutableRawPointer(to), byteCount)
      } else {
        to.update(from: from, count: width)
      }
    }
  }

  @inline(__always)
  private static func copyShort(_ from: UnsafeRawPointer, to: UnsafeMutableRawPointer, _ byteCount: Int) {
    @inline(__always) func copyPart(_ offset: Int) {
      let part = from.loadUnaligned(fromByteOffset: offset, as: SIMD16<UInt8>.self)
      to.storeBytes(of: part, toByteOffset: offset, as: SIMD16<UInt8>.self)
    }
    var offset = 0
    while offset &+ 16 < byteCount {
      copyPart(offset)
      offset &+= 16
    }
    // The last 16 bytes, some of them perhaps once more.
    copyPart(byteCount &- 16)
  }

  /// Adds to an image, where the elements of a row lie `step` apart.
  @inline(__always)
  func add<T: RealElement>(_ source: UnsafePointer<T>, to target: UnsafeMutablePointer<T>, step: Int) {
    for row in 0..<count {
      let (from, to) = (source + row &* secondStride, target + row &* firstStride)
      guard step == 1 else {
        for index in 0..<width { to[index &* step] += from[index] }
        continue
      }
      var index = 0
      while index &+ 4 <= width {
        let (from, to) = (from + index, to + index)
        // All sums before the first is stored, so that they are made at once.
        let sums = (to[0] + from[0], to[1] + from[1], to[2] + from[2], to[3] + from[3])
        (to[0], to[1], to[2], to[3]) = sums
        index &+= 4
      }
      while index < width {
        to[index] += from[index]
        index &+= 1
      }
    }
  }
}

@inline(__always)
private func fillWithZeros<T: RealElement>(_ target: UnsafeMutablePointer<T>, _ count: Int) {
  if count > 0 { target.update(repeating: 0, count: count) }
}
