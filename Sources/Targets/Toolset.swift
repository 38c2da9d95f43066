import Foundation
import ModelFormat

/// What SwiftPM adds to the command lines of compilers and linker for one executable.
///
/// Embedded Swift without a C library: whole modules at -Osize, every function in a section of its own so
/// that the linker can leave out what nobody calls, one trap for all failed checks of a function, no
/// unwinding tables, no symbols and no section headers, which only tools read. Functions that come out the
/// same are one, and what the linker still inlines may not make the whole larger.
struct Toolset: Encodable {
  struct Tool: Encodable {
    var extraCLIOptions: [String]
  }

  var schemaVersion = "1.0"
  var swiftCompiler: Tool
  var cCompiler: Tool
  var linker: Tool

  init(target: Target, model: EmbeddedModel?) {
    var shared = target.architecture.compilerFlags
    for set in target.instructionSets { shared += set.compilerFlags }
    var swift = [
      "-enable-experimental-feature", "Embedded", "-wmo", "-Osize", "-Xfrontend", "-function-sections",
      "-Xfrontend", "-mergeable-traps", "-Xfrontend", "-disable-stack-protector",
      "-use-ld=lld", "-Xclang-linker", "-nostdlib", "-Xclang-linker", "-static",
    ]
    swift += target.architecture.linkDriverFlags.flatMap { ["-Xclang-linker", $0] }
    swift += shared.flatMap { ["-Xcc", $0] }
    var c = ["-ffreestanding", "-fno-stack-protector", "-ffunction-sections", "-fdata-sections"]
    c += ["-fno-asynchronous-unwind-tables", "-fomit-frame-pointer"] + shared
    for set in InstructionSet.allCases
    where set.architecture == target.architecture && !target.instructionSets.contains(set) {
      if let exclusion = set.exclusion { c.append("-D\(exclusion)") }
    }
    if let model {
      c.append("-DPARE_MODEL_PATH=\"\(model.path)\"")
      swift.append("-DPARE_SELECT_STEPS")
      swift += model.steps.map { "-DPARE_STEP_\(Toolset.upperSnakeCase("\($0)"))" }
      swift += model.codedForms.map { "-DPARE_CODED_\(Toolset.upperSnakeCase("\($0)"))" }.sorted()
      let called = model.steps.flatMap(\.kernelLoops)
      c += KernelLoop.allCases.filter { !called.contains($0) }.map { "-D\($0.exclusion)" }
    }
    swiftCompiler = Tool(extraCLIOptions: swift)
    cCompiler = Tool(extraCLIOptions: c)
    var link = ["--gc-sections", "--icf=all", "-static", "-s", "-z", "norelro", "-z", "nosectionheader"]
    if target.architecture.optimizesAtLinkTime {
      link += ["-mllvm", "-inline-threshold=0", "-mllvm", "-machine-outliner-reruns=3"]
    }
    // Functions save and restore registers by calling common code for it; x86-64 has no such code, and does that in
    // a byte or two each.
    if target.architecture == .aarch64 { link += ["-mllvm", "-homogeneous-prolog-epilog"] }
    linker = Tool(extraCLIOptions: link)
  }

  /// `averagePoolInt8` as `AVERAGE_POOL_INT8`.
  static func upperSnakeCase(_ name: String) -> String {
    name.reduce(into: "") { result, character in
      if character.isUppercase { result.append("_") }
      result.append(contentsOf: character.uppercased())
    }
  }

  func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self)
  }
}
