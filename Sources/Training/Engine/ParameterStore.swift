import Graph
import HostTensors
import Operators

/// One trained tensor: its place in the flat buffers of a `ParameterStore`.
public struct ParameterSlice: Sendable, Equatable {
  public let name: String
  public let value: ValueID
  public let shape: [Int]
  /// Floats of the buffers that hold it, in row-major order.
  public let range: Range<Int>
  /// Whether L1 and L2 regularization apply: to weights, not to biases, scales and shifts.
  public let isDecayed: Bool
  /// Whether training changes it; what is frozen keeps a gradient of zero.
  public var isTrained: Bool
}

/// The trained numbers of a graph in one buffer of floats, and their gradients in another of the same layout.
///
/// Optimizers, clipping, averages and checkpoints are loops over these buffers. Each tensor begins on
/// a 64-byte line; what pads it stays 0. Statistics that the forward pass keeps (the running mean and
/// variance of a batch normalization) are not trained and are held as tensors.
public final class ParameterStore {
  public private(set) var slices: [ParameterSlice]
  /// Floats of each buffer.
  public let count: Int
  public let values: UnsafeMutableBufferPointer<Float>
  public let gradients: UnsafeMutableBufferPointer<Float>
  /// The current running statistics, by the constant that the graph began with.
  public var statistics: [ValueID: Tensor] = [:]
  private let storage: TensorStorage
  private let gradientStorage: TensorStorage
  private let sliceOfValue: [ValueID: Int]
  private let views: [Tensor]
  private var isWritten: [Bool]

  /// Copies the values of `parameters` out of `graph`.
  public init(_ graph: Graph, parameters: [GraphParameter]) {
    var slices: [ParameterSlice] = []
    var start = 0
    for parameter in parameters {
      let count = parameter.shape.elementCount
      slices.append(
        ParameterSlice(
          name: graph[parameter.value].name, value: parameter.value, shape: parameter.shape,
          range: start..<start + count, isDecayed: parameter.isDecayed, isTrained: true))
      start += (count + 15) & ~15
    }
    let byteCount = start * MemoryLayout<Float>.stride
    let storage = TensorStorage(zeroedByteCount: byteCount)
    let gradientStorage = TensorStorage(zeroedByteCount: byteCount)
    self.storage = storage
    self.gradientStorage = gradientStorage
    self.slices = slices
    count = start
    values = storage.floats(count: start)
    gradients = gradientStorage.floats(count: start)
    sliceOfValue = Dictionary(uniqueKeysWithValues: slices.enumerated().map { ($1.value, $0) })
    views = slices.map { slice in
      let bytes = UnsafeRawBufferPointer(
        rebasing: storage.bytes[slice.range.lowerBound * 4..<slice.range.upperBound * 4])
      return Tensor(dtype: .float32, shape: slice.shape, storage: TensorStorage(bytes: bytes, owner: storage))
    }
    isWritten = [Bool](repeating: false, count: slices.count)
    for slice in slices {
      graph[slice.value].constant?.withElements(as: Float.self) { source in
        _ = UnsafeMutableBufferPointer(rebasing: values[slice.range]).update(fromContentsOf: source)
      }
    }
  }

  /// Trained numbers, the padding not counted.
  public var trainedCount: Int { slices.reduce(0) { $0 + ($1.isTrained ? $1.range.count : 0) } }

  /// The value as training has it now; nil where the store does not hold it.
  ///
  /// A parameter's tensor looks at the live buffer: it shows every later step.
  public func tensor(_ value: ValueID) -> Tensor? {
    if let index = sliceOfValue[value] { return views[index] }
    return statistics[value]
  }

  public func slice(of value: ValueID) -> ParameterSlice? { sliceOfValue[value].map { slices[$0] } }

  /// Freezes every parameter that `isTrained` refuses.
  public func restrictTraining(_ isTrained: (ParameterSlice) -> Bool) {
    for index in slices.indices { slices[index].isTrained = isTrained(slices[index]) }
  }

  /// Replaces all values; `newValues` holds `count` floats.
  func replaceValues(_ newValues: [Float]) {
    precondition(newValues.count == count, "\(newValues.count) values for \(count) parameters")
    _ = values.update(fromContentsOf: newValues)
  }

  /// Makes room for the gradients of one backward pass.
  func beginGradients() {
    for index in isWritten.indices { isWritten[index] = false }
  }

  /// Adds to the gradient of a parameter; the first one after `beginGradients()` replaces what stood there.
  func addGradient(_ gradient: Tensor, of value: ValueID) {
    guard let index = sliceOfValue[value], slices[index].isTrained else { return }
    let target = UnsafeMutableBufferPointer(rebasing: gradients[slices[index].range])
    gradient.withElements(as: Float.self) { source in
      if isWritten[index] {
        for element in target.indices { target[element] += source[element] }
      } else {
        _ = target.update(fromContentsOf: source)
      }
    }
    isWritten[index] = true
  }

  /// Gives a gradient of zero to what the backward pass did not reach.
  func finishGradients() {
    for (index, slice) in slices.enumerated() where !isWritten[index] {
      UnsafeMutableBufferPointer(rebasing: gradients[slice.range]).update(repeating: 0)
    }
  }

  /// The graph with the present values as constants: copies, which later steps do not change.
  public func writing(to graph: Graph) -> Graph {
    var graph = graph
    for slice in slices {
      let elements = Array(UnsafeBufferPointer(rebasing: values[slice.range]))
      graph[slice.value].info = ValueInfo(Tensor(shape: slice.shape, elements: elements))
    }
    for (value, tensor) in statistics { graph[value].info = ValueInfo(tensor) }
    return graph
  }

  /// The graph with constants that look at the live buffer, for evaluation between steps.
  public func bound(to graph: Graph) -> Graph {
    var graph = graph
    for (index, slice) in slices.enumerated() { graph[slice.value].info = ValueInfo(views[index]) }
    for (value, tensor) in statistics { graph[value].info = ValueInfo(tensor) }
    return graph
  }
}

extension ParameterStore {
  /// Takes the running statistics that a checkpoint holds of `graph`.
  func restoreStatistics(of graph: Graph, from checkpoint: Checkpoint, prefix: String) {
    statistics = checkpoint.statistics(of: graph, prefix: prefix)
  }
}

extension Checkpoint {
  /// The buffers of which names behind `prefix` are those of constants of `graph`.
  func statistics(of graph: Graph, prefix: String) -> [ValueID: Tensor] {
    var statistics: [ValueID: Tensor] = [:]
    for case let id? in graph.nodes.flatMap(\.inputs) {
      guard let constant = graph[id].constant, let saved = buffers[prefix + graph[id].name],
        saved.count == constant.count
      else { continue }
      statistics[id] = Tensor(shape: constant.shape, elements: saved)
    }
    return statistics
  }
}

extension TensorStorage {
  /// The first `count` floats, to be written.
  func floats(count: Int) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(
      start: UnsafeMutableRawPointer(mutating: bytes.baseAddress!).assumingMemoryBound(to: Float.self), count: count)
  }
}
