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
    abstract: "Quantizes a trained network to 8 bits or fewer after watching it on calibration data.",
    discussion: """
      Writes an ONNX file with QuantizeLinear/DequantizeLinear pairs: int8 weights with a scale for each \
      output channel (one for all channels where weights share values), 8-bit activations with one scale each. \
      Any tool that reads ONNX can check it. \
      What has no integer form stays float and is listed with the reason. Memory does not grow with \
      the number of calibration samples.

      Weights of 6, 5 or 4 bits cost accuracy, which --adaround and --correct-biases win back from the same samples \
      without labels; they hold the samples and what flows between two layers in memory. Where there are labelled \
      samples, --train wins back more: weights, biases and steps are learned with the rounding in place, zeros \
      stay zero and shared values shared.

        pare quantize model.onnx --calibration calibration.yaml -o int8.onnx
        pare quantize model.onnx --calibration c.yaml --method percentile --percentile 99.9 -o int8.onnx
        pare quantize model.onnx --calibration c.yaml --keep-float 'head/*' -o int8.onnx
        pare quantize model.onnx --calibration c.yaml --weight-bits 4 --layer 'head/*=8' --adaround -o int4.onnx
        pare quantize model.onnx --calibration c.yaml --weight-bits 4 --train --data train.yaml -o int4.onnx
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
  @OptionGroup var widths: WeightWidthOptions
  @OptionGroup var repairs: RepairOptions
  @OptionGroup var training: AwareTrainingOptions
  @OptionGroup var shapes: ShapeOptions
  @OptionGroup var output: JSONOption

  func validate() throws {
    if training.isWanted && (repairs.correctBiases || repairs.adaround != nil) {
      throw ValidationError("--train: learns what --adaround and --correct-biases would repair; give one or the other")
    }
    guard percentile > 50, percentile <= 100 else {
      throw ValidationError("--percentile: expected more than 50, at most 100, found \(percentile)")
    }
  }

  /// The network with constants and normalizations folded, and ready for batches where it is to be trained.
  private func network() throws(CommandFailure) -> Graph {
    let graph = try Reading.simplifiedGraph(model, shapes: try shapes.parsed())
    guard training.isWanted else { return graph }
    do throws(GraphError) { return try trainingForm(of: graph) } catch { throw error.failure(file: model) }
  }

  func run() throws {
    let graph = try network()
    guard let result = try quantize(graph, with: StaticQuantization(try options())) else { return }
    do throws(ONNXError) {
      try exportONNX(result.graph, to: URL(fileURLWithPath: path), packsFourBits: widths.int4)
    } catch {
      throw error.failure(file: path)
    }
    for warning in result.plan.warnings { Console.warning("\(warning)") }
    try output.print(
      QuantizationReport(
        plan: result.plan, equalization: result.equalization, repair: result.repair, training: result.training),
      else: result.text)
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
    options.weightBits = try widths.bits()
    options.layerBits = try widths.layers()
    for name in keepFloatOperator {
      guard let kind = OperatorKind(rawValue: name) else {
        throw CommandFailure("--keep-float-operator \(name): there is no operator of that name", .usage)
      }
      options.keepFloatKinds.insert(kind)
    }
    return options
  }

  private struct Result {
    var plan: QuantizationPlan
    var graph: Graph
    var equalization: EqualizationReport?
    var repair: RepairReport?
    var training: TrainingReport?

    var text: String {
      [equalization?.text, repair?.text, training?.text].compactMap { $0 }.joined() + "\(plan)\n"
    }
  }

  private func quantize(_ graph: Graph, with pass: StaticQuantization) throws -> Result? {
    let samples = try CalibrationSamples(graph, dataset: try Reading.dataset(calibration), file: model)
    let equalized = repairs.equalize ? CrossLayerEqualization().apply(to: graph) : nil
    let graph = equalized?.graph ?? graph
    var progress = Progress("calibrating", total: samples.dataset.count)
    do {
      let statistics = try pass.collect(from: graph, count: samples.dataset.count) { index in
        progress.update(index + 1)
        return try samples.inputs(index)
      }
      let plan = try pass.plan(for: graph, from: statistics)
      if training.isWanted { return try train(graph, plan, equalized?.report, with: pass) }
      let repaired = try repair(graph, plan, samples)
      return Result(
        plan: plan, graph: try pass.apply(plan, to: repaired?.graph ?? graph), equalization: equalized?.report,
        repair: repaired?.report)
    } catch let error as QuantizationError {
      throw error.failure(file: model, calibration: calibration)
    } catch let error as DatasetError {
      throw CommandFailure("\(error)")
    }
  }

  private func train(
    _ graph: Graph, _ plan: QuantizationPlan, _ equalization: EqualizationReport?, with pass: StaticQuantization
  ) throws -> Result? {
    let network = try FakeQuantizedNetwork(graph, plan)
    let trained = try training.train(network, model: model, output: path, storage: pass.options.weightScales)
    guard let trained else { return nil }
    return Result(
      plan: trained.plan, graph: try pass.apply(trained.plan, to: trained.graph), equalization: equalization,
      training: trained.report)
  }

  private func repair(
    _ graph: Graph, _ plan: QuantizationPlan, _ samples: CalibrationSamples
  ) throws -> (graph: Graph, report: RepairReport)? {
    guard let repair = repairs.layerRepair(seed: training.tuning.seed) else { return nil }
    let inputs = try (0..<samples.dataset.count).map { try samples.inputs($0) }
    let layers = plan.nodes.count { $0.weight != nil }
    var progress = Progress("repairing", total: layers)
    return try repair.apply(plan, to: graph, samples: inputs) { done, _ in progress.update(done) }
  }
}

/// `--weight-bits` and `--layer`.
struct WeightWidthOptions: ParsableArguments {
  @Option(help: "Bits of a weight: 8, 6, 5 or 4.") var weightBits = 8
  @Option(
    name: .customLong("layer"),
    help: ArgumentHelp(
      "Bits of the weights of nodes of this name, such as 'head/*=8'; the last that matches counts; may be repeated.",
      valueName: "pattern=bits"))
  var layerBits: [String] = []
  @Flag(help: "Write weights of 4 bits as ONNX's INT4, two to a byte, which not every reader knows; else as INT8.")
  var int4 = false

  func validate() throws {
    guard !int4 || weightBits == 4 || layerBits.contains(where: { $0.hasSuffix("=4") }) else {
      throw ValidationError("--int4: no weight has 4 bits; give --weight-bits 4 or --layer PATTERN=4")
    }
  }

  func bits() throws(CommandFailure) -> WeightBits {
    guard let bits = WeightBits(rawValue: weightBits) else {
      throw CommandFailure("--weight-bits: expected 8, 6, 5 or 4, found \(weightBits)", .usage)
    }
    return bits
  }

  func layers() throws(CommandFailure) -> [LayerBits] {
    var layers: [LayerBits] = []
    for text in layerBits {
      // Node names may hold '=': the last one separates.
      guard let mark = text.lastIndex(of: "="), mark > text.startIndex,
        let bits = Int(text[text.index(after: mark)...]).flatMap(WeightBits.init(rawValue:))
      else { throw CommandFailure("--layer \(text): expected PATTERN=8, 6, 5 or 4", .usage) }
      layers.append(LayerBits(pattern: String(text[..<mark]), bits: bits))
    }
    return layers
  }
}

/// What wins accuracy back from calibration samples.
struct RepairOptions: ParsableArguments {
  @Flag(help: "Even out weights between layers first (cross-layer equalization).") var equalize = false
  @Flag(help: "Correct biases by what quantization shifts on average.") var correctBiases = false
  @Option(
    defaultAsFlag: 1_000,
    help: ArgumentHelp(
      "Learn which weights to round up and which down (AdaRound); 1000 iterations a layer if not given.",
      valueName: "iterations"))
  var adaround: Int?

  func validate() throws {
    if let adaround, !(1...1_000_000).contains(adaround) {
      throw ValidationError("--adaround: expected 1 to 1000000 iterations, found \(adaround)")
    }
  }

  /// nil where nothing is asked for.
  func layerRepair(seed: UInt64) -> LayerRepair? {
    guard correctBiases || adaround != nil else { return nil }
    let rounding = adaround.map { iterations in
      var rounding = AdaptiveRounding()
      rounding.iterations = iterations
      rounding.seed = seed
      return rounding
    }
    return LayerRepair(rounding: rounding, correctsBiases: correctBiases)
  }
}

/// Calibration samples shaped for a network's input.
struct CalibrationSamples {
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
    case .notComparable(let float, let compressed):
      CommandFailure("\(file): gives scores of shape \(compressed), the float network of \(float)", .usage)
    case .graph(let error): error.failure(file: file)
    case .operatorRefused(let node, let error):
      CommandFailure("\(file): node '\(node)': \(error.sentence)", .unsupportedModel)
    }
  }
}
