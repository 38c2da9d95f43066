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

  /// Trained numbers of the network: the elements of its constants, but for scalars, integers that
  /// shape it, and the scales and zero points of quantization.
  public var parameterCount: Int {
    var parameters: Set<ValueID> = []
    for node in nodes {
      let isQuantization = node.kind == .quantizeLinear || node.kind == .dequantizeLinear
      for case let input? in isQuantization ? Array(node.inputs.prefix(1)) : node.inputs { parameters.insert(input) }
    }
    return parameters.reduce(0) { total, id in
      guard let info = self[id].info, info.constant != nil, !info.shape.isEmpty, info.dtype != .int64 else {
        return total
      }
      return total + info.shape.elementCount
    }
  }
}
