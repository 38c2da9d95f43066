import Graph
import HostTensors
import Operators

/// LoRA: a frozen weight plus a trained product of two thin matrices, W + (alpha / rank) B A.
///
/// A begins random and B at zero, so training starts from the network as it is. Of dense layers, 1x1
/// convolutions and the products of attention. Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language
/// Models", 2021.
public struct LowRankAdaptation: Sendable {
  public var rank: Int
  public var alpha: Float
  /// Names of the weights to adapt, as patterns; empty for all that can be.
  public var patterns: [String]
  /// Whether the update is 0 where the weight is.
  public var keepsZeros: Bool
  public var seed: UInt64

  public init(
    rank: Int, alpha: Float? = nil, patterns: [String] = [], keepsZeros: Bool = false, seed: UInt64 = 0
  ) {
    self.rank = rank
    self.alpha = alpha ?? Float(rank)
    self.patterns = patterns
    self.keepsZeros = keepsZeros
    self.seed = seed
  }

  /// A graph with adapted weights, and what leads back from it.
  public struct Adapted: Sendable {
    public var graph: Graph
    /// For each adapted weight, the value that stands for it and the two factors.
    public var weights: [(weight: ValueID, merged: ValueID, factors: [ValueID])]
    public var factors: Set<ValueID> { Set(weights.flatMap(\.factors)) }
  }

  /// Puts the sum W + (alpha / rank) B A in the place of each chosen weight.
  ///
  /// Errors: `.nothingSelected` where there is no such weight.
  public func adapt(_ graph: Graph) throws(TrainingError) -> Adapted {
    let chosen = graph.parameters().map(\.value).filter { id in
      isAdaptable(id, in: graph)
        && (patterns.isEmpty || patterns.contains { ParameterSelection.matches(graph[id].name, $0) })
    }
    guard !chosen.isEmpty else {
      throw .nothingSelected(
        patterns: patterns,
        known: graph.parameters().map(\.value).filter { isAdaptable($0, in: graph) }.map { graph[$0].name })
    }
    var adapted = Adapted(graph: graph, weights: [])
    do throws(GraphError) {
      for weight in chosen { try adapt(weight, &adapted) }
      try adapted.graph.sortTopologically()
      try adapted.graph.inferShapes()
    } catch { throw .graph(error) }
    return adapted
  }

  /// The original graph with each weight replaced by its trained sum.
  ///
  /// `trained` is the adapted graph after training. Errors: `.graph`.
  public func merge(_ adapted: Adapted, trained: Graph, into original: Graph) throws(TrainingError) -> Graph {
    var result = original
    // Statistics of normalizations have changed too. What the adapted graph added comes behind the original's values.
    for constant in original.liveConstants() { result[constant].info = trained[constant].info }
    var sums = trained
    sums.inputs = []
    sums.outputs = adapted.weights.map(\.merged)
    sums.removeDeadNodes()
    do throws(GraphError) {
      for (entry, sum) in zip(adapted.weights, try Evaluator(sums).run([])) {
        result[entry.weight].info = ValueInfo(sum)
      }
    } catch { throw .graph(error) }
    return result
  }

  /// A matrix, or the kernel of a 1x1 convolution without groups, wider than the rank.
  private func isAdaptable(_ id: ValueID, in graph: Graph) -> Bool {
    guard let shape = graph[id].constant?.shape, shape.count >= 2, shape.dropFirst(2).allSatisfy({ $0 == 1 }),
      min(shape[0], shape[1]) > rank
    else { return false }
    return graph.nodes.contains { node in
      guard node.inputs.contains(id) else { return false }
      if let conv = node.op as? Conv { return conv.group == 1 && node.inputs[1] == id }
      return (node.kind == .gemm && node.inputs[1] == id) || node.kind == .matMul
    }
  }

  private func adapt(_ weight: ValueID, _ adapted: inout Adapted) throws(GraphError) {
    let name = adapted.graph[weight].name
    let shape = adapted.graph[weight].constant?.shape ?? []
    let first = adapted.graph.addConstant(name: "\(name).lora_a", initialFactor(columns: shape[1], name: name))
    let second = adapted.graph.addConstant(
      name: "\(name).lora_b", Tensor(shape: [shape[0], rank], repeating: Float(0)))
    let readers = adapted.graph.nodes.indices.filter { adapted.graph.nodes[$0].inputs.contains(weight) }
    func append(_ opType: String, _ inputs: [ValueID?], _ suffix: String) throws(GraphError) -> ValueID {
      let op: any Operator
      do throws(OperatorError) { op = try makeOperator(NodeDefinition(opType: opType, inputCount: inputs.count)) } catch
      {
        throw .operatorFailed(node: "\(name).\(suffix)", kind: .matMul, error)
      }
      return try adapted.graph.append(op, name: "\(name).\(suffix)", inputs: inputs, output: "\(name).\(suffix)")
    }
    let scale = adapted.graph.addConstant(name: "\(name).lora_scale", Tensor(scalar: alpha / Float(rank)))
    var update = try append("Mul", [try append("MatMul", [second, first], "lora_product"), scale], "lora_update")
    if shape.count > 2 {
      let extents = Tensor(shape: [shape.count], elements: shape.map { Int64($0) })
      let target = adapted.graph.addConstant(name: "\(name).lora_shape", extents)
      update = try append("Reshape", [update, target], "lora_kernel")
    }
    if keepsZeros, let kept = adapted.graph[weight].constant?.floats, kept.contains(0) {
      let mask = adapted.graph.addConstant(
        name: "\(name).lora_mask", Tensor(shape: shape, elements: kept.map { $0 == 0 ? 0 : 1 } as [Float]))
      update = try append("Mul", [update, mask], "lora_masked")
    }
    let merged = try append("Add", [weight, update], "lora_merged")
    for index in readers {
      adapted.graph.nodes[index].inputs = adapted.graph.nodes[index].inputs.map { $0 == weight ? merged : $0 }
    }
    adapted.weights.append((weight, merged, [first, second]))
  }

  /// Uniform in +-1/sqrt(columns), as the paper's implementation draws A.
  private func initialFactor(columns: Int, name: String) -> Tensor {
    var stream = ParameterStream(seed: seed, name: "\(name).lora_a")
    let bound = 1 / Double(columns).squareRoot()
    return Tensor(
      shape: [rank, columns],
      elements: (0..<rank * columns).map { _ in Float(bound * (2 * stream.unit() - 1)) })
  }
}
