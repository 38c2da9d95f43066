import Foundation
import Graph
import HostTensors
import ONNX
import Operators
import Testing

/// ONNX's operator tests on graphs that were written and read again, and that were simplified.
@Suite struct RewritingConformanceTests {
  @Test func whatIsExportedComputesTheSame() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("pare-\(UUID().uuidString).onnx")
    defer { try? FileManager.default.removeItem(at: url) }
    let report = ConformanceReport(judgedBy: "export and import")
    let counts = try report.run(ConformanceCase.shipped(), excluded: hostExclusions) { graph, inputs in
      let (graph, operands) = try graph.bindingShapeInputs(inputs)
      try exportONNX(graph, to: url)
      var options = ImportOptions()
      options.widensHalf = false
      return try Evaluator(importONNX(contentsOf: url, options)).run(operands)
    }
    #expect(counts.failed == 0)
    #expect(counts.passed > 0)
  }

  @Test func whatIsSimplifiedComputesTheSame() throws {
    let report = ConformanceReport(judgedBy: "simplification")
    let counts = try report.run(ConformanceCase.shipped(), excluded: hostExclusions) { graph, inputs in
      let (graph, operands) = try graph.bindingShapeInputs(inputs)
      return try Evaluator(simplified(graph).0).run(operands)
    }
    #expect(counts.failed == 0)
    #expect(counts.passed > 0)
  }
}
