import HostTensors
import Operators

/// Computes a graph on concrete tensors with the operators' reference semantics.
public struct Evaluator: Sendable {
  public let graph: Graph
  /// After which node each value is read for the last time; outputs are kept.
  private let lastUse: [ValueID: Int]

  public init(_ graph: Graph) {
    self.graph = graph
    var lastUse: [ValueID: Int] = [:]
    for (index, node) in graph.nodes.enumerated() {
      for case let id? in node.inputs + node.outputs { lastUse[id] = index }
    }
    for output in graph.outputs { lastUse[output] = nil }
    self.lastUse = lastUse
  }

  /// The graph's outputs for `inputs`, which are in the order of `graph.inputs`.
  ///
  /// `observe` sees every computed value once, before it is released: calibration and debugging hang on it.
  /// Errors: `.missingInput`, `.inputMismatch` (type), `.operatorFailed` with the node.
  public func run(
    _ inputs: [Tensor], observe: ((ValueID, Tensor) -> Void)? = nil
  ) throws(GraphError) -> [Tensor] {
    var tensors = try bind(inputs)
    if let observe { for id in graph.inputs { if let tensor = tensors[id] { observe(id, tensor) } } }
    for (index, node) in graph.nodes.enumerated() {
      let operands = node.inputs.map { id in id.flatMap { tensors[$0] ?? graph[$0].constant } }
      let results: [Tensor]
      do {
        results = try node.op.evaluate(operands)
      } catch {
        throw .operatorFailed(node: node.name, kind: node.kind, error)
      }
      for (output, result) in zip(node.outputs, results) {
        guard let output else { continue }
        tensors[output] = result
        observe?(output, result)
      }
      for case let id? in node.inputs + node.outputs where lastUse[id] == index { tensors[id] = nil }
    }
    return try collect(tensors)
  }

  private func bind(_ inputs: [Tensor]) throws(GraphError) -> [ValueID: Tensor] {
    var tensors: [ValueID: Tensor] = [:]
    for (slot, id) in graph.inputs.enumerated() {
      let value = graph[id]
      guard slot < inputs.count else { throw .missingInput(name: value.name) }
      if let info = value.info, info.dtype != inputs[slot].dtype {
        throw .inputMismatch(name: value.name, expected: "\(info.dtype.name)", found: "\(inputs[slot].dtype.name)")
      }
      tensors[id] = inputs[slot]
    }
    return tensors
  }

  private func collect(_ tensors: [ValueID: Tensor]) throws(GraphError) -> [Tensor] {
    var results: [Tensor] = []
    for output in graph.outputs {
      guard let tensor = tensors[output] ?? graph[output].constant else {
        throw .undefinedValue(node: "(graph output)", value: graph[output].name)
      }
      results.append(tensor)
    }
    return results
  }
}
