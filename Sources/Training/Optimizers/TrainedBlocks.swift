import HostTensors

/// A tensor's floats within the flat buffers that an optimizer changes.
public struct TrainedRange: Sendable, Equatable {
  public var range: Range<Int>
  /// Whether regularization and weight decay apply.
  public var isDecayed: Bool

  public init(_ range: Range<Int>, isDecayed: Bool) {
    self.range = range
    self.isDecayed = isDecayed
  }
}

/// The trained part of flat buffers of `count` floats, cut into blocks that threads share.
///
/// What no range covers is frozen: nothing reads or writes it. The blocks depend on the ranges alone, and sums
/// over them are added in their order, so results do not depend on the number of threads.
public struct TrainedBlocks: Sendable {
  struct Block: Sendable {
    var range: Range<Int>
    var isDecayed: Bool
  }

  /// Floats of the buffers.
  public let count: Int
  /// Floats that are trained.
  public let trainedCount: Int
  let blocks: [Block]
  /// Runs of blocks that one thread takes at a time.
  let shares: [Range<Int>]

  /// Floats of a block, and of a share unless it is the last: 16 Ki floats are about 10 microseconds of work,
  /// ten times what it costs to wake a thread.
  static let blockCount = 1 << 14

  /// `ranges` must ascend without overlap and lie within 0..<`count`.
  public init(count: Int, trained ranges: [TrainedRange]) {
    var blocks: [Block] = []
    var end = 0
    for item in ranges {
      precondition(item.range.lowerBound >= end && item.range.upperBound <= count, "\(item.range) is out of order")
      end = item.range.upperBound
      for start in stride(from: item.range.lowerBound, to: end, by: Self.blockCount) {
        blocks.append(Block(range: start..<min(start + Self.blockCount, end), isDecayed: item.isDecayed))
      }
    }
    var shares: [Range<Int>] = []
    var (first, floats) = (0, 0)
    for index in blocks.indices {
      floats += blocks[index].range.count
      if floats >= Self.blockCount || index == blocks.count - 1 {
        shares.append(first..<index + 1)
        (first, floats) = (index + 1, 0)
      }
    }
    self.count = count
    self.blocks = blocks
    self.shares = shares
    trainedCount = ranges.reduce(0) { $0 + $1.range.count }
  }

  /// Calls `body` once for every block, in any order and on any thread.
  func forEachBlock(_ body: (Block) -> Void) {
    Parallel.forEach(shares.count) { share in
      for index in shares[share] { body(blocks[index]) }
    }
  }

  /// The Euclidean norm of the trained gradients, summed in Double in a fixed order; not finite where a gradient
  /// is not.
  public func gradientNorm(_ gradients: UnsafeBufferPointer<Float>) -> Double {
    precondition(gradients.count == count, "\(gradients.count) gradients for \(count) parameters")
    let sums = [Double](unsafeUninitializedCapacity: shares.count) { sums, filled in
      Parallel.forEach(shares.count) { share in
        var sum = 0.0
        for index in shares[share] {
          sum += Self.sumOfSquares(UnsafeBufferPointer(rebasing: gradients[blocks[index].range]))
        }
        sums[share] = sum
      }
      filled = shares.count
    }
    return sums.reduce(0, +).squareRoot()
  }

  /// Lane i of 8 takes the elements i mod 8.
  private static func sumOfSquares(_ values: UnsafeBufferPointer<Float>) -> Double {
    var lanes = SIMD8<Double>()
    let whole = values.count & ~7
    for start in stride(from: 0, to: whole, by: 8) {
      var part = SIMD8<Double>()
      for lane in 0..<8 { part[lane] = Double(values[start + lane]) }
      lanes += part * part
    }
    for index in whole..<values.count { lanes[index - whole] += Double(values[index]) * Double(values[index]) }
    return lanes.sum()
  }
}

/// Bounds the global norm of the gradients: Pascanu, Mikolov and Bengio, "On the difficulty of training
/// recurrent neural networks", 2013.
public struct GradientClipping: Sendable, Equatable {
  public let maximumNorm: Double

  public init(maximumNorm: Double) throws(InvalidSetting) {
    try InvalidSetting.unless(
      maximumNorm > 0 && maximumNorm.isFinite, "maximumNorm", maximumNorm, "maximumNorm > 0")
    self.maximumNorm = maximumNorm
  }

  /// The factor for gradients of norm `norm`: 1 up to the maximum, the quotient of the two above it.
  ///
  /// 0 where the norm is infinite and NaN where it is NaN: look at the norm before stepping.
  public func scale(norm: Double) -> Float { norm <= maximumNorm ? 1 : Float(maximumNorm / norm) }
}
