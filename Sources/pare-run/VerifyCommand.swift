import ModelFormat
import Runtime

/// `pare-run verify MODEL`: runs the golden vectors and names the first step that differs.
struct VerifyCommand {
  static func run(_ invocation: Invocation) throws(Failure) {
    let model = try Session(invocation).model
    let report = Report(isJSON: invocation.isJSON)
    var differs = false
    switch model.verify() {
    case .identical(let vectors, let steps):
      report.add("identical", true)
      report.add("vectors", vectors)
      report.add("steps", steps)
    case .different(let vector, let step, let expected, let found):
      differs = true
      report.add("identical", false)
      report.add("vector", vector)
      report.add("step", step)
      report.add("code", model.stepCode(step).name)
      report.add("name", model.name(.stepName, step))
      report.add("expected_crc32", UInt64(expected))
      report.add("found_crc32", UInt64(found))
    case .noVectors: throw .noGoldenVectors
    case .malformed: throw .malformedGoldenVectors
    }
    report.add("isa", model.instructionSet.bytes)
    report.add("threads", model.threads)
    try report.finish()
    if differs { throw .outputsDiffer }
  }
}
