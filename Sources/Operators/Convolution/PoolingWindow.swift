import HostTensors
import TensorTypes

/// A pooling window over the planes of [N, C, spatial...]: which inputs each output position sees.
struct PoolingWindow {
  /// One position along one axis: the first input index seen, and how many taps see the input.
  struct Reach {
    var first: Int
    var count: Int
    /// Taps that see the input or its padding.
    var paddedCount: Int
  }

  let z: SpatialAxis
  let y: SpatialAxis
  let x: SpatialAxis
  private let reachZ: [Reach]
  private let reachY: [Reach]
  private let reachX: [Reach]

  init(_ window: SpatialWindow) {
    let axes = window.threeAxes
    (z, y, x) = (axes[0], axes[1], axes[2])
    reachZ = Self.reaches(axes[0])
    reachY = Self.reaches(axes[1])
    reachX = Self.reaches(axes[2])
  }

  var inputPlane: Int { z.input * y.input * x.input }
  var outputPlane: Int { z.output * y.output * x.output }

  private static func reaches(_ axis: SpatialAxis) -> [Reach] {
    (0..<axis.output).map { position in
      let taps = axis.taps(at: position)
      let first = taps.isEmpty ? 0 : axis.start(position) + taps.lowerBound * axis.dilation
      return Reach(first: first, count: taps.count, paddedCount: axis.paddedTaps(at: position).count)
    }
  }

  /// Calls `body` for every plane below `count`, shared among threads.
  func forEachPlane(_ count: Int, _ body: (Int) -> Void) {
    let grain = max(1, elementGrain / max(1, inputPlane))
    Parallel.forEachRange(count, grain: grain) { for plane in $0 { body(plane) } }
  }

  /// Calls `body` for each output position of a plane in row-major order, with its reach on each axis.
  @inline(__always)
  func forEachPosition(_ body: (_ index: Int, _ z: Reach, _ y: Reach, _ x: Reach) -> Void) {
    var index = 0
    for z in reachZ {
      for y in reachY {
        for x in reachX {
          body(index, z, y, x)
          index += 1
        }
      }
    }
  }

  /// Calls `body` with the index in the input plane of every input seen from one position.
  @inline(__always)
  func forEachInput(_ reachZ: Reach, _ reachY: Reach, _ reachX: Reach, _ body: (Int) -> Void) {
    for tapZ in 0..<reachZ.count {
      let planeZ = (reachZ.first + tapZ * z.dilation) * y.input
      for tapY in 0..<reachY.count {
        var index = (planeZ + reachY.first + tapY * y.dilation) * x.input + reachX.first
        for _ in 0..<reachX.count {
          body(index)
          index += x.dilation
        }
      }
    }
  }
}

extension WindowAttributes {
  /// The window of a pool over input [N, C, spatial...] of full shape `input`.
  ///
  /// A pad must be shorter than the window, so that no position sees padding alone for want of bounds.
  func resolvedPool(input: [Int]) throws(OperatorError) -> SpatialWindow {
    guard (3...5).contains(input.count) else {
      throw .inputShape(0, expected: "[N, C] and one to three spatial axes", found: input)
    }
    let resolved = try resolved(input: Array(input[2...]))
    for axis in resolved.axes where axis.padBegin >= axis.span || axis.padEnd >= axis.span {
      throw .invalid("pads \(axis.padBegin) and \(axis.padEnd) are not smaller than a window of \(axis.span)")
    }
    return resolved
  }
}
