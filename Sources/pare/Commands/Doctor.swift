import ArgumentParser
import Graph
import Measurement
import Targets

struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says what would go wrong or stay slow, before any work.",
    discussion: """
      Reads the network's structure (not its weights) and reports operators that no step computes, \
      what int8 quantization would leave in float and why, the arena, and how it compares with the \
      target's memory and budgets. Exit code 3 if the network cannot be packed.

        pare doctor model.onnx --target raspberry-pi-4
      """)

  @Argument(help: "A .onnx file.") var model: String
  @Option(help: "A target's id, or a .yaml file like those in targets/.") var target: String?
  @Option(help: "The checkout of Pare whose targets/ to read.") var package: String?
  @OptionGroup var shapes: ShapeOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let device = try target.map { try Reading.target($0, Reading.package(package)) }
    let graph = try Reading.graph(model, shapes: try shapes.parsed(), weights: .headersOnly)
    let diagnosis: Diagnosis
    do throws(GraphError) { diagnosis = try Diagnosis(graph, target: device) } catch {
      throw error.failure(file: model)
    }
    try output.print(diagnosis.report, else: diagnosis.table)
    if let obstacle = diagnosis.report.obstacle { throw CommandFailure("\(model): \(obstacle)", .unsupportedModel) }
  }
}
