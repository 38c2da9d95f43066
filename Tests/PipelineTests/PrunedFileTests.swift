import Graph
import Packing
import Pruning
import Quantization
import Testing

/// What pruning earns in the packed file.
struct PrunedFileTests {
  @Test(arguments: [NetworkName.mnist, .dscnnKWS], Precision.allCases)
  func filesGetSmallerAtEverySparsity(_ name: NetworkName, _ precision: Precision) async throws {
    let network = try await Networks.shared.prepared(name)
    var bytes = [network.packed(precision).bytes.count]
    for sparsity in [0.5, 0.8, 0.9, 0.95] {
      let pruning = try WeightPruning(PruningOptions(sparsity: sparsity))
      var graph = try pruning.apply(pruning.plan(pruning.collect(from: network.graph)), to: network.graph).graph
      // Ranges of the unpruned network do: only the size counts here.
      if precision == .int8 { graph = try PreparedNetwork.quantized(graph, network.statistics, QuantizationOptions()) }
      bytes.append(try pack(graph).bytes.count)
    }
    #expect(zip(bytes, bytes.dropFirst()).allSatisfy { $0 > $1 }, "\(bytes)")
  }
}
