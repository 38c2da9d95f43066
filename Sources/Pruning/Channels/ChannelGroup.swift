import Graph
import HostTensors
import Operators
import TensorTypes

/// An axis that loses indices with the channels of a group.
public struct ChannelMember: Sendable {
  public var axis: ValueAxis
  /// Whether the value is a trained tensor of rank 2 or more.
  public var isWeight: Bool
  /// Whether the axis is summed over, so that the member is where the channels' contributions go in.
  public var isMixed: Bool
  /// By channel, the indices of the axis, ascending; as many for every channel.
  public var indices: [[Int]]
}

/// Channels that lie in the same axes, each of which can be removed without the others.
public struct ChannelGroup: Sendable {
  /// The first layer that makes the channels, or the first value that has them where no layer does.
  public var name: String
  public var count: Int
  public var members: [ChannelMember]
  /// Whether every sum over the channels is a product with a weight.
  public var isReadByWeightsAlone: Bool
}

/// Channels of weights that stay.
public struct WholeGroup: Sendable {
  public var name: String
  public var count: Int
  public var why: WholeReason
}

/// What of a graph can lose channels and what cannot.
public struct ChannelGroups: Sendable {
  public var groups: [ChannelGroup]
  public var whole: [WholeGroup]

  /// Derives the groups of a graph in training form, whose shapes are inferred.
  ///
  /// Errors: `.graph(.unknownShape)`; `.tooLarge`.
  public init(_ graph: Graph) throws(ChannelPruningError) {
    self.init(try ChannelDependencies(graph))
  }

  init(_ dependencies: ChannelDependencies) {
    let (sets, reasons) = dependencies.resolved()
    var channels: [Int: Channel] = [:]
    var order: [Int] = []
    for axis in dependencies.axes.indices {
      let first = dependencies.firstSlots[axis]
      for index in 0..<dependencies.extents[axis] {
        let name = sets[first + index]
        if channels[name] == nil { order.append(name) }
        channels[name, default: Channel()].add(axis, index)
      }
    }
    var positions: [Channel.Signature: Int] = [:]
    var collected: [(signature: Channel.Signature, channels: [Channel])] = []
    for name in order {
      guard let channel = channels[name] else { continue }
      let signature = channel.signature(reasons[name])
      if let position = positions[signature] {
        collected[position].channels.append(channel)
      } else {
        positions[signature] = collected.count
        collected.append((signature, [channel]))
      }
    }
    let makers = Makers(dependencies.graph)
    (groups, whole) = ([], [])
    for (signature, channels) in collected {
      let axes = signature.axes.map { dependencies.axes[$0] }
      guard axes.contains(where: { makers.weights.contains($0.value) }) else { continue }
      let name = makers.name(axes)
      if let why = signature.reason {
        // What a network is given is no channel of it.
        if channels.count > 1 && makers.isMade(axes) {
          whole.append(WholeGroup(name: name, count: channels.count, why: why))
        }
      } else {
        let members = signature.axes.indices.map { member in
          let axis = signature.axes[member]
          return ChannelMember(
            axis: dependencies.axes[axis], isWeight: makers.weights.contains(dependencies.axes[axis].value),
            isMixed: dependencies.isMixed[dependencies.firstSlots[axis] + channels[0].places[member].indices[0]],
            indices: channels.map { $0.places[member].indices })
        }
        let isOtherwise = zip(signature.axes, channels[0].places).contains { axis, place in
          dependencies.isMixedWithoutWeight[dependencies.firstSlots[axis] + place.indices[0]]
        }
        groups.append(
          ChannelGroup(
            name: name, count: channels.count, members: members,
            isReadByWeightsAlone: !isOtherwise && members.contains { $0.isWeight && $0.isMixed }))
      }
    }
  }
}

/// The slots of one set, by axis.
private struct Channel {
  struct Signature: Hashable {
    var axes: [Int]
    var counts: [Int]
    var reason: WholeReason?
  }

  var places: [(axis: Int, indices: [Int])] = []

  /// Axes come in ascending order, and the indices of each.
  mutating func add(_ axis: Int, _ index: Int) {
    if places.last?.axis == axis {
      places[places.count - 1].indices.append(index)
    } else {
      places.append((axis, [index]))
    }
  }

  func signature(_ reason: WholeReason?) -> Signature {
    Signature(axes: places.map(\.axis), counts: places.map(\.indices.count), reason: reason)
  }
}

/// Which values are weights, and which nodes make channels of them.
private struct Makers {
  var weights: Set<ValueID> = []
  private var graph: Graph

  init(_ graph: Graph) {
    self.graph = graph
    for node in graph.nodes {
      for case let input? in node.inputs {
        // Quantized weights are integers that a DequantizeLinear reads.
        guard let constant = graph[input].constant, constant.rank > 1,
          constant.dtype.isFloat || node.kind == .dequantizeLinear
        else { continue }
        weights.insert(input)
      }
    }
  }

  func name(_ axes: [ValueAxis]) -> String { maker(axes)?.name ?? graph[axes[0].value].name }

  /// Whether a layer makes channels along `axes`.
  func isMade(_ axes: [ValueAxis]) -> Bool { maker(axes) != nil }

  /// The first node with an output along `axes` that multiplies or looks up.
  private func maker(_ axes: [ValueAxis]) -> Node? {
    let values = Set(axes.map(\.value))
    return graph.nodes.first { node in
      (node.kind == .gather || graph.multiplyAccumulates(of: node) > 0)
        && node.outputs.contains { $0.map(values.contains) ?? false }
    }
  }
}
