import CMicrokernels
import ModelFormat
import Runtime
import TensorTypes

/// `pare-run info MODEL`: what the model is and what this executable can do.
struct InfoCommand {
  static func run(_ invocation: Invocation) throws(Failure) {
    let session = try Session(invocation)
    let model = session.model
    let report = Report(isJSON: invocation.isJSON)
    report.add("name", model.name(.networkName, 0))
    report.add("file_bytes", session.fileBytes)
    report.add("parameters", UInt64(model.header.originalParameters))
    report.add("weight_bytes", UInt64(model.header.weightBytes))
    report.add("arena_bytes", UInt64(model.header.arenaBytes))
    report.add("macs", model.header.multiplyAccumulates)
    report.add("steps", model.stepCount)
    report.addList("inputs", count: model.inputCount) { $0.add(model.input($1)) }
    report.addList("outputs", count: model.outputCount) { $0.add(model.output($1)) }
    report.add("classes", model.nameCount(.className))
    report.add("isa", model.instructionSet.bytes)
    report.addList("built_in", count: pare_kernels_count()) { report, index in
      guard let row = pare_kernels_at(index), let name = row.pointee.name else { return }
      report.add("isa", Argument(name).bytes)
    }
    try report.finish()
  }
}

extension Report {
  fileprivate func add(_ interface: TensorInterface) {
    add("name", interface.name)
    add("type", interface.dtype.name)
    add("shape", shapeOf: interface)
  }
}
