import HostTensors

/// How the elements of a value lie in memory: a dense array whose axes are a reordering of factors of
/// the value's row-major index.
///
/// A value's elements have one logical order, row-major over its shape, which reshaping does not
/// change. The layout splits that order into factors and says in which order memory holds them: plain
/// is one factor; channels-last of [N, C, H, W] is the factors [N, C, H x W] in memory order N, H x W, C.
/// So a reshape never moves bytes, and a transpose only relabels.
///
/// Kept canonical (no factor of 1, no two factors that are neighbours in both orders), so equal
/// layouts mean equal bytes.
package struct Layout: Hashable, Sendable {
  /// Extents whose product is the element count, outermost first in logical order.
  private(set) var factors: [Int]
  /// `order[k]` is the factor at memory position k, outermost first.
  private(set) var order: [Int]

  /// The row-major layout.
  package static func plain(_ count: Int) -> Layout { Layout(factors: [count], order: [0]) }

  /// The axes of `shape` in memory order `order`.
  package init(shape: [Int], order: [Int]) { self.init(factors: shape, order: order) }

  /// Channels behind the spatial axes, for shapes [N, C, spatial...].
  package static func channelsLast(_ shape: [Int]) -> Layout {
    guard shape.count > 2 else { return .plain(shape.elementCount) }
    return Layout(shape: shape, order: [0] + Array(2..<shape.count) + [1])
  }

  init(factors: [Int], order: [Int]) {
    var renumbered = [Int](repeating: -1, count: factors.count)
    var kept: [Int] = []
    for (index, factor) in factors.enumerated() where factor != 1 {
      renumbered[index] = kept.count
      kept.append(factor)
    }
    let positions = order.filter { factors[$0] != 1 }.map { renumbered[$0] }
    // A run of factors that follow each other in both orders is one factor.
    var runOfFactor = [Int](repeating: 0, count: kept.count)
    var runExtents: [(first: Int, extent: Int)] = []
    for (position, factor) in positions.enumerated() {
      if position > 0, positions[position - 1] + 1 == factor {
        runExtents[runExtents.count - 1].extent *= kept[factor]
      } else {
        runExtents.append((factor, kept[factor]))
      }
      runOfFactor[factor] = runExtents.count - 1
    }
    let logical = runExtents.indices.sorted { runExtents[$0].first < runExtents[$1].first }
    self.factors = logical.map { runExtents[$0].extent }
    var rank = [Int](repeating: 0, count: logical.count)
    for (index, run) in logical.enumerated() { rank[run] = index }
    self.order = runExtents.indices.map { rank[$0] }
  }

  package var isPlain: Bool { factors.count <= 1 }
  var count: Int { factors.reduce(1, *) }

  /// A factor of the logical order: `axis` of the shape it was cut for, its extent, its stride in memory.
  struct Piece: Equatable {
    var axis: Int
    var extent: Int
    var stride: Int
  }

  /// The factors cut so that each lies within one axis of `shape`, in logical order; nil where an axis
  /// boundary would split a factor unevenly.
  func pieces(of shape: [Int]) -> [Piece]? {
    let strides = memoryStrides
    var pieces: [Piece] = []
    var factor = factors.count - 1
    var factorRest = factor >= 0 ? factors[factor] : 1
    var stride = factor >= 0 ? strides[factor] : 1
    for axis in shape.indices.reversed() {
      var axisRest = shape[axis]
      while axisRest > 1 {
        guard factor >= 0 else { return nil }
        let extent = min(axisRest, factorRest)
        guard axisRest % extent == 0, factorRest % extent == 0 else { return nil }
        pieces.append(Piece(axis: axis, extent: extent, stride: stride))
        axisRest /= extent
        factorRest /= extent
        stride *= extent
        if factorRest == 1 {
          factor -= 1
          if factor >= 0 { (factorRest, stride) = (factors[factor], strides[factor]) }
        }
      }
    }
    return pieces.reversed()
  }

  /// Stride in memory of each factor, in elements.
  private var memoryStrides: [Int] {
    var strides = [Int](repeating: 1, count: factors.count)
    var stride = 1
    for factor in order.reversed() {
      strides[factor] = stride
      stride *= factors[factor]
    }
    return strides
  }

  /// The layout of pieces that are in logical order.
  init(pieces: [Piece]) {
    // Pieces of a dense layout have different strides, larger further out.
    let order = pieces.indices.sorted { pieces[$0].stride > pieces[$1].stride }
    self.init(factors: pieces.map(\.extent), order: order)
  }

  /// The memory order of the axes of `shape` (those of extent 1 first), nil where an axis is scattered.
  package func axisOrder(of shape: [Int]) -> [Int]? {
    guard let pieces = pieces(of: shape), Set(pieces.map(\.axis)).count == pieces.count else { return nil }
    let units = shape.indices.filter { shape[$0] == 1 }
    return units + pieces.sorted { $0.stride > $1.stride }.map(\.axis)
  }

  /// The layout of the transposed value, whose axis i is axis `permutation[i]` of `shape`; nil where
  /// an axis boundary would split a factor.
  package func transposed(_ permutation: [Int], of shape: [Int]) -> Layout? {
    guard let pieces = pieces(of: shape) else { return nil }
    return Layout(pieces: permutation.flatMap { axis in pieces.filter { $0.axis == axis } })
  }
}

/// A loop nest over several operands: extents outermost first and, per operand, a stride for each.
struct StridedWalk: Equatable {
  private(set) var extents: [Int] = []
  private(set) var strides: [[Int]]

  /// Merges neighbouring levels that every operand walks as one, and drops levels of extent 1.
  init(extents: [Int], strides: [[Int]]) {
    self.strides = strides.map { _ in [] }
    for level in extents.indices where extents[level] != 1 {
      let last = self.extents.count - 1
      let merges =
        last >= 0
        && strides.indices.allSatisfy { self.strides[$0][last] == strides[$0][level] * extents[level] }
      if merges {
        self.extents[last] *= extents[level]
        for operand in strides.indices { self.strides[operand][last] = strides[operand][level] }
      } else {
        self.extents.append(extents[level])
        for operand in strides.indices { self.strides[operand].append(strides[operand][level]) }
      }
    }
  }

  /// The walk that copies a dense tensor of layout `source` into layout `target`, in the target's
  /// memory order; nil where the two share no refinement. Operand 0 is the source.
  init?(from source: Layout, to target: Layout) {
    guard let targetPieces = target.pieces(of: source.factors),
      let sourcePieces = source.pieces(of: targetPieces.map(\.extent)),
      sourcePieces.map(\.extent) == targetPieces.map(\.extent)
    else { return nil }
    let memory = targetPieces.indices.sorted { targetPieces[$0].stride > targetPieces[$1].stride }
    self.init(
      extents: memory.map { targetPieces[$0].extent },
      strides: [memory.map { sourcePieces[$0].stride }, memory.map { targetPieces[$0].stride }])
  }
}
