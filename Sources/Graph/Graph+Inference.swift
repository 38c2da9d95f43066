import HostTensors
import Operators

extension Graph {
  /// Fills in type and extents of every value, node by node in order.
  ///
  /// Errors: `.operatorFailed` with the node where the operator refuses its inputs.
  public mutating func inferShapes() throws(GraphError) {
    for node in nodes { try inferShapes(of: node) }
  }

  mutating func inferShapes(of node: Node) throws(GraphError) {
    for case let input? in node.inputs where self[input].info == nil {
      throw .unknownShape(value: self[input].name)
    }
    let infos: [ValueInfo]
    do {
      infos = try node.op.inferOutputs(inputInfos(of: node))
    } catch {
      throw .operatorFailed(node: node.name, kind: node.kind, error)
    }
    guard infos.count >= node.outputs.count else {
      let found = OperatorError.invalid("the operator has \(infos.count) outputs, the node names \(node.outputs.count)")
      throw .operatorFailed(node: node.name, kind: node.kind, found)
    }
    for (output, info) in zip(node.outputs, infos) {
      if let output { self[output].info = info }
    }
  }

  /// Multiply-accumulates of one node at the inferred extents.
  public func multiplyAccumulates(of node: Node) -> Int {
    node.op.multiplyAccumulates(inputInfos(of: node), node.outputs.compactMap { $0.flatMap { self[$0].info } })
  }

  /// Multiply-accumulates of one inference.
  public var multiplyAccumulates: Int { nodes.reduce(0) { $0 + multiplyAccumulates(of: $1) } }

  /// Trained numbers of the network: the elements of `parameterValues`.
  public var parameterCount: Int {
    parameterValues.reduce(0) { $0 + (self[$1].info?.shape.elementCount ?? 0) }
  }

  /// The constants that hold trained numbers: all but scalars, integers that shape the network, and the scales and
  /// zero points of quantization.
  public var parameterValues: Set<ValueID> {
    var parameters: Set<ValueID> = []
    for node in nodes {
      let isQuantization = node.kind == .quantizeLinear || node.kind == .dequantizeLinear
      for case let input? in isQuantization ? Array(node.inputs.prefix(1)) : node.inputs { parameters.insert(input) }
    }
    return parameters.filter { id in
      guard let info = self[id].info else { return false }
      return info.constant != nil && !info.shape.isEmpty && info.dtype != .int64
    }
  }
}
