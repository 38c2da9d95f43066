import HostTensors
import TensorTypes

extension Tensor {
  /// A tensor whose element at [i, j, ...] is this tensor's at [maps[0][i], maps[1][j], ...]: nearest
  /// resizing and padding are both this copy.
  ///
  /// Every map index lies inside its axis or is nil; where any is nil the element is `fill`, one
  /// element of the same type, or zero.
  func gathered(_ maps: [[Int?]], fill: Tensor?) -> Tensor {
    let newShape = maps.map(\.count)
    return Tensor(dtype: dtype, shape: newShape) { target in
      withBytes { source in
        switch dtype.byteCount {
        case 1: AxisGather<UInt8>(source, shape, maps, fill).run(into: target)
        case 2: AxisGather<UInt16>(source, shape, maps, fill).run(into: target)
        case 4: AxisGather<UInt32>(source, shape, maps, fill).run(into: target)
        default: AxisGather<UInt64>(source, shape, maps, fill).run(into: target)
        }
      }
    }
  }
}

/// A copy of elements as wide as `Carrier` by one index map per axis.
private struct AxisGather<Carrier: FixedWidthInteger> {
  let source: UnsafeBufferPointer<Carrier>
  let fill: Carrier
  /// Per gathered axis, the source offset in elements; nil for the fill. Trailing axes that are
  /// copied whole are left out and form a block.
  let offsets: [[Int?]]
  let block: Int

  init(_ bytes: UnsafeRawBufferPointer, _ shape: [Int], _ maps: [[Int?]], _ fill: Tensor?) {
    source = bytes.assumingMemoryBound(to: Carrier.self)
    self.fill = fill?.withBytes { $0.loadUnaligned(as: Carrier.self) } ?? 0
    let strides = shape.rowMajorStrides
    var gathered = maps.count
    while gathered > 0, maps[gathered - 1].elementsEqual((0..<shape[gathered - 1]).map(Optional.some)) {
      gathered -= 1
    }
    block = shape[gathered...].reduce(1, *)
    offsets = (0..<gathered).map { axis in maps[axis].map { $0.map { $0 * strides[axis] } } }
  }

  func run(into bytes: UnsafeMutableRawBufferPointer) {
    let target = bytes.assumingMemoryBound(to: Carrier.self)
    guard !target.isEmpty, let base = target.baseAddress else { return }
    _ = copy(axis: 0, offset: 0, to: base)
  }

  /// Writes what lies under one index of each axis before `axis`; returns where the next begins.
  private func copy(axis: Int, offset: Int?, to target: UnsafeMutablePointer<Carrier>) -> UnsafeMutablePointer<Carrier>
  {
    guard let offset else {
      let count = offsets[axis...].reduce(block) { $0 * $1.count }
      target.update(repeating: fill, count: count)
      return target + count
    }
    guard axis < offsets.count else {
      for index in 0..<block { target[index] = source[offset + index] }
      return target + block
    }
    var next = target
    if axis == offsets.count - 1, block == 1 {
      for index in offsets[axis] {
        next.pointee = index.map { source[offset + $0] } ?? fill
        next += 1
      }
      return next
    }
    for index in offsets[axis] { next = copy(axis: axis + 1, offset: index.map { offset + $0 }, to: next) }
    return next
  }
}
