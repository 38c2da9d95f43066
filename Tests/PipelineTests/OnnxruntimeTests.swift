import Datasets
import Foundation
import Graph
import HostTensors
import Measurement
import ModelFormat
import ONNX
import Packing
import Quantization
import Testing

/// Packed integer networks against the values that onnxruntime 1.31.1 computed with its QLinear kernels
/// (Vectors/README.md): no other tool is needed here.
struct OnnxruntimeTests {
  /// The recorded network is packed, not one quantized now, so that the comparison is exact on any machine.
  @Test(arguments: NetworkName.judged)
  func lastQuantizedTensorEqualsOnnxruntimes(_ name: NetworkName) throws {
    let packed = try pack(try RecordedNetwork.graph(name))
    let network = try PackedNetwork(Data(packed.bytes))
    let expected = try Npy.read(Checkout.vectors.appendingPathComponent("\(name.rawValue).npy").path)
    let data = try name.data()
    let shape = network.inputs[0].shape
    let model = network.model
    let floats = try #require((0..<model.stepCount).last { model.stepCode($0) == .dequantize })
    try #require(expected.shape[0] == data.count)
    let values = expected.elements(as: UInt8.self)
    let width = expected.shape[1]
    var different = 0
    var greatest = 0
    for index in 0..<data.count {
      try data.sample(index, shapedFor: shape).withBytes { model.inputBytes(0).copyMemory(from: $0) }
      for step in 0..<floats { model.runStep(step) }
      let found = model.stepOutput(floats - 1)
      try #require(found.count == width)
      for column in 0..<width where found[column] != values[index * width + column] {
        different += 1
        greatest = max(greatest, abs(Int(found[column]) - Int(values[index * width + column])))
      }
    }
    let advice: Comment = "python3 Benchmarks/onnxruntime/compare_values.py names the layer"
    #expect(Double(different) <= 0.001 * Double(values.count), advice)
    #expect(greatest <= 1, advice)
  }

  /// Calibration sums floats in the order of the machine's BLAS, so scales may differ by some units in the last
  /// place: 1e-4 is far above that, and far below what another method or data set would change.
  @Test(arguments: NetworkName.judged)
  func quantizingNowGivesTheRecordedNetwork(_ name: NetworkName) async throws {
    let network = try await Networks.shared.prepared(name)
    var options = QuantizationOptions()
    options.method = .minMax
    let now = RecordedNetwork.constants(
      try PreparedNetwork.quantized(network.graph, network.statistics, options))
    let recorded = RecordedNetwork.constants(try RecordedNetwork.imported(name))
    let advice: Comment = """
      The quantizer no longer gives the network that onnxruntime's values belong to. If that is meant: make build && \
      python3 Benchmarks/onnxruntime/record_vectors.py
      """
    try #require(Set(now.keys) == Set(recorded.keys), advice)
    for (key, tensor) in recorded {
      let other = try #require(now[key])
      try #require(tensor.shape == other.shape && tensor.dtype == other.dtype, "\(key): \(advice)")
      let slack = tensor.dtype == .float32 ? 0.0 : 1.0
      let differs = zip(
        tensor.converted(to: Double.self).elements(as: Double.self),
        other.converted(to: Double.self).elements(as: Double.self)
      ).contains { abs($0 - $1) > 1e-4 * abs($0) + slack }
      #expect(!differs, "\(key): \(advice)")
    }
  }
}

/// A quantized network as it was when onnxruntime's values were recorded.
enum RecordedNetwork {
  static func imported(_ name: NetworkName) throws -> Graph {
    try importONNX(contentsOf: Checkout.vectors.appendingPathComponent("\(name.rawValue).int8.onnx"))
  }

  static func graph(_ name: NetworkName) throws -> Graph {
    var graph = try imported(name)
    try graph.inferShapes()
    return try simplified(graph).0
  }

  /// Scales, zero points, weights and biases of all conversions, by node and input.
  static func constants(_ graph: Graph) -> [String: Tensor] {
    var constants: [String: Tensor] = [:]
    for node in graph.nodes where node.kind == .quantizeLinear || node.kind == .dequantizeLinear {
      for (slot, value) in node.inputs.enumerated() {
        if let tensor = value.flatMap({ graph[$0].constant }) { constants["\(node.name), input \(slot)"] = tensor }
      }
    }
    return constants
  }
}
