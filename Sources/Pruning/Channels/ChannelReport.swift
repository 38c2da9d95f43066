import Graph

/// What channel pruning did, group by group. Keys in JSON are stable.
public struct ChannelReport: Sendable, Codable {
  public struct Group: Sendable, Codable {
    /// The node that makes the channels.
    public var name: String
    public var before: Int
    public var after: Int
    /// The tensors cut with them, by name.
    public var members: [String]
    public var saved: NetworkCost
  }

  /// Channels that stay, and why.
  public struct Whole: Sendable, Codable {
    public var name: String
    public var channels: Int
    /// The node that needs them all.
    public var node: String
    public var reason: String
  }

  public var criterion: ChannelCriterion
  /// What was to shrink, and to which share; nil where only unused channels were to go.
  public var target: ChannelTarget.Measure?
  public var share: Double?
  public var groups: [Group]
  public var whole: [Whole]
  public var before: NetworkCost
  public var after: NetworkCost

  public init(_ plan: ChannelPlan, _ graph: Graph) {
    (criterion, target, share) = (plan.criterion, plan.target?.measure, plan.target?.share)
    (before, after) = (plan.before, plan.after)
    groups = plan.cuts.map { cut in
      Group(
        name: cut.group.name, before: cut.group.count, after: cut.kept,
        members: cut.group.members.filter(\.isWeight).map { graph[$0.axis.value].name }.uniqued, saved: cut.saved)
    }
    whole = plan.whole.map { Whole(name: $0.name, channels: $0.count, node: $0.why.node, reason: $0.why.reason) }
  }
}

extension ChannelReport: CustomStringConvertible {
  /// A table to read: one line for each group, then what stays and why, then the totals.
  public var description: String {
    let header = ["channels of", "before", "after", "MACs saved", "parameters saved", "weights"]
    let rows = groups.map { group in
      [
        group.name, "\(group.before)", "\(group.after)", "\(group.saved.multiplyAccumulates)",
        "\(group.saved.parameters)", "\(group.members.count)",
      ]
    }
    let table = [header] + rows
    let widths = header.indices.map { column in table.map { $0[column].count }.max() ?? 0 }
    var lines = table.map { row in
      zip(row, widths).map { cell, width in cell + String(repeating: " ", count: width - cell.count) }
        .joined(separator: "  ")
    }
    lines += whole.map { "whole: \($0.channels) channels of \($0.name): \($0.node) \($0.reason)" }
    lines.append(
      "MACs \(before.multiplyAccumulates) -> \(after.multiplyAccumulates), parameters \(before.parameters) -> "
        + "\(after.parameters), bytes \(before.bytes) -> \(after.bytes)")
    return lines.joined(separator: "\n")
  }
}

extension [String] {
  fileprivate var uniqued: [String] {
    var seen: Set<String> = []
    return filter { seen.insert($0).inserted }
  }
}
