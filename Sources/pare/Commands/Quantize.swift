import ArgumentParser
import Datasets
import Foundation
import Graph
import HostTensors
import Measurement
import ONNX
import Operators
import Quantization

struct Quantize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Quantizes a trained network to int8 after watching it on calibration data.",
    discussion: """
      Writes an ONNX file with QuantizeLinear/DequantizeLinear pairs: int8 weights with a scale for each
      output channel, 8-bit activations with one scale each. Any tool that reads ONNX can check it.
      What has no integer form stays float and is listed with the reason. Memory does not grow with
      the number of calibration samples.

        pare quantize model.onnx --calibration calibration.yaml -o int8.onnx
        pare quantize model.onnx --calibration c.yaml --method percentile --percentile 99.9 -o int8.onnx
        pare quantize model.onnx --calibration c.yaml --keep-float 'head/*' -o int8.onnx
      """)

  enum Method: String, ExpressibleByArgument, CaseIterable { case minmax, percentile, mse, entropy }

  @Argument(help: "A float .onnx file.") var model: String
  @Option(help: "The calibration data set's YAML file.") var calibration: String
  @Option(name: [.customShort("o"), .customLong("output")], help: "The quantized .onnx file.") var path: String
  @Option(help: "How ranges are chosen: percentile, minmax, mse or entropy.") var method = Method.percentile
  @Option(help: "For --method percentile: the percentage of values kept.")
  var percentile = CalibrationMethod.defaultPercent
  @Option(help: "Leave nodes of this name in float; * and ? as in a shell; may be repeated.")
  var keepFloat: [String] = []
  @Option(help: "Leave operators of this kind in float, such as Softmax; may be repeated.")
  var keepFloatOperator: [String] = []
  @Flag(help: "Signed activations (int8) instead of unsigned ones (uint8).") var signedActivations = false
  @Flag(help: "Keep weight scales exact instead of rounding them up to bfloat16, which packs smaller.")
  var exactScales = false
  @OptionGroup var shapes: ShapeOptions
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard percentile > 50, percentile <= 100 else {
      throw ValidationError("--percentile: expected more than 50, at most 100, found \(percentile)")
    }
  }

  func run() throws {
    let graph = try Reading.simplifiedGraph(model, shapes: try shapes.parsed())
    let pass = StaticQuantization(try options())
    let (plan, quantized) = try quantize(graph, with: pass)
    do throws(ONNXError) { try exportONNX(quantized, to: URL(fileURLWithPath: path)) } catch {
      throw error.failure(file: path)
    }
    for warning in plan.warnings { Console.warning("\(warning)") }
    try output.print(plan, else: "\(plan)\n")
  }

  private func options() throws(CommandFailure) -> QuantizationOptions {
    var options = QuantizationOptions()
    switch method {
    case .minmax: options.method = .minMax
    case .percentile: options.method = .percentile(percentile)
    case .mse: options.method = .meanSquaredError
    case .entropy: options.method = .entropy
    }
    options.activationType = signedActivations ? .int8 : .uint8
    options.weightScales = exactScales ? .exact : .bfloat16
    options.keepFloat = keepFloat
    for name in keepFloatOperator {
      guard let kind = OperatorKind(rawValue: name) else {
        throw CommandFailure("--keep-float-operator \(name): there is no operator of that name", .usage)
      }
      options.keepFloatKinds.insert(kind)
    }
    return options
  }

  private func quantize(_ graph: Graph, with pass: StaticQuantization) throws -> (QuantizationPlan, Graph) {
    let samples = try CalibrationSamples(graph, dataset: try Reading.dataset(calibration), file: model)
    var progress = Progress("calibrating", total: samples.dataset.count)
    do {
      let statistics = try pass.collect(from: graph, count: samples.dataset.count) { index in
        progress.update(index + 1)
        return try samples.inputs(index)
      }
      let plan = try pass.plan(for: graph, from: statistics)
      return (plan, try pass.apply(plan, to: graph))
    } catch let error as QuantizationError {
      throw error.failure(file: model, calibration: calibration)
    } catch let error as DatasetError {
      throw CommandFailure("\(error)")
    }
  }
}

extension QuantizationPlan: Report {}

/// Calibration samples shaped for a network's input.
private struct CalibrationSamples {
  let dataset: Dataset
  private let shape: [Int]
  private let info: ValueInfo

  init(_ graph: Graph, dataset: Dataset, file: String) throws(CommandFailure) {
    guard graph.inputs.count == 1, let info = graph[graph.inputs[0]].info else {
      throw CommandFailure(
        "\(file): calibration feeds one input from the data set; the network has \(graph.inputs.count)", .usage)
    }
    self.dataset = dataset
    self.info = info
    shape = info.shape
  }

  func inputs(_ index: Int) throws(DatasetError) -> [Tensor] {
    [Evaluation.converted(try dataset.sample(index, shapedFor: shape), to: info.dtype)]
  }
}

extension QuantizationError {
  func failure(file: String, calibration: String) -> CommandFailure {
    switch self {
    case .alreadyQuantized(let node):
      CommandFailure("\(file): is quantized already (node '\(node)')", .unsupportedModel)
    case .noSamples: CommandFailure("\(calibration): holds no samples to calibrate on", .usage)
    case .nonFinite(let value, let sample, let nanCount, let infiniteCount):
      CommandFailure(
        "\(calibration): '\(value)' holds \(nanCount) NaN and \(infiniteCount) infinite values, first in sample \(sample)"
      )
    case .notObserved(let value): CommandFailure("\(file): calibration saw nothing of '\(value)'")
    case .planMismatch(let node): CommandFailure("\(file): the plan does not fit the node '\(node)'")
    case .graph(let error): error.failure(file: file)
    case .operatorRefused(let node, let error):
      CommandFailure("\(file): node '\(node)': \(error.sentence)", .unsupportedModel)
    }
  }
}
