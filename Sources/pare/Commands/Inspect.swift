import ArgumentParser
import Graph
import Measurement

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists operators, shapes, products and bytes, layer by layer.",
    discussion: """
      Reads no weights of a .onnx file, so it is quick on networks of any size. Of a .pare file it lists the steps, the \
      classes and the arena.
      """)

  @Argument(help: "A .onnx or .pare file.") var model: String
  @Flag(help: "Fold constants, shape arithmetic and batch normalization first, as quantize and pack do.")
  var simplify = false
  @OptionGroup var shapes: ShapeOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    if Reading.isPacked(model) {
      let inspection = PackedInspection(try Reading.packed(model))
      return try output.print(inspection, else: inspection.text)
    }
    // Folding computes with the weights, so only then are they read.
    var graph = try Reading.graph(model, shapes: try shapes.parsed(), weights: simplify ? .loaded : .headersOnly)
    if simplify {
      do throws(GraphError) { (graph, _) = try simplified(graph) } catch { throw error.failure(file: model) }
    }
    let inspection = Inspection(graph)
    try output.print(inspection.report, else: inspection.table(graph))
  }
}
