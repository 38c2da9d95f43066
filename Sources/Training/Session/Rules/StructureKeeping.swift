import Graph
import HostTensors

/// What earlier passes made of weights and training may keep.
public enum KeptStructure: String, CaseIterable, Sendable {
  /// Weights that are exactly zero stay so: what pruning made.
  case zeros
  /// Weights of one value stay equal, in tensors of at most 256 values: what weight sharing made.
  case codebooks
}

/// Trains within the structure that weights have at the start: zeros stay zero, shared values stay shared.
///
/// The gradient of a zero becomes 0, and that of a shared value the sum over all that share it, so that centroids
/// are trained as in Han, Mao and Dally, "Deep Compression", 2016. As every optimizer, penalty and average does the
/// same operations on each weight, state that begins equal stays equal, bit for bit, and nothing needs to be
/// repaired after a step. Looks at tensors that regularization counts as weights, and there alone.
public final class StructureKeeping: WeightRule {
  private enum Structure {
    /// For each weight, 0 where it is zero and 1 elsewhere.
    case zeros(kept: [UInt8])
    /// `still` is the place of a value that keeps its zero.
    case codebook(Codebook, still: Int?)
  }

  private let kinds: Set<KeptStructure>
  private let exceptions: Set<ValueID>
  private var tensors: [(slice: ParameterSlice, structure: Structure)] = []

  /// Keeps `kinds`, but not in `exceptions`: factors that begin at zero and are to leave it.
  public init(_ kinds: Set<KeptStructure>, except exceptions: Set<ValueID> = []) {
    self.kinds = kinds
    self.exceptions = exceptions
  }

  /// Names of the tensors in which something is kept.
  public var keptNames: [String] { tensors.map(\.slice.name) }

  /// Finds what there is to keep in the weights of `store`.
  public func prepare(_ store: ParameterStore, stepCount: Int) {
    tensors = store.slices.filter { $0.isTrained && $0.isDecayed && !exceptions.contains($0.value) }.compactMap {
      slice in structure(of: UnsafeMutableBufferPointer(rebasing: store.values[slice.range])).map { (slice, $0) }
    }
  }

  private func structure(of weights: UnsafeMutableBufferPointer<Float>) -> Structure? {
    if kinds.contains(.codebooks), let codebook = Codebook(of: weights) {
      return .codebook(codebook, still: kinds.contains(.zeros) ? codebook.values.firstIndex(of: 0) : nil)
    }
    guard kinds.contains(.zeros), weights.contains(0) else { return nil }
    return .zeros(kept: weights.map { $0 == 0 ? 0 : 1 })
  }

  public func prepareGradients(_ store: ParameterStore, step: Int) {
    Parallel.forEach(tensors.count) { index in
      let (slice, structure) = tensors[index]
      let gradients = UnsafeMutableBufferPointer(rebasing: store.gradients[slice.range])
      switch structure {
      // A product, so that a gradient that is not finite stays one and is found.
      case .zeros(let kept): for i in gradients.indices { gradients[i] *= Float(kept[i]) }
      case .codebook(let codebook, let still): codebook.shareSums(gradients, still: still)
      }
    }
  }
}

extension Codebook {
  /// Replaces every gradient by the sum over its value's weights; at `still` by 0.
  ///
  /// Four sums of each value in turn, as one would wait for itself; added in one order on any number of threads.
  fileprivate func shareSums(_ gradients: UnsafeMutableBufferPointer<Float>, still: Int?) {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: 4 * values.count) { sums in
      sums.initialize(repeating: 0)
      let lanes = values.count
      indices.withUnsafeBufferPointer { indices in
        for i in gradients.indices { sums[(i & 3) * lanes + Int(indices[i])] += Double(gradients[i]) }
        withUnsafeTemporaryAllocation(of: Float.self, capacity: lanes) { totals in
          for value in 0..<lanes {
            let sum = (sums[value] + sums[lanes + value]) + (sums[2 * lanes + value] + sums[3 * lanes + value])
            totals[value] = Float(value == still ? sum * 0 : sum)
          }
          for i in gradients.indices { gradients[i] = totals[Int(indices[i])] }
        }
      }
    }
  }
}
