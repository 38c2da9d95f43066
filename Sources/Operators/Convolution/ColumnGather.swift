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
        forEachRow(of: piece, tapZ, tapY) { row in
          if let row, !touched.isEmpty {
            let source = plane + row * x.input + first
            fillWithZeros(target, before)
            if x.stride == 1 {
              copy(source, to: target + before, touched.count)
            } else {
              let inside = target + before
              for index in 0..<touched.count { inside[index] = source[index &* x.stride] }
            }
            fillWithZeros(target + (before + touched.count), width - before - touched.count)
          } else {
            fillWithZeros(target, width)
          }
          target += width
        }
      }
    }
  }

  /// Adds the columns of `piece` to the input positions they came from: the reverse of `gather`.
  func scatterAdd<T: RealElement>(
    _ columns: UnsafePointer<T>, channels: Int, piece: Piece, into planes: UnsafeMutablePointer<T>
  ) {
    var source = columns
    for channel in 0..<channels {
      let plane = planes + channel * inputPlane
      forEachTap { tapZ, tapY, tapX in
        let touched = x.outputs(touching: tapX).clamped(to: piece.xs)
        let before = touched.lowerBound - piece.xs.lowerBound
        let first = x.start(touched.lowerBound) + tapX * x.dilation
        forEachRow(of: piece, tapZ, tapY) { row in
          if let row {
            let target = plane + row * x.input + first
            if x.stride == 1 {
              add(source + before, to: target, touched.count)
            } else {
              for index in 0..<touched.count { target[index &* x.stride] += source[before + index] }
            }
          }
          source += piece.xs.count
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

  /// Calls `body` for each row of `piece` with the input row that it reads at the taps, nil in the padding.
  @inline(__always)
  private func forEachRow(of piece: Piece, _ tapZ: Int, _ tapY: Int, _ body: (Int?) -> Void) {
    var (outZ, outY) = (piece.rows.lowerBound / y.output, piece.rows.lowerBound % y.output)
    for _ in piece.rows {
      let inputZ = z.start(outZ) + tapZ * z.dilation
      let inputY = y.start(outY) + tapY * y.dilation
      let isInside = inputZ >= 0 && inputZ < z.input && inputY >= 0 && inputY < y.input
      body(isInside ? inputZ * y.input + inputY : nil)
      outY += 1
      if outY == y.output { (outZ, outY) = (outZ + 1, 0) }
    }
  }
}

// The rows of small images are so short that a call of memmove or a loop set up for long rows would cost
// more than the elements.

@inline(__always)
private func copy<T: RealElement>(_ source: UnsafePointer<T>, to target: UnsafeMutablePointer<T>, _ count: Int) {
  let (from, to) = (UnsafeRawPointer(source), UnsafeMutableRawPointer(target))
  let byteCount = count * MemoryLayout<T>.stride
  guard byteCount >= 16, byteCount < 1024 else { return target.update(from: source, count: count) }
  var offset = 0
  // The last 16 bytes are copied in any case, some of them perhaps once more.
  while offset + 16 < byteCount {
    to.storeBytes(
      of: from.loadUnaligned(fromByteOffset: offset, as: SIMD16<UInt8>.self), toByteOffset: offset,
      as: SIMD16<UInt8>.self)
    offset += 16
  }
  to.storeBytes(
    of: from.loadUnaligned(fromByteOffset: byteCount - 16, as: SIMD16<UInt8>.self), toByteOffset: byteCount - 16,
    as: SIMD16<UInt8>.self)
}

@inline(__always)
private func add<T: RealElement>(_ source: UnsafePointer<T>, to target: UnsafeMutablePointer<T>, _ count: Int) {
  var index = 0
  while index + 4 <= count {
    let (from, to) = (source + index, target + index)
    // All sums before the first is stored, so that they are made at once.
    let sums = (to[0] + from[0], to[1] + from[1], to[2] + from[2], to[3] + from[3])
    (to[0], to[1], to[2], to[3]) = sums
    index += 4
  }
  while index < count {
    target[index] += source[index]
    index += 1
  }
}

@inline(__always)
private func fillWithZeros<T: RealElement>(_ target: UnsafeMutablePointer<T>, _ count: Int) {
  if count > 0 { target.update(repeating: 0, count: count) }
}
