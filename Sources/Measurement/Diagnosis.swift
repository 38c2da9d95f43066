import Graph
import HostTensors
import Operators
import Packing
import Quantization
import Targets

/// What would go wrong, or stay slow or large, on the way of a network to a device.
public struct Diagnosis: Sendable {
  public struct Finding: Sendable, Equatable, Encodable {
    public var node: String
    public var op: String
    public var finding: String
  }

  public struct DiagnosisReport: Report, Equatable {
    public var parameters: Int
    public var macs: Int
    /// What a .pare file cannot hold, as a sentence; nil where it can.
    public var obstacle: String?
    /// Nodes that int8 quantization leaves in float.
    public var staysFloat: [Finding]
    public var floatArenaBytes: Int?
    public var floatSteps: Int?
    public var target: String?
    /// Comparisons with the target's memory and budgets that fail.
    public var concerns: [String]

    enum CodingKeys: String, CodingKey {
      case parameters, macs, obstacle, target, concerns
      case staysFloat = "stays_float"
      case floatArenaBytes = "float_arena_bytes"
      case floatSteps = "float_steps"
    }
  }

  public private(set) var report: DiagnosisReport

  /// Examines a graph with shapes inferred; weights may read as zeros. Errors: the graph does not evaluate.
  public init(_ imported: Graph, target: Target?) throws(GraphError) {
    let (graph, _) = try simplified(imported)
    report = DiagnosisReport(
      parameters: graph.parameterCount, macs: graph.multiplyAccumulates, obstacle: nil,
      staysFloat: Diagnosis.floatNodes(graph), floatArenaBytes: nil, floatSteps: nil, target: target?.id,
      concerns: [])
    var options = PackOptions()
    options.includesGoldenVectors = false
    do throws(PackError) {
      let packed = try pack(graph, options: options)
      report.floatArenaBytes = packed.ledger.arenaBytes
      report.floatSteps = packed.ledger.steps
    } catch {
      report.obstacle = Diagnosis.describe(error)
    }
    if let target { addConcerns(target) }
  }

  /// Nodes on float values whose operators have no integer form.
  private static func floatNodes(_ graph: Graph) -> [Finding] {
    graph.nodes.compactMap { node in
      guard case .floatOnly(let reason) = node.op.integerForm(graph.inputInfos(of: node)) else { return nil }
      return Finding(node: node.name, op: node.kind.rawValue, finding: reason)
    }
  }

  private static func describe(_ error: PackError) -> String {
    switch error {
    case .unsupported(let node, let kind, let reason): "node '\(node)' (\(kind.rawValue)): \(reason)"
    case .unsupportedType(let value, let dtype):
      "'\(value)' has the type \(dtype.name), which the device does not store"
    case .unsupportedExtent(let value, let shape): "'\(value)' has the shape \(shape), which cannot be packed"
    case .graph, .selfCheckFailed, .compressionFailed, .tooLarge, .writeFailed: "packing fails: \(error)"
    }
  }

  private mutating func addConcerns(_ target: Target) {
    let weights = report.parameters
    if let memory = target.memoryMiB, let arena = report.floatArenaBytes, arena + 4 * weights > memory << 20 {
      report.concerns.append(
        "float weights and arena need \((arena + 4 * weights).grouped) bytes; \(target.id) has \(memory) MiB")
    }
    if let budget = target.budgets.modelBytes, weights > budget {
      report.concerns.append("\(weights.grouped) int8 weights are above the model budget of \(budget.grouped) bytes")
    }
    if let budget = target.budgets.residentBytes, let arena = report.floatArenaBytes, arena + weights > budget {
      report.concerns.append("weights and arena are above the resident budget of \(budget.grouped) bytes")
    }
    // What a core does at best is one product of 8 lanes a cycle; below that no kernel helps.
    if let budget = target.budgets.latencyMicroseconds, let clock = target.cores.map(\.clockMHz).max(), clock > 0 {
      let least = report.macs / (8 * clock)
      if least > budget {
        report.concerns.append("\(report.macs.grouped) products take at least \(least) us on one core")
      }
    }
  }

  public var table: String {
    var text = "parameters   \(report.parameters.grouped): \((4 * report.parameters).grouped) bytes in float, about "
    text += "\(report.parameters.grouped) in int8\nproducts     \(report.macs.grouped) MAC\n"
    if let arena = report.floatArenaBytes, let steps = report.floatSteps {
      text += "float arena  \(arena.grouped) bytes, \(steps) steps\n"
    }
    text += report.obstacle.map { "cannot pack  \($0)\n" } ?? "packs        yes\n"
    if report.staysFloat.isEmpty {
      text += "quantizes    wholly\n"
    } else {
      text += "quantizes    all but \(report.staysFloat.count) nodes\n\n"
      var table = TextTable([.init("stays float"), .init("operator"), .init("reason")])
      for finding in report.staysFloat { table.add([finding.node, finding.op, finding.finding]) }
      text += table.rendered
    }
    for concern in report.concerns { text += "concern: \(concern)\n" }
    return text
  }
}
