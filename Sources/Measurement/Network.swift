import Graph
import HostTensors
import TensorTypes

/// A network to evaluate: an ONNX graph by the operators' reference semantics, or a packed model by the runtime.
public enum Network {
  case graph(Evaluator)
  case packed(PackedNetwork)

  public struct Interface: Sendable {
    public var name: String
    public var dtype: DType
    public var shape: [Int]
  }

  public var inputs: [Interface] {
    switch self {
    case .graph(let evaluator): Network.interfaces(evaluator.graph, evaluator.graph.inputs)
    case .packed(let network): network.inputs.map { Interface(name: $0.name, dtype: $0.dtype, shape: $0.shape) }
    }
  }

  public var outputs: [Interface] {
    switch self {
    case .graph(let evaluator): Network.interfaces(evaluator.graph, evaluator.graph.outputs)
    case .packed(let network): network.outputs.map { Interface(name: $0.name, dtype: $0.dtype, shape: $0.shape) }
    }
  }

  private static func interfaces(_ graph: Graph, _ ids: [ValueID]) -> [Interface] {
    ids.map { id in
      Interface(
        name: graph[id].name, dtype: graph[id].info?.dtype ?? .float32, shape: graph[id].info?.shape ?? [])
    }
  }

  /// The outputs for one sample.
  public func run(_ inputs: [Tensor]) throws(NetworkError) -> [Tensor] {
    switch self {
    case .graph(let evaluator):
      do throws(GraphError) { return try evaluator.run(inputs) } catch { throw .graph(error) }
    case .packed(let network):
      do throws(PackedNetworkError) { return try network.run(inputs) } catch { throw .packed(error) }
    }
  }
}

public enum NetworkError: Error, Sendable {
  case graph(GraphError)
  case packed(PackedNetworkError)
}
