import Graph
import HostTensors
import Operators

extension Graph {
  /// Adds the two nodes that stand for `node` behind the others.
  ///
  /// Errors: `.operatorFailed`.
  mutating func append(
    _ node: Node, as layer: FactorizableLayer, _ candidate: FactorizationCandidate, rank: Int
  ) throws(GraphError) {
    let factors = candidate.decomposition(of: layer.tensor).factors(rank: rank)
    let weights = candidate.scheme.weights(
      factors, rank: rank, shape: layer.tensor.shape, isTransposed: layer.isTransposed)
    let name = self[layer.weight].name
    let first = addConstant(name: "\(name)_reduce", weights.first)
    let second = addConstant(name: "\(name)_expand", weights.second)
    let operators = try operators(node, candidate.scheme, layer.tensor.shape)
    let between = addValue(name: "\(node.outputs[0].map { self[$0].name } ?? node.name)_reduced")
    nodes.append(
      Node(name: "\(node.name)_reduce", op: operators.first, inputs: [node.inputs[0], first], outputs: [between]))
    nodes.append(
      Node(
        name: node.name, op: operators.second, inputs: [between, second] + node.inputs.dropFirst(2),
        outputs: node.outputs))
  }

  private func operators(
    _ node: Node, _ scheme: FactorizationScheme, _ weightShape: [Int]
  ) throws(GraphError) -> (first: any Operator, second: any Operator) {
    func make(_ attributes: [String: AttributeValue], inputCount: Int) throws(GraphError) -> any Operator {
      do throws(OperatorError) {
        return try makeOperator(
          NodeDefinition(opType: node.kind.rawValue, attributes: attributes, inputCount: inputCount))
      } catch { throw .operatorFailed(node: node.name, kind: node.kind, error) }
    }
    var attributes = node.op.attributes
    let inputCount = node.inputs.count
    switch scheme {
    case .dense:
      // Factors stay with the second: they belong to the sum with the bias.
      let second = try make(attributes.filter { $0.key != "transA" }, inputCount: inputCount)
      attributes["alpha"] = nil
      attributes["beta"] = nil
      return (try make(attributes, inputCount: 2), second)
    case .channel:
      return (try make(attributes, inputCount: 2), try make([:], inputCount: inputCount))
    case .spatial:
      guard let conv = node.op as? Conv, let input = node.inputs[0].flatMap({ self[$0].info?.shape }) else {
        throw .unknownShape(value: node.name)
      }
      let window: SpatialWindow
      do throws(OperatorError) { window = try conv.resolvedWindow(input: input, weight: weightShape) } catch {
        throw .operatorFailed(node: node.name, kind: node.kind, error)
      }
      let (rows, columns) = (window.axes[0], window.axes[1])
      return (
        try make(
          [
            "strides": .ints([rows.stride, 1]), "dilations": .ints([rows.dilation, 1]),
            "pads": .ints([rows.padBegin, 0, rows.padEnd, 0]),
          ], inputCount: 2),
        try make(
          [
            "strides": .ints([1, columns.stride]), "dilations": .ints([1, columns.dilation]),
            "pads": .ints([0, columns.padBegin, 0, columns.padEnd]),
          ], inputCount: inputCount)
      )
    }
  }
}
