/// Which channels of an operator's inputs and outputs go together: the facet that channel pruning reads.
///
/// A channel is an index of an axis. Where a channel is removed, whatever is tied to it must go too, weights being
/// inputs like any other: the kernel of a convolution loses slices of its own. What the operator yields at the
/// channels that stay is then what it yielded before, less the contributions of those that went.
public struct ChannelCoupling: Sendable, Equatable {
  /// These hold in any case.
  public var ties: [ChannelTie]
  /// Of each choice one alternative holds: ways to divide the same axes that exclude each other, best first.
  public var choices: [[[ChannelTie]]]
  /// Why an axis that no tie mentions loses no channel: a sentence fragment for the user, the operator being its
  /// subject.
  public var otherwise: String

  public init(ties: [ChannelTie] = [], choices: [[[ChannelTie]]] = [], otherwise: String) {
    self.ties = ties
    self.choices = choices
    self.otherwise = otherwise
  }

  /// No channel of any input or output may go.
  public static func opaque(reason: String) -> ChannelCoupling { ChannelCoupling(otherwise: reason) }
}

/// `count` channels, each with its places along axes of inputs and outputs; a channel goes from all of them or none.
public struct ChannelTie: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    /// An output's channel is made of the same channel of inputs alone: passed on, added, concatenated, filtered.
    case follows
    /// The channel is summed over: inputs have it and no output does.
    case mixes
  }

  public var kind: Kind
  public var count: Int
  public var places: [ChannelPlaces]

  public init(_ kind: Kind = .follows, count: Int, _ places: [ChannelPlaces]) {
    self.kind = kind
    self.count = count
    self.places = places
  }
}

/// Where the channels of a tie lie along one axis of an input or output.
///
/// Counted from `start`, channel c has the indices (block * count + c) * run + offset for each block below
/// `blocks` and each offset below `run`: the gates of an LSTM are blocks, the plane behind a flattened channel a run.
public struct ChannelPlaces: Sendable, Equatable {
  public enum Operand: Sendable, Equatable {
    case input(Int)
    case output(Int)
  }

  public var operand: Operand
  public var axis: Int
  public var start: Int
  public var blocks: Int
  public var run: Int

  public init(_ operand: Operand, axis: Int, start: Int = 0, blocks: Int = 1, run: Int = 1) {
    self.operand = operand
    self.axis = axis
    self.start = start
    self.blocks = blocks
    self.run = run
  }

  public static func input(
    _ index: Int, axis: Int, start: Int = 0, blocks: Int = 1, run: Int = 1
  ) -> ChannelPlaces {
    ChannelPlaces(.input(index), axis: axis, start: start, blocks: blocks, run: run)
  }

  public static func output(
    _ index: Int, axis: Int, start: Int = 0, blocks: Int = 1, run: Int = 1
  ) -> ChannelPlaces {
    ChannelPlaces(.output(index), axis: axis, start: start, blocks: blocks, run: run)
  }

  /// The indices of channel `channel` of `count`, ascending.
  public func indices(of channel: Int, count: Int) -> [Int] {
    var indices: [Int] = []
    for block in 0..<blocks {
      let first = start + (block * count + channel) * run
      indices += first..<first + run
    }
    return indices
  }
}
