import Graph
import HostTensors
import Operators
import TensorTypes

/// What a network costs, or what it saves.
public struct NetworkCost: Sendable, Equatable, Codable {
  public var multiplyAccumulates: Int
  public var parameters: Int
  /// Of the parameters as they are stored.
  public var bytes: Int

  private enum CodingKeys: String, CodingKey {
    case multiplyAccumulates = "macs"
    case parameters, bytes
  }

  public init(multiplyAccumulates: Int = 0, parameters: Int = 0, bytes: Int = 0) {
    (self.multiplyAccumulates, self.parameters, self.bytes) = (multiplyAccumulates, parameters, bytes)
  }

  public subscript(measure: ChannelTarget.Measure) -> Int {
    switch measure {
    case .multiplyAccumulates: multiplyAccumulates
    case .parameters: parameters
    case .bytes: bytes
    }
  }

  static func + (a: NetworkCost, b: NetworkCost) -> NetworkCost {
    NetworkCost(
      multiplyAccumulates: a.multiplyAccumulates + b.multiplyAccumulates, parameters: a.parameters + b.parameters,
      bytes: a.bytes + b.bytes)
  }

  static func - (a: NetworkCost, b: NetworkCost) -> NetworkCost {
    NetworkCost(
      multiplyAccumulates: a.multiplyAccumulates - b.multiplyAccumulates, parameters: a.parameters - b.parameters,
      bytes: a.bytes - b.bytes)
  }
}

/// The cost of a graph while its axes grow shorter.
struct CostModel {
  private var infos: [ValueID: ValueInfo] = [:]
  private var nodes: [Node]
  private var nodesOfValue: [ValueID: [Int]] = [:]
  private var isParameter: Set<ValueID> = []
  private(set) var total = NetworkCost()

  init(_ graph: Graph) throws(ChannelPruningError) {
    nodes = []
    for node in graph.nodes {
      // A recurrent layer that states its size would refuse to have another.
      let op = try node.resized([:], dropping: ["hidden_size"])
      nodes.append(Node(name: node.name, op: op, inputs: node.inputs, outputs: node.outputs))
    }
    let parameters = graph.parameterValues
    for (index, node) in nodes.enumerated() {
      for case let id? in node.inputs + node.outputs {
        if nodesOfValue[id]?.last != index { nodesOfValue[id, default: []].append(index) }
        guard infos[id] == nil, let info = graph[id].info else { continue }
        infos[id] = ValueInfo(dtype: info.dtype, shape: info.shape)
        if parameters.contains(id) {
          isParameter.insert(id)
          total = total + parameterCost(id)
        }
      }
    }
    for index in nodes.indices { total = total + nodeCost(index) }
  }

  /// What goes where each of `changes` makes an axis shorter by so many indices.
  mutating func saving(_ changes: [(axis: ValueAxis, removed: Int)]) -> NetworkCost {
    let before = total
    let saved = before - remove(changes)
    remove(changes.map { ($0.axis, -$0.removed) })
    return saved
  }

  /// Shortens the axes; returns the new total.
  @discardableResult
  mutating func remove(_ changes: [(axis: ValueAxis, removed: Int)]) -> NetworkCost {
    let values = Set(changes.map(\.axis.value))
    let touched = Set(values.flatMap { nodesOfValue[$0] ?? [] })
    let parameters = values.filter(isParameter.contains)
    for index in touched { total = total - nodeCost(index) }
    for id in parameters { total = total - parameterCost(id) }
    for change in changes { infos[change.axis.value]?.shape[change.axis.axis] -= change.removed }
    for index in touched { total = total + nodeCost(index) }
    for id in parameters { total = total + parameterCost(id) }
    return total
  }

  private func parameterCost(_ id: ValueID) -> NetworkCost {
    guard let info = infos[id] else { return NetworkCost() }
    let count = info.shape.elementCount
    return NetworkCost(parameters: count, bytes: count * info.dtype.byteCount)
  }

  private func nodeCost(_ index: Int) -> NetworkCost {
    let node = nodes[index]
    let inputs = node.inputs.map { id in id.flatMap { infos[$0] } }
    let outputs = node.outputs.compactMap { id in id.flatMap { infos[$0] } }
    return NetworkCost(multiplyAccumulates: node.op.multiplyAccumulates(inputs, outputs))
  }
}

extension Node {
  /// The operator with other attributes.
  func resized(
    _ changes: [String: AttributeValue], dropping dropped: [String] = [], inputCount: Int? = nil
  ) throws(ChannelPruningError) -> any Operator {
    var attributes = op.attributes
    guard !changes.isEmpty || dropped.contains(where: { attributes[$0] != nil }) else { return op }
    attributes.merge(changes) { _, new in new }
    for name in dropped { attributes[name] = nil }
    let definition = NodeDefinition(
      opType: kind.rawValue, attributes: attributes, inputCount: inputCount ?? inputs.count,
      outputCount: outputs.count)
    do {
      return try makeOperator(definition)
    } catch { throw .operatorRefused(node: name, error) }
  }
}
