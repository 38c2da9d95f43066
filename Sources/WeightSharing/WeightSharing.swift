import Graph
import HostTensors
import Operators
import Training

/// What weights are to share.
public struct SharingOptions: Sendable, Equatable {
  /// Bits of a place in the codebook: 1 to 8.
  public var bits: Int
  /// Bits for weights whose name a pattern of `*` and `?` matches, the last match counting; 0 leaves them alone.
  public var layers: [LayerBits] = []
  /// Bits for biases, scales and shifts; nil leaves them alone. Training does not keep these shared.
  public var biasBits: Int?

  public init(bits: Int) { self.bits = bits }

  public struct LayerBits: Sendable, Equatable {
    public var pattern: String
    public var bits: Int

    public init(_ pattern: String, _ bits: Int) {
      self.pattern = pattern
      self.bits = bits
    }
  }
}

/// Why weights cannot be shared as asked.
public enum SharingError: Error, Sendable, Equatable {
  /// Bits outside of 1...8 (0...8 for layers).
  case bits(Int)
  /// No tensor counts as a weight: convolutions, products, recurrences and embeddings in float32.
  case noWeights
  /// A pattern of names that matches no tensor; `known` lists them.
  case nothingNamed(pattern: String, known: [String])
  case notFinite(tensor: String)
}

/// Weight sharing: every weight becomes one of a few values of its tensor (Han, Mao and Dally, "Deep Compression",
/// 2016). Zeros stay zero and are a value of their own.
///
/// Packing stores such tensors as palettes; training keeps values shared (`StructureKeeping`) and so tunes them.
public struct WeightSharing: Sendable {
  public let options: SharingOptions

  /// Errors: `.bits`.
  public init(_ options: SharingOptions) throws(SharingError) {
    for bits in [options.bits] + [options.biasBits].compactMap({ $0 }) where !(1...8).contains(bits) {
      throw .bits(bits)
    }
    for layer in options.layers where !(0...8).contains(layer.bits) { throw .bits(layer.bits) }
    self.options = options
  }

  /// One tensor that weights may be shared in.
  public struct Candidate: Sendable {
    let value: ValueID
    public let name: String
    public let shape: [Int]
    /// A bias, a scale or a shift rather than a matrix or a kernel.
    public let isBias: Bool
    let weights: [Float]
  }

  /// The tensors of `graph` that count as weights, and the biases where they are asked for.
  ///
  /// Errors: `.noWeights`, `.notFinite`.
  public func collect(from graph: Graph) throws(SharingError) -> [Candidate] {
    let candidates = graph.parameters().filter { $0.isDecayed || options.biasBits != nil }.map { parameter in
      Candidate(
        value: parameter.value, name: graph[parameter.value].name, shape: parameter.shape,
        isBias: !parameter.isDecayed, weights: graph[parameter.value].constant?.floats ?? [])
    }
    guard !candidates.isEmpty else { throw .noWeights }
    for candidate in candidates where !candidate.weights.allSatisfy(\.isFinite) {
      throw .notFinite(tensor: candidate.name)
    }
    return candidates
  }

  /// The codebook of one tensor.
  public struct Codebook: Sendable {
    public let candidate: Candidate
    /// Bits asked for; 0 where the tensor is left alone.
    public let bits: Int
    let clustering: ScalarClustering?
  }

  /// A codebook for every candidate.
  ///
  /// A tensor gets 2^bits values beside zero, but no more than packing and training can tell from chance: 256 with
  /// zero, which pruning may yet add, and eight weights for each (biases excepted). Errors: `.nothingNamed`.
  public func plan(_ candidates: [Candidate]) throws(SharingError) -> [Codebook] {
    for layer in options.layers
    where !candidates.contains(where: { ParameterSelection.matches($0.name, layer.pattern) }) {
      throw .nothingNamed(pattern: layer.pattern, known: candidates.map(\.name))
    }
    return candidates.map { candidate in
      let named = options.layers.last { ParameterSelection.matches(candidate.name, $0.pattern) }
      let bits = named?.bits ?? (candidate.isBias ? options.biasBits ?? 0 : options.bits)
      let others = candidate.weights.filter { $0 != 0 }
      guard bits > 0, !others.isEmpty else { return Codebook(candidate: candidate, bits: bits, clustering: nil) }
      let telling = candidate.isBias ? 256 : min(256, candidate.weights.count / 8)
      let count = max(1, min(1 << bits, telling - 1))
      return Codebook(candidate: candidate, bits: bits, clustering: ScalarClustering(others, count: count))
    }
  }

  /// The graph with every weight replaced by its centroid, and what that made of each tensor.
  public func apply(_ plan: [Codebook], to graph: Graph) -> (graph: Graph, report: SharingReport) {
    var shared = graph
    var layers: [SharingReport.Layer] = []
    for codebook in plan {
      let candidate = codebook.candidate
      var weights = candidate.weights
      if let clustering = codebook.clustering {
        // -0 becomes 0, which packing stores best.
        weights = weights.map { $0 == 0 ? 0 : clustering.centroid(of: $0) }
        shared[candidate.value].info = ValueInfo(Tensor(shape: candidate.shape, elements: weights))
      }
      layers.append(SharingReport.Layer(codebook, weights))
    }
    return (shared, SharingReport(layers: layers))
  }

  /// Collects, plans and applies.
  public func applied(to graph: Graph) throws(SharingError) -> (graph: Graph, report: SharingReport) {
    apply(try plan(collect(from: graph)), to: graph)
  }
}
