import HostTensors

extension ChannelCoupling {
  /// Every output is computed element by element from the inputs, which broadcast.
  static func elementwise(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    var ties: [ChannelTie] = []
    guard let shape = outputs.lazy.compactMap({ $0 }).first?.shape else { return .opaque(reason: "has no output") }
    for (axis, extent) in shape.enumerated() where extent > 1 {
      var places = outputs.indices.filter { outputs[$0] != nil }.map { ChannelPlaces.output($0, axis: axis) }
      for (index, input) in inputs.enumerated() {
        guard let input, let own = input.alignedAxis(axis, rank: shape.count) else { continue }
        places.append(.input(index, axis: own))
      }
      ties.append(ChannelTie(count: extent, places))
    }
    return ChannelCoupling(ties: ties, otherwise: "repeats it for others")
  }

  /// Outputs of the extents of input 0, of which every axis but those in `whole` is passed on.
  static func passing(
    _ inputs: [ValueInfo?], _ outputs: [ValueInfo?], except whole: Range<Int>, reason: String
  ) -> ChannelCoupling {
    guard let shape = inputs.optional(0)?.shape else { return .opaque(reason: reason) }
    let ties = shape.indices.filter { !whole.contains($0) }.map { axis in
      let present = outputs.indices.filter { outputs[$0] != nil }
      return ChannelTie(
        count: shape[axis], [.input(0, axis: axis)] + present.map { .output($0, axis: axis) })
    }
    return ChannelCoupling(ties: ties, otherwise: reason)
  }

  /// Works within each plane of [N, C, spatial...].
  static func planewise(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    let rank = inputs.optional(0)?.rank ?? 0
    return .passing(inputs, outputs, except: min(2, rank)..<rank, reason: "works on the whole of it")
  }

  /// The elements of input 0 in their order under another shape.
  ///
  /// Both shapes are cut into the factors that they share; an axis of several factors loses channels along one of
  /// them, which leaves a box, so each factor is an alternative: the outermost first, as heads come before what is
  /// in them.
  static func reshaping(_ inputs: [ValueInfo?], _ outputs: [ValueInfo?]) -> ChannelCoupling {
    let reason = "regroups its elements among other axes"
    guard let from = inputs.optional(0)?.shape, let to = outputs.optional(0)?.shape,
      from.elementCount == to.elementCount, from.elementCount > 0
    else { return .opaque(reason: reason) }
    var coupling = ChannelCoupling(otherwise: reason)
    for block in sharedFactors(from, to) {
      let ties = block.map { factor in
        ChannelTie(
          count: factor.extent,
          [
            .input(0, axis: factor.input.axis, blocks: factor.input.before, run: factor.input.after(from, factor)),
            .output(0, axis: factor.output.axis, blocks: factor.output.before, run: factor.output.after(to, factor)),
          ])
      }
      if ties.count == 1 { coupling.ties += ties } else { coupling.choices.append(ties.map { [$0] }) }
    }
    return coupling
  }
}

/// A factor of an extent that two shapes of the same elements share.
private struct SharedFactor {
  struct Position {
    var axis: Int
    /// Product of the factors of the axis that lie outside of this one.
    var before: Int

    func after(_ shape: [Int], _ factor: SharedFactor) -> Int { shape[axis] / (before * factor.extent) }
  }

  var extent: Int
  var input: Position
  var output: Position
}

/// The factors that both shapes are products of, in the order of memory, in blocks that begin and end with an axis
/// of both; a block whose extents do not divide one another is left out.
private func sharedFactors(_ from: [Int], _ to: [Int]) -> [[SharedFactor]] {
  var blocks: [[SharedFactor]] = []
  var block: [SharedFactor] = []
  var isDivisible = true
  var input = SharedFactor.Position(axis: 0, before: 1)
  var output = SharedFactor.Position(axis: 0, before: 1)
  // What of the current axes is not yet covered; both are products of what remains of the block.
  var (left, right) = (1, 1)
  func advance(_ position: inout SharedFactor.Position, _ shape: [Int], _ next: inout Int) -> Int {
    while next < shape.count && shape[next] == 1 { next += 1 }
    guard next < shape.count else { return 1 }
    position = .init(axis: next, before: 1)
    defer { next += 1 }
    return shape[next]
  }
  var (nextInput, nextOutput) = (0, 0)
  while true {
    if left == 1 { left = advance(&input, from, &nextInput) }
    if right == 1 { right = advance(&output, to, &nextOutput) }
    if left == 1 && right == 1 { break }
    let extent = min(left, right)
    if max(left, right) % extent == 0 && isDivisible {
      block.append(SharedFactor(extent: extent, input: input, output: output))
      (left, right) = (left / extent, right / extent)
      (input.before, output.before) = (input.before * extent, output.before * extent)
    } else {
      // Only the products still have to meet: the smaller side takes its next axis in.
      isDivisible = false
      if left < right {
        left *= advance(&input, from, &nextInput)
      } else if right < left {
        right *= advance(&output, to, &nextOutput)
      } else {
        (left, right) = (1, 1)
      }
    }
    if left == 1 && right == 1 {
      if isDivisible { blocks.append(block) }
      (block, isDivisible) = ([], true)
    }
  }
  return blocks
}

extension ValueInfo {
  /// The axis that broadcasts to axis `axis` of a shape of rank `rank` with more than one index of its own.
  func alignedAxis(_ axis: Int, rank: Int) -> Int? {
    let own = axis - (rank - self.rank)
    return own >= 0 && shape[own] > 1 ? own : nil
  }
}
