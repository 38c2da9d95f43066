import Datasets
import Foundation
import Graph
import HostTensors
import Measurement
import ONNX
import Packing
import Quantization
import Testing

/// The networks under models/.
enum NetworkName: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case dscnnKWS = "dscnn-kws"
  case resnet8 = "resnet8-cifar10"
  case resnet20 = "resnet20-cifar10"
  case mnist = "cntk-mnist"
  case vww = "mobilenetv1-0.25-vww"
  case imagenet = "mobilenetv1-0.25-imagenet"
  case autoencoder = "autoencoder-toyadmos"
  case armKWS = "arm-kws-cnn-s"
  case ultraface = "ultraface-rfb-320"

  var testDescription: String { rawValue }
  var folder: URL { Checkout.root.appendingPathComponent("models/\(rawValue)") }
  var onnxFile: URL { folder.appendingPathComponent("\(rawValue).onnx") }

  /// Those whose data carry labels that they were trained for, and that are compared with onnxruntime.
  static let judged: [NetworkName] = [.dscnnKWS, .resnet8, .resnet20, .mnist]
  /// MLPerf Tiny's four.
  static let mlperfTiny: [NetworkName] = [.dscnnKWS, .resnet8, .vww, .autoencoder]

  func data() throws -> Dataset { try Dataset(contentsOf: folder.appendingPathComponent("data.yaml").path) }
  func calibration() throws -> Dataset {
    try Dataset(contentsOf: folder.appendingPathComponent("calibration.yaml").path)
  }
}

enum Checkout {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  static let vectors = root.appendingPathComponent("Tests/PipelineTests/Vectors")
}

/// Which of a network's two packed files.
enum Precision: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case float, int8

  var testDescription: String { rawValue }
}

/// A network taken through import, calibration, quantization and packing.
struct PreparedNetwork: Sendable {
  let float: PackedModel
  let int8: PackedModel
  /// The float graph, simplified, and what calibration saw of it.
  let graph: Graph
  let statistics: CalibrationStatistics

  init(_ name: NetworkName) throws {
    var imported = try importONNX(contentsOf: name.onnxFile)
    try imported.inferShapes()
    graph = try simplified(imported).0
    let samples = try name.calibration()
    let shape = try #require(graph[graph.inputs[0]].info?.shape)
    statistics = try StaticQuantization().collect(from: graph, count: samples.count) { index in
      [try samples.sample(index, shapedFor: shape)]
    }
    float = try pack(graph)
    int8 = try pack(PreparedNetwork.quantized(graph, statistics, QuantizationOptions()))
  }

  static func quantized(
    _ graph: Graph, _ statistics: CalibrationStatistics, _ options: QuantizationOptions
  ) throws -> Graph {
    let pass = StaticQuantization(options)
    return try pass.apply(pass.plan(for: graph, from: statistics), to: graph)
  }

  func packed(_ precision: Precision) -> PackedModel {
    switch precision {
    case .float: float
    case .int8: int8
    }
  }

  func loaded(_ precision: Precision, instructionSet: String? = nil, threads: Int = 1) throws -> PackedNetwork {
    try PackedNetwork(Data(packed(precision).bytes), instructionSet: instructionSet, threads: threads)
  }
}

/// Prepares each network once for all tests.
actor Networks {
  static let shared = Networks()
  private var tasks: [NetworkName: Task<PreparedNetwork, any Error>] = [:]

  func prepared(_ name: NetworkName) async throws -> PreparedNetwork {
    let task = tasks[name] ?? Task.detached { try PreparedNetwork(name) }
    tasks[name] = task
    return try await task.value
  }
}

extension Tensor {
  /// A copy of the elements' bytes.
  var contents: [UInt8] { withBytes { Array($0) } }
}
