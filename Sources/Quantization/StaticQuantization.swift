import Graph
import HostTensors
import Operators
import TensorTypes

/// Static post-training quantization to int8: collect, plan, apply.
///
/// Weights become int8, symmetric, per output channel; activations 8-bit, affine, per tensor; biases int32.
/// The graph is one that was simplified (constants and batch normalization folded). The result computes in
/// float between QuantizeLinear and DequantizeLinear pairs, as ONNX writes quantized networks.
public struct StaticQuantization: Sendable {
  public var options: QuantizationOptions

  public init(_ options: QuantizationOptions = QuantizationOptions()) { self.options = options }

  /// Evaluates `graph` on each of `samples`, each one tensor per graph input, and remembers the ranges.
  ///
  /// Errors: as `collect(from:count:sample:)`.
  public func collect(
    from graph: Graph, over samples: some Sequence<[Tensor]>
  ) throws(QuantizationError) -> CalibrationStatistics {
    let collector = try Collector(graph)
    for sample in samples { try collector.add(sample) }
    return try collector.finish()
  }

  /// As `collect(from:over:)`, with samples read one at a time by index.
  ///
  /// Errors: what `sample` throws; `QuantizationError.alreadyQuantized`, `.noSamples`, `.graph`; and
  /// `.nonFinite` where a sample itself holds NaN or infinity.
  public func collect(
    from graph: Graph, count: Int, sample: (Int) throws -> [Tensor]
  ) throws -> CalibrationStatistics {
    let collector = try Collector(graph)
    for index in 0..<max(count, 0) { try collector.add(try sample(index)) }
    return try collector.finish()
  }

  /// Throws `.alreadyQuantized` where the graph holds 8-bit tensors.
  static func requireFloat(_ graph: Graph) throws(QuantizationError) {
    for node in graph.nodes {
      let types = (node.inputs + node.outputs).compactMap { $0.flatMap { graph[$0].info?.dtype } }
      if (node.kind == .quantizeLinear || node.kind == .dequantizeLinear) && types.contains(where: \.isQuantized) {
        throw .alreadyQuantized(node: node.name)
      }
    }
  }
}

/// Runs samples through a graph and observes them.
private final class Collector {
  private let evaluator: Evaluator
  private var statistics = CalibrationStatistics()

  init(_ graph: Graph) throws(QuantizationError) {
    try StaticQuantization.requireFloat(graph)
    evaluator = Evaluator(graph)
  }

  func add(_ sample: [Tensor]) throws(QuantizationError) {
    let graph = evaluator.graph
    do {
      _ = try evaluator.run(sample) { value, tensor in self.statistics.observe(tensor, name: graph[value].name) }
    } catch {
      throw .graph(error)
    }
    for input in graph.inputs {
      if let observer = statistics.observers[graph[input].name] { try observer.requireFinite(graph[input].name) }
    }
    statistics.finishSample()
  }

  func finish() throws(QuantizationError) -> CalibrationStatistics {
    guard statistics.sampleCount > 0 else { throw .noSamples }
    return statistics
  }
}

extension ActivationObserver {
  func requireFinite(_ name: String) throws(QuantizationError) {
    guard let sample = firstNonFiniteSample else { return }
    throw .nonFinite(value: name, sample: sample, nanCount: nanCount, infiniteCount: infiniteCount)
  }
}
