import Graph
import HostTensors

/// Finds the channels that nothing reads: wherever they are summed over, weights multiply them, and those are zero.
///
/// Taking them out changes no value but by the order of sums. Pruning of single weights leaves many such channels.
struct UnusedChannels {
  private let groups: [ChannelGroup]
  private var weights: [ValueID: Weight] = [:]

  init(_ groups: [ChannelGroup], in graph: Graph) {
    self.groups = groups
    for member in groups.flatMap(\.members) where member.isWeight {
      guard weights[member.axis.value] == nil, let constant = graph[member.axis.value].constant else { continue }
      weights[member.axis.value] = Weight(constant)
    }
  }

  /// By group, the channels that go, ascending, each group keeping at least `floor` of its channels.
  ///
  /// What only unused channels read is unused too, so that one may free the next.
  mutating func removed(floor: Int) -> [[Int]] {
    var removed = groups.map { _ in Set<Int>() }
    var isChanged = true
    while isChanged {
      isChanged = false
      for (index, group) in groups.enumerated() where group.isReadByWeightsAlone {
        for channel in (0..<group.count).reversed()
        where group.count - removed[index].count > floor && !removed[index].contains(channel)
          && isUnused(channel, group)
        {
          removed[index].insert(channel)
          for member in group.members {
            weights[member.axis.value]?.remove(member.indices[channel], along: member.axis.axis)
          }
          isChanged = true
        }
      }
    }
    return removed.map { $0.sorted() }
  }

  private func isUnused(_ channel: Int, _ group: ChannelGroup) -> Bool {
    group.members.allSatisfy { member in
      guard member.isWeight, member.isMixed, let weight = weights[member.axis.value] else { return true }
      return member.indices[channel].allSatisfy { weight.counts[member.axis.axis][$0] == 0 }
    }
  }
}

/// Where a weight is not zero, while parts of it go.
private struct Weight {
  private let shape: [Int]
  private var isSet: [Bool]
  /// By axis and index, how many elements are not zero.
  private(set) var counts: [[Int]]

  init(_ tensor: Tensor) {
    shape = tensor.shape
    isSet = tensor.floats.map { $0 != 0 }
    counts = shape.map { [Int](repeating: 0, count: $0) }
    for element in isSet.indices where isSet[element] { count(element, 1) }
  }

  mutating func remove(_ indices: [Int], along axis: Int) {
    let (outer, inner) = (shape[..<axis].reduce(1, *), shape[(axis + 1)...].reduce(1, *))
    for index in indices {
      for block in 0..<outer {
        let first = (block * shape[axis] + index) * inner
        for element in first..<first + inner where isSet[element] {
          isSet[element] = false
          count(element, -1)
        }
      }
    }
  }

  private mutating func count(_ element: Int, _ change: Int) {
    var rest = element
    for axis in shape.indices.reversed() {
      counts[axis][rest % shape[axis]] += change
      rest /= shape[axis]
    }
  }
}
