import Datasets
import Foundation
import Graph
import Measurement
import ONNX
import Packing

/// What a network is worth at one point of a pipeline: packed as it is then, and run by the device's own runtime.
public struct StageFigures: Codable, Sendable, Equatable {
  public var parameters: Int
  public var macs: Int
  public var onnxBytes: Int
  /// Of the whole .pare file.
  public var packedBytes: Int
  public var arenaBytes: Int
  /// Share of the test samples; nil where labels are no classes.
  public var accuracy: Double?
  /// Mean squared error, where the test data have targets instead.
  public var meanSquaredError: Double?
  /// Median of one inference on this machine, in microseconds.
  public var latency: Double

  private enum CodingKeys: String, CodingKey {
    case parameters, macs, accuracy
    case onnxBytes = "onnx_bytes"
    case packedBytes = "packed_bytes"
    case arenaBytes = "arena_bytes"
    case meanSquaredError = "mse"
    case latency = "latency_us"
  }
}

extension StageFigures {
  /// Packs the network of `onnx` into the file `packed` and measures it.
  ///
  /// `originalParameters` are those of the pipeline's first network; nil for that one itself. `ledger` becomes the table
  /// of where the packed bytes are.
  init(
    of onnx: String, packed: String, originalParameters: Int?, test: Dataset, specification: DatasetSpecification,
    ledger: inout String?
  ) throws(PipelineError) {
    var graph: Graph
    do throws(ONNXError) { graph = try importONNX(contentsOf: URL(fileURLWithPath: onnx)) } catch {
      throw .onnx(path: onnx, error)
    }
    do throws(GraphError) {
      try graph.inferShapes()
      parameters = graph.parameterCount
      macs = graph.multiplyAccumulates
      graph = try simplified(graph).0
    } catch { throw .graph(path: onnx, error) }
    var options = PackOptions(labelledBy: specification)
    options.originalParameters = originalParameters
    let model: PackedModel
    do throws(PackError) {
      model = try pack(graph, options: options)
      try model.write(to: URL(fileURLWithPath: packed))
    } catch { throw .pack(path: onnx, error) }
    onnxBytes = (try? FileManager.default.attributesOfItem(atPath: onnx)[.size] as? Int) ?? 0
    packedBytes = model.bytes.count
    arenaBytes = model.ledger.arenaBytes
    ledger = model.ledger.table
    let network: Network
    do throws(PackedNetworkError) {
      latency = try Benchmark(path: packed).run().latency.p50
      network = .packed(try PackedNetwork(contentsOf: packed))
    } catch { throw .packed(error) }
    do throws(EvaluationError) {
      let report = try Evaluation(network: network, dataset: test).run()
      accuracy = report.accuracy
      meanSquaredError = report.mse
    } catch { throw .evaluation(path: packed, error) }
  }
}
