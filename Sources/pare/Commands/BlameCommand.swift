import ArgumentParser
import Datasets
import Foundation
import Graph
import HostTensors
import Measurement
import Quantization

struct BlameCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "blame",
    abstract: "Says which layers of a compressed network lose what the float one has, and why.",
    discussion: """
      Runs both networks on real samples, and the float one once more for every layer with that layer alone as the \
      compressed network has it. For each layer, the one to repair first at the top: signal to noise of the network's \
      scores with this layer alone compressed, of the layer's own output, and of its output in the compressed \
      network (dB; 20 dB are a tenth of the signal, 40 dB a hundredth), decisions that it changes alone, the cause, and \
      what to do. Works for what quantize, prune and cluster write: layers keep their names.

        pare blame model.onnx int8.onnx --data calibration.yaml
        pare blame model.onnx pruned.onnx --data test.yaml --samples 200
      """)

  @Argument(help: "The float .onnx file.") var float: String
  @Argument(help: "The compressed .onnx file made of it.") var compressed: String
  @Option(help: "The YAML file of the data set to compare on.") var data: String
  @Option(help: "Samples to look at: so many, spread over the data set.") var samples = 64
  @OptionGroup var shapes: ShapeOptions
  @OptionGroup var output: JSONOption

  func validate() throws {
    guard samples >= 1 else { throw ValidationError("--samples: expected at least 1, found \(samples)") }
  }

  func run() throws {
    let graphs = (
      try Reading.simplifiedGraph(float, shapes: try shapes.parsed()),
      try Reading.simplifiedGraph(compressed, shapes: try shapes.parsed())
    )
    let all = try CalibrationSamples(graphs.0, dataset: try Reading.dataset(data), file: float)
    let count = min(samples, all.dataset.count)
    var progress = Progress("comparing", total: count)
    do {
      let inputs = try (0..<count).map { try all.inputs($0 * all.dataset.count / count) }
      let report = try Blame(float: graphs.0, compressed: graphs.1).report(over: inputs) { progress.update($0) }
      try output.print(report, else: report.text)
    } catch let error as QuantizationError {
      if case .alreadyQuantized = error { throw error.failure(file: float, calibration: data) }
      throw error.failure(file: compressed, calibration: data)
    } catch let error as DatasetError {
      throw CommandFailure("\(error)")
    }
  }
}

extension BlameReport: Report {
  /// A table, the layer to repair first at the top.
  var text: String {
    var table = TextTable([
      .init("layer"), .init("bits", .trailing), .init("alone dB", .trailing), .init("own dB", .trailing),
      .init("so far dB", .trailing), .init("decisions", .trailing), .init("cause"), .init("repair"),
    ])
    for layer in layers {
      table.add([
        layer.name, layer.bits.map(String.init) ?? "float", decibels(layer.alone), decibels(layer.own),
        decibels(layer.accumulated), "\(layer.changedDecisions)", "\(layer.cause)",
        layer.repairs.joined(separator: ", "),
      ])
    }
    let missing = unmatched.isEmpty ? "" : "not compared: \(unmatched.joined(separator: ", "))\n"
    return table.rendered + missing
      + "scores: \(decibels(total)) dB, \(changedDecisions) of \(samples) decisions changed\n"
  }

  private func decibels(_ value: Double?) -> String { value.map { String(format: "%.1f", $0) } ?? "same" }
}
