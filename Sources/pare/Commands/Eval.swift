import ArgumentParser
import Measurement

struct Eval: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures accuracy on a data set.",
    discussion: """
      Takes a .onnx file (evaluated in float, or as quantized, by the operators' reference semantics) \
      or a .pare file (run by the device's own runtime). Labelled data give accuracy, top-5, \
      precision, recall and F1 of each class and the confusion matrix; reconstructions and \
      regressions give the mean squared error; two classes give the AUC.

        pare eval model.pare --data data.yaml
        pare eval model.pare --data data.yaml --min-accuracy 0.9   # exit code 4 below
      """)

  @Argument(help: "A .onnx or .pare file.") var model: String
  @Option(help: "The data set's YAML file.") var data: String
  @Option(help: "Fail with exit code 4 below this accuracy (a fraction of 1).") var minAccuracy: Double?
  @OptionGroup var shapes: ShapeOptions
  @OptionGroup var runtime: RuntimeOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let network = try Reading.network(model, shapes: try shapes.parsed(), runtime: runtime)
    let dataset = try Reading.dataset(data)
    var progress = Progress("evaluating", total: dataset.count)
    let report: EvaluationReport
    do throws(EvaluationError) {
      report = try Evaluation(network: network, dataset: dataset).run { progress.update($0) }
    } catch { throw error.failure(file: model) }
    try output.print(report, else: report.table)
    if let minAccuracy {
      guard let accuracy = report.accuracy else {
        throw CommandFailure("--min-accuracy: the data set has no class labels to measure accuracy with", .usage)
      }
      if accuracy < minAccuracy {
        throw CommandFailure(
          "the accuracy is \(accuracy.grouped(decimals: 4)), below the gate \(minAccuracy)", .accuracyGate)
      }
    }
  }
}

extension EvaluationError {
  func failure(file: String) -> CommandFailure {
    switch self {
    case .dataset(let error): CommandFailure("\(error)")
    case .network(let sample, let error):
      CommandFailure("sample \(sample): \(error.failure(file: file).message)", error.failure(file: file).status)
    case .inputCount(let found):
      CommandFailure("\(file): eval feeds one input from the data set; the network has \(found)", .usage)
    case .noOutput: CommandFailure("\(file): the network has no output", .unsupportedModel)
    case .labelOutOfRange(let sample, let label, let classes):
      CommandFailure("sample \(sample): the label \(label) is not below the network's \(classes) classes", .usage)
    }
  }
}
