import Datasets
import Graph
import HostTensors
import Operators
import Testing
import Training

/// The tape's gradients of whole networks against central differences of the loss.
struct TapeTests {
  /// Networks that reuse values, broadcast, normalize and recur.
  static let networks: [(name: String, yaml: String)] = [
    (
      "dense", "{ input: [3], layers: [dense: { units: 4, activation: sigmoid }, dense: { units: 2 }] }"
    ),
    (
      "convolutions",
      """
      { input: [2, 6, 6], layers: [conv: { filters: 3, kernel: 3, activation: tanh }, max_pool: 2, flatten, dense: 2] }
      """
    ),
    (
      "residual",
      """
      { input: [2, 5, 5], layers: [residual: { layers: [conv: { filters: 2, kernel: 3, padding: same }, batch_norm] },
        global_average_pool, dense: 2] }
      """
    ),
    ("recurrent", "{ input: [4, 3], layers: [lstm: 3, dense: 2] }"),
    ("encoder", "{ input: [4, 6], layers: [encoder: { heads: 2, feed_forward: 8 }, mean_over_time, dense: 2] }"),
  ]

  @Test(arguments: networks)
  func gradientsAreTheSlopesOfTheLoss(network: (name: String, yaml: String)) throws {
    let graph = try TestNetwork.graph(network.yaml)
    var random = SeededRandom(7)
    let shape = [5] + (graph[graph.inputs[0]].info?.shape.dropFirst() ?? [])
    let input = Tensor(shape: shape, elements: (0..<shape.elementCount).map { _ in Float(random.normal()) })
    let parameters = graph.parameters()
    let store = ParameterStore(graph, parameters: parameters)
    let tape = Tape(graph, outputs: graph.outputs, trained: Set(parameters.map(\.value)))
    #expect(tape.unreachable.isEmpty)
    let targets = Targets.classes([0, 1, 1, 0, 1])
    func loss() throws -> LossValue {
      let outputs = try tape.forward([input], store: store, seed: 1).outputs
      return try Loss.crossEntropy().evaluate(outputs: outputs[0], targets: targets)
    }
    let recording = try tape.forward([input], store: store, seed: 1)
    let value = try Loss.crossEntropy().evaluate(outputs: recording.outputs[0], targets: targets)
    try tape.backward(recording, outputGradients: [value.gradient], store: store)
    let gradients = Array(store.gradients)
    for slice in store.slices {
      for index in slice.range {
        let kept = store.values[index]
        // The loss is near 1 and rounds by some 1e-7, so a step of 2e-3 gives slopes to about 1e-4.
        let step: Float = 2e-3
        store.values[index] = kept + step
        let above = try loss().mean
        store.values[index] = kept - step
        let below = try loss().mean
        store.values[index] = kept
        let slope = (above - below) / Double(2 * step)
        #expect(
          abs(slope - Double(gradients[index])) <= 2e-3 + 0.02 * abs(slope),
          "\(network.name): \(slice.name)[\(index - slice.range.lowerBound)]: slope \(slope), gradient \(gradients[index])"
        )
      }
    }
  }

  /// What the way back does not need is released: the recording of a network without non-linearity is small.
  @Test func outputsDoNotDependOnTheRecording() throws {
    let graph = try TestNetwork.graph(Self.networks[1].yaml)
    let store = ParameterStore(graph, parameters: graph.parameters())
    let tape = Tape(graph, outputs: graph.outputs, trained: [])
    let input = Tensor(shape: [1, 2, 6, 6], repeating: Float(0.5))
    let taped = try tape.forward([input], store: store, seed: 1).outputs[0].floats
    let evaluated = try Evaluator(graph).run([input])[0].floats
    #expect(taped == evaluated)
  }
}

enum TestNetwork {
  static func graph(_ yaml: String, seed: UInt64 = 3) throws -> Graph {
    try Training.layeredGraph(yaml: yaml, seed: seed)
  }
}
