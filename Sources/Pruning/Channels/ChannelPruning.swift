import Graph
import HostTensors

/// What decides which channels of a group go first.
public enum ChannelCriterion: String, Sendable, CaseIterable, Codable {
  /// The sum of the magnitudes of all weights of the channel, of what makes it and of what reads it (Li et al. 2017).
  case l1
  /// The root of the sum of their squares.
  case l2
  /// The magnitude of the scale of its batch normalizations (Liu et al. 2017); groups without one stay whole.
  case batchNormScale = "bn_scale"
  /// How much the loss moves, to first order, when the channel's contributions become zero: |sum of w * dL/dw| over the
  /// weights that read it, the mean over batches (Molchanov et al. 2019).
  case taylor
}

/// How small the network is to become.
public struct ChannelTarget: Sendable, Equatable {
  public enum Measure: String, Sendable, CaseIterable, Codable {
    case multiplyAccumulates = "macs"
    case parameters, bytes
  }

  public var measure: Measure
  /// Of the original, above 0 and at most 1.
  public var share: Double

  public init(_ measure: Measure, share: Double) { (self.measure, self.share) = (measure, share) }
}

public struct ChannelPruningOptions: Sendable {
  public var criterion = ChannelCriterion.l2
  /// nil to remove the channels that nothing reads, and only those: values stay as they are.
  public var target: ChannelTarget? = ChannelTarget(.multiplyAccumulates, share: 0.5)
  /// A group that is cut keeps a number of channels that this divides; kernels like multiples of 4 or 8.
  public var multiple = 1
  /// The least number of channels that a group keeps.
  public var floor = 1
  /// The least share of its channels that a group keeps, where there is a target.
  public var floorShare = 0.1

  public init() {}
}

/// Removes whole channels: collect, plan, apply.
///
/// The graph is one in training form (`trainingForm(of:)`: shape arithmetic folded, normalizations kept). The result
/// computes what the graph computes with the removed channels' contributions at zero.
public struct ChannelPruning: Sendable {
  public var options: ChannelPruningOptions

  public init(_ options: ChannelPruningOptions = ChannelPruningOptions()) { self.options = options }

  /// The groups of the graph and how much each channel matters, by its weights alone.
  ///
  /// Errors: `.noGradients` for `.taylor`; `.noScales`; `.nothingToRemove`; `.graph`.
  public func collect(from graph: Graph) throws(ChannelPruningError) -> ChannelSurvey {
    guard options.criterion != .taylor else { throw .noGradients }
    return try survey(graph) { group throws(ChannelPruningError) in
      try weightImportance(of: group, in: graph)
    }
  }

  /// As `collect(from:)`, with the loss's gradients by the graph's parameters, one dictionary for each batch.
  ///
  /// Errors: as `collect(from:)`; what `gradients` throws.
  public func collect(
    from graph: Graph, batches: Int, gradients: (_ batch: Int) throws -> [ValueID: Tensor]
  ) throws -> ChannelSurvey {
    guard options.criterion == .taylor else { return try collect(from: graph) }
    guard batches > 0 else { throw ChannelPruningError.noGradients }
    let groups = try ChannelGroups(graph)
    var sums = groups.groups.map { [Double](repeating: 0, count: $0.count) }
    for batch in 0..<batches {
      let effects = FirstOrderEffects(graph, gradients: try gradients(batch))
      for (index, group) in groups.groups.enumerated() {
        for (channel, effect) in effects.effects(of: group).enumerated() { sums[index][channel] += abs(effect) }
      }
    }
    var remaining = sums[...]
    return try survey(graph, groups) { _ throws(ChannelPruningError) in remaining.removeFirst() }
  }

  private func survey(
    _ graph: Graph, _ given: ChannelGroups? = nil,
    importance: (ChannelGroup) throws(ChannelPruningError) -> [Double]?
  ) throws(ChannelPruningError) -> ChannelSurvey {
    let found = if let given { given } else { try ChannelGroups(graph) }
    var survey = ChannelSurvey(criterion: options.criterion, groups: [], importance: [], whole: found.whole)
    for group in found.groups {
      guard let values = try importance(group) else {
        let why = WholeReason(node: group.name, reason: "has no batch normalization to judge its channels by")
        survey.whole.append(WholeGroup(name: group.name, count: group.count, why: why))
        continue
      }
      survey.groups.append(group)
      survey.importance.append(values.normalized)
    }
    if survey.groups.isEmpty {
      if options.criterion == .batchNormScale && !found.groups.isEmpty { throw .noScales }
      throw .nothingToRemove(whole: survey.whole)
    }
    return survey
  }
}

/// What can be removed from a graph, and how much it matters.
public struct ChannelSurvey: Sendable {
  public var criterion: ChannelCriterion
  public var groups: [ChannelGroup]
  /// By group and channel; the mean over each group is 1, so that groups compare.
  public var importance: [[Double]]
  /// What stays, and why.
  public var whole: [WholeGroup]
}

extension [Double] {
  /// Divided by their mean; all 1 where that is zero or not a number.
  fileprivate var normalized: [Double] {
    let mean = reduce(0, +) / Double(Swift.max(count, 1))
    return mean.isNormal ? map { $0 / mean } : map { _ in 1 }
  }
}
