import Graph
import HostTensors
import Operators
import Training

/// A network that answers samples with its scores, and with the features that a student is to match.
///
/// Each sample is evaluated on its own, several at once on the threads there are, so that an answer does not depend
/// on the samples around it: what is asked anew is bit for bit what was stored. A network that takes one sample
/// only can teach as well.
public struct Teacher: Sendable {
  /// What one answer consists of: the shapes of the scores and then of each feature, without the batch axis.
  public let shapes: [[Int]]
  private let evaluator: Evaluator
  private let input: ValueInfo

  /// Takes the scores that `loss` reads and the values named `features` of `graph`, whose shapes are inferred.
  ///
  /// Errors: `.teacherInterface`, `.unknownTensor`, `.teacher`.
  public init(_ graph: Graph, loss: Loss, features: [String] = []) throws(DistillationError) {
    guard graph.inputs.count == 1, let input = graph[graph.inputs[0]].info, let output = graph.outputs.first else {
      throw .teacherInterface(inputs: graph.inputs.count, outputs: graph.outputs.count)
    }
    var graph = graph
    let scores = graph.scores(of: output, for: loss)
    graph.outputs = [scores]
    for name in features { graph.outputs.append(try graph.computedValue(named: name, .teacher)) }
    graph.removeDeadNodes()
    do throws(GraphError) { graph = try simplified(graph).0 } catch { throw .teacher(error) }
    self.input = input
    evaluator = Evaluator(graph)
    shapes = graph.outputs.map { Array(graph[$0].info?.shape.dropFirst() ?? []) }
  }

  /// Numbers of one answer.
  public var answerWidth: Int { shapes.reduce(0) { $0 + $1.elementCount } }

  /// Throws `.teacherInput` unless samples of `shape` fit.
  func checkInput(_ shape: [Int]) throws(DistillationError) {
    guard input.shape.first == 1, input.shape.elementCount == shape.elementCount else {
      throw .teacherInput(expected: input.shape, found: shape)
    }
  }

  /// Writes the answers to `samples`, float32 [samples, ...], one row of `answerWidth` numbers after another.
  ///
  /// Errors: those of the operators, for the first sample that has one.
  func answer(_ samples: Tensor, into rows: UnsafeMutableBufferPointer<Float>) throws(GraphError) {
    let count = samples.shape[0]
    let width = answerWidth
    let sampleBytes = samples.byteCount / max(count, 1)
    var failures = [GraphError?](repeating: nil, count: count)
    failures.withUnsafeMutableBufferPointer { failures in
      samples.withBytes { bytes in
        Parallel.forEach(count) { index in
          let row = UnsafeMutableBufferPointer(rebasing: rows[index * width..<(index + 1) * width])
          let sample = UnsafeRawBufferPointer(rebasing: bytes[index * sampleBytes..<(index + 1) * sampleBytes])
          do throws(GraphError) { try answer(sample, into: row) } catch { failures[index] = error }
        }
      }
    }
    if let failure = failures.lazy.compactMap(\.self).first { throw failure }
  }

  private func answer(
    _ sample: UnsafeRawBufferPointer, into row: UnsafeMutableBufferPointer<Float>
  ) throws(GraphError) {
    let values = Tensor(dtype: .float32, shape: input.shape, storage: TensorStorage(copying: sample))
    let tensor = input.dtype.withElementType { values.converted(to: $0) }
    var start = 0
    for output in try evaluator.run([tensor]) {
      let numbers = output.converted(to: Float.self)
      numbers.withElements(as: Float.self) { numbers in
        _ = UnsafeMutableBufferPointer(rebasing: row[start..<start + numbers.count]).update(fromContentsOf: numbers)
      }
      start += numbers.count
    }
  }

  /// A hash of all that an answer depends on but the sample: operators, constants and what is asked for.
  func hash(into hash: inout StableHash) {
    let graph = evaluator.graph
    for node in graph.nodes {
      hash.add("\(node.kind.rawValue)(")
      for (name, value) in node.op.attributes.sorted(by: { $0.key < $1.key }) { hash.add(name, value) }
      for input in node.inputs { hash.add(input.map { graph[$0].name } ?? "-") }
      for output in node.outputs { hash.add(output.map { graph[$0].name } ?? "-") }
    }
    for constant in graph.liveConstants() {
      hash.add(graph[constant].name)
      if let tensor = graph[constant].constant { hash.add(tensor) }
    }
    for (output, shape) in zip(graph.outputs, shapes) { hash.add("\(graph[output].name)\(shape)") }
  }
}

extension StableHash {
  mutating func add(_ tensor: Tensor) {
    add("\(tensor.dtype)\(tensor.shape)")
    tensor.withBytes { add($0) }
  }

  fileprivate mutating func add(_ name: String, _ value: AttributeValue) {
    add(name)
    switch value {
    case .int(let number): add("\(number)")
    case .float(let number): add("\(number.bitPattern)")
    case .string(let text): add(text)
    case .ints(let numbers): add("\(numbers)")
    case .floats(let numbers): add("\(numbers.map(\.bitPattern))")
    case .strings(let texts): add("\(texts)")
    case .tensor(let tensor): add(tensor)
    }
  }
}

extension Graph {
  /// The computed value of that name, or else the first output of the node of that name.
  ///
  /// Errors: `.unknownTensor`.
  func computedValue(named name: String, _ role: DistillationError.Role) throws(DistillationError) -> ValueID {
    let computed = nodes.flatMap { $0.outputs.compactMap(\.self) }
    if let id = computed.first(where: { self[$0].name == name }) { return id }
    guard let id = nodes.first(where: { $0.name == name })?.outputs.first.flatMap(\.self) else {
      throw .unknownTensor(role, name: name, known: computed.map { self[$0].name })
    }
    return id
  }
}
