import Graph
import HostTensors
import Operators
import TensorTypes

/// What an ONNX network consists of, layer by layer; no weights are read.
public struct Inspection: Sendable {
  public struct Layer: Sendable, Equatable, Encodable {
    public var name: String
    public var op: String
    public var output: [Int]
    public var parameters: Int
    public var macs: Int
    /// Bytes of the constants the node reads, as stored.
    public var bytes: Int
  }

  public var layers: [Layer] = []
  public var report: InspectReport

  /// Layers of a graph with shapes inferred. A constant that several nodes read counts where it is read first.
  public init(_ graph: Graph) {
    var counted: Set<ValueID> = []
    var operators: [String: Int] = [:]
    for node in graph.nodes {
      operators[node.kind.rawValue, default: 0] += 1
      var parameters = 0
      var bytes = 0
      for case let input? in node.inputs {
        guard let info = graph[input].info, info.constant != nil, counted.insert(input).inserted else { continue }
        bytes += info.shape.elementCount * info.dtype.byteCount
        if !info.shape.isEmpty && info.dtype != .int64 { parameters += info.shape.elementCount }
      }
      layers.append(
        Layer(
          name: node.name, op: node.kind.rawValue,
          output: node.outputs.first.flatMap { $0 }.flatMap { graph[$0].info?.shape } ?? [],
          parameters: parameters, macs: graph.multiplyAccumulates(of: node), bytes: bytes))
    }
    report = InspectReport(
      parameters: graph.parameterCount, macs: graph.multiplyAccumulates, operators: operators)
  }

  /// Inputs, outputs, layers and totals as a table.
  public func table(_ graph: Graph) -> String {
    var text = "network     \(graph.name)\n"
    for id in graph.inputs { text += "input       \(Inspection.describe(graph, id))\n" }
    for id in graph.outputs { text += "output      \(Inspection.describe(graph, id))\n" }
    let bytes = layers.reduce(0) { $0 + $1.bytes }
    text += "parameters  \(report.parameters.grouped) (\(bytes.grouped) bytes as stored)\n"
    text += "products    \(report.macs.grouped) MAC\n"
    let counts = report.operators.sorted { $0.value == $1.value ? $0.key < $1.key : $0.value > $1.value }
    text += "operators   " + counts.map { "\($0.key) \($0.value)" }.joined(separator: ", ") + "\n\n"
    var table = TextTable([
      .init("#", .trailing), .init("operator"), .init("output"), .init("parameters", .trailing),
      .init("MAC", .trailing), .init("bytes", .trailing), .init("name"),
    ])
    for (index, layer) in layers.enumerated() {
      table.add([
        String(index), layer.op, layer.output.map(String.init).joined(separator: "x"), layer.parameters.grouped,
        layer.macs.grouped, layer.bytes.grouped, layer.name,
      ])
    }
    return text + table.rendered
  }

  private static func describe(_ graph: Graph, _ id: ValueID) -> String {
    guard let info = graph[id].info else { return graph[id].name }
    return "\(graph[id].name)  \(info.dtype.name) \(info.shape.map(String.init).joined(separator: "x"))"
  }
}
