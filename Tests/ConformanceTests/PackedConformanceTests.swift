import Foundation
import Graph
import HostTensors
import Measurement
import Operators
import Packing
import Testing

/// ONNX's operator tests through packing and the device's runtime.
@Suite struct PackedConformanceTests {
  @Test func packedRuntimePassesEveryCaseThatPacks() throws {
    let report = ConformanceReport(judgedBy: "pack + Runtime")
    let outcome = try report.run(ConformanceCase.shipped(), excluded: hostExclusions, judge: packedOutputs)
    #expect(outcome.failed == 0)
    // Far more than half of the suite has a type and a form that the device computes.
    #expect(outcome.passed > outcome.skipped)
  }

  /// Packs the graph with the inputs that decide shapes bound, runs it, and gives the outputs.
  private func packedOutputs(_ graph: Graph, _ inputs: [Tensor]) throws -> [Tensor] {
    let (bound, tensors) = try bindingParameters(graph.bindingShapeInputs(inputs))
    let (simple, _) = try simplified(bound)
    let packed: PackedModel
    do throws(PackError) {
      packed = try pack(simple)
    } catch {
      switch error {
      case .unsupported(_, let kind, let reason): throw ConformanceSkip(reason: "\(kind.rawValue): \(reason)")
      case .unsupportedType(_, let dtype): throw ConformanceSkip(reason: "the device does not store \(dtype.name)")
      case .unsupportedExtent(_, let shape): throw ConformanceSkip(reason: "the device has no tensor of shape \(shape)")
      case .graph, .selfCheckFailed, .compressionFailed, .tooLarge, .writeFailed: throw error
      }
    }
    return try PackedNetwork(Data(packed.bytes)).run(tensors)
  }

  /// The bounds of a Clip and the weights of a recurrent layer are part of their steps, as a compiled network has
  /// them; ONNX's tests give them as inputs.
  private func bindingParameters(_ bound: (graph: Graph, inputs: [Tensor])) throws -> (Graph, [Tensor]) {
    var graph = bound.graph
    var given = Dictionary(uniqueKeysWithValues: zip(graph.inputs, bound.inputs))
    for node in graph.nodes {
      let isRecurrent = [.lstm, .gru, .rnn].contains(node.kind)
      guard isRecurrent || node.kind == .clip else { continue }
      for case let id? in node.inputs.dropFirst().prefix(isRecurrent ? 3 : 2) {
        if let tensor = given.removeValue(forKey: id) { graph[id].info = ValueInfo(tensor) }
      }
    }
    let remaining = graph.inputs.filter { given[$0] != nil }
    graph.inputs = remaining
    try graph.inferShapes()
    return (graph, remaining.compactMap { given[$0] })
  }
}
