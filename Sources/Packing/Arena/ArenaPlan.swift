import ModelFormat

/// Where every buffer lies in the arena.
package struct ArenaPlan: Sendable {
  /// Byte offset of every tensor in the arena; nil for constants.
  package var offsets: [Int?]
  var buffers: [ArenaBuffer]
  /// Bytes of the arena, slack included.
  package var bytes: Int
  /// Most bytes alive at one step, slack included: no plan needs less.
  package var lowerBoundBytes: Int

  package static let alignment = 64

  package init(_ program: Program) {
    buffers = program.arenaBuffers()
    let placement = ArenaPlan.place(buffers)
    offsets = [Int?](repeating: nil, count: program.tensors.count)
    for (buffer, offset) in zip(buffers, placement.offsets) {
      for tensor in buffer.tensors { offsets[tensor] = offset }
    }
    bytes = placement.bytes + WindowGeometry.stagingSlackBytes
    lowerBoundBytes = ArenaPlan.lowerBound(buffers, steps: program.steps.count) + WindowGeometry.stagingSlackBytes
  }

  private static func aligned(_ bytes: Int) -> Int { (bytes + alignment - 1) / alignment * alignment }

  private static func lowerBound(_ buffers: [ArenaBuffer], steps: Int) -> Int {
    var change = [Int](repeating: 0, count: steps + 3)
    for buffer in buffers {
      change[buffer.firstStep + 1] += aligned(buffer.bytes)
      change[buffer.lastStep + 2] -= aligned(buffer.bytes)
    }
    var live = 0
    var most = 0
    for bytes in change {
      live += bytes
      most = max(most, live)
    }
    return most
  }

  private struct Placement {
    var offsets: [Int]
    var bytes: Int
  }

  /// The smallest of the placements by several orders, then by exchanging neighbours in the best order.
  private static func place(_ buffers: [ArenaBuffer]) -> Placement {
    let bound = lowerBound(buffers, steps: buffers.map(\.lastStep).max() ?? 0)
    var best = Placement(offsets: [], bytes: Int.max)
    var bestOrder: [Int] = []
    func attempt(_ order: [Int]) {
      let placement = place(buffers, order)
      if placement.bytes < best.bytes { (best, bestOrder) = (placement, order) }
    }
    for key in sortKeys { attempt(buffers.indices.sorted { key(buffers[$0]) > key(buffers[$1]) }) }
    // A fixed generator: the same program gets the same plan.
    var generator = GoldenGenerator(seed: 1)
    for _ in 0..<searchSteps(buffers.count) where best.bytes > bound {
      var order = bestOrder
      let first = (Int(generator.nextByte()) << 8 | Int(generator.nextByte())) % order.count
      let second = (Int(generator.nextByte()) << 8 | Int(generator.nextByte())) % order.count
      order.swapAt(first, second)
      attempt(order)
    }
    return best
  }

  /// Exchanges tried; a try costs the square of the number of buffers.
  private static func searchSteps(_ buffers: Int) -> Int {
    buffers < 2 ? 0 : max(0, min(2000, 4_000_000 / (buffers * buffers)))
  }

  private static var sortKeys: [(ArenaBuffer) -> (Int, Int)] {
    [
      { ($0.bytes, $0.lastStep - $0.firstStep) },
      { ($0.bytes * ($0.lastStep - $0.firstStep + 1), $0.bytes) },
      { ($0.lastStep - $0.firstStep, $0.bytes) },
      { (-$0.firstStep, $0.bytes) },
      { ($0.lastStep, $0.bytes) },
    ]
  }

  /// Places buffers one after another, each into the tightest gap that is free for its whole life.
  private static func place(_ buffers: [ArenaBuffer], _ order: [Int]) -> Placement {
    var offsets = [Int](repeating: -1, count: buffers.count)
    var placed: [Int] = []
    var total = 0
    for index in order {
      let size = aligned(buffers[index].bytes)
      let taken = placed.filter { buffers[$0].overlaps(buffers[index]) }.sorted { offsets[$0] < offsets[$1] }
      var free = 0
      var bestGap: (offset: Int, waste: Int)?
      for other in taken {
        let gap = offsets[other] - free
        if gap >= size, gap - size < bestGap?.waste ?? Int.max { bestGap = (free, gap - size) }
        free = max(free, offsets[other] + aligned(buffers[other].bytes))
      }
      offsets[index] = bestGap?.offset ?? free
      total = max(total, offsets[index] + size)
      placed.append(index)
    }
    return Placement(offsets: offsets, bytes: total)
  }
}

/// What a packed network's arena holds, for reports.
public struct ArenaReport: Sendable, Codable {
  public struct Buffer: Sendable, Codable {
    /// The tensors that share the buffer, in the order of their lives.
    public var tensors: [String]
    public var offset: Int
    public var bytes: Int
    /// First and last step of the life; -1 is before the first step.
    public var firstStep: Int
    public var lastStep: Int
  }

  /// Bytes that loading allocates for activations and scratch.
  public var bytes: Int
  /// Most bytes alive at one step: no plan needs less.
  public var lowerBoundBytes: Int
  public var buffers: [Buffer]

  init(_ plan: ArenaPlan, _ program: Program) {
    bytes = plan.bytes
    lowerBoundBytes = plan.lowerBoundBytes
    buffers = plan.buffers.map { buffer in
      Buffer(
        tensors: buffer.tensors.map { program.tensors[$0].name }, offset: plan.offsets[buffer.tensors[0]] ?? 0,
        bytes: buffer.bytes, firstStep: buffer.firstStep, lastStep: buffer.lastStep)
    }
  }
}
