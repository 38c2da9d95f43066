import Foundation
import Yams

extension Target {
  /// Reads `<folder>/<id>.yaml`.
  public static func named(_ id: String, in folder: URL) throws(TargetError) -> Target {
    let known = identifiers(in: folder)
    guard known.contains(id) else { throw .unknownTarget(id: id, known: known) }
    return try Target(file: folder.appendingPathComponent(id + ".yaml"))
  }

  /// The ids of the targets that a folder describes, sorted.
  public static func identifiers(in folder: URL) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()
  }

  public init(file: URL) throws(TargetError) {
    let text: String
    do {
      text = try String(contentsOf: file, encoding: .utf8)
    } catch {
      throw .unreadable(file: file.path, reason: error.localizedDescription)
    }
    try self.init(yaml: text, file: file.path)
    guard id == file.deletingPathExtension().lastPathComponent else {
      throw .idMismatch(file: file.path, found: id)
    }
  }

  /// Reads the text of a target file; `file` names it in errors.
  public init(yaml: String, file: String) throws(TargetError) {
    let top: Node?
    do {
      top = try Yams.compose(yaml: yaml)
    } catch {
      throw .notYAML(file: file, reason: "\(error)")
    }
    guard let top else { throw .notYAML(file: file, reason: "the file is empty") }
    var fields = try StrictMapping(top, file: file)
    id = try fields.text("id")
    name = try fields.text("name")
    soc = try fields.optionalText("soc")
    architecture = try fields.value("architecture")
    instructionSets = try Target.instructionSets(&fields, architecture)
    emulatedCPU = try fields.optionalText("emulated_cpu")
    var clusters: [CoreCluster] = []
    for (index, node) in (try fields.optionalList("cores") ?? []).enumerated() {
      clusters.append(try CoreCluster(node, file: file, path: "cores[\(index)]."))
    }
    cores = clusters
    lastLevelCacheKiB = try fields.optionalInteger("last_level_cache_kib", in: 1...1 << 20)
    memoryMiB = try fields.optionalInteger("memory_mib", in: 1...1 << 24)
    budgets = try Budgets(&fields)
    try fields.finish()
  }

  private static func instructionSets(
    _ fields: inout StrictMapping, _ architecture: Architecture
  ) throws(TargetError) -> [InstructionSet] {
    let key = "instruction_sets"
    var sets: [InstructionSet] = []
    for node in try fields.list(key) {
      guard let text = node.scalar?.string else {
        throw .wrongType(file: fields.file, key: key, expected: "list of text")
      }
      // The reference is always there; naming it does no harm.
      if text == "scalar" { continue }
      guard let set = InstructionSet(rawValue: text) else {
        let allowed = ["scalar"] + InstructionSet.allCases.map(\.rawValue)
        throw .unknownValue(file: fields.file, key: key, found: text, allowed: allowed)
      }
      guard set.architecture == architecture else {
        throw .wrongArchitecture(file: fields.file, key: key, found: text)
      }
      sets.append(set)
    }
    return sets
  }
}

extension Target.CoreCluster {
  init(_ node: Node, file: String, path: String) throws(TargetError) {
    var fields = try StrictMapping(node, file: file, path: path)
    cpu = try fields.text("cpu")
    count = try fields.integer("count", in: 1...1024)
    clockMHz = try fields.integer("clock_mhz", in: 1...20_000)
    l1InstructionKiB = try fields.integer("l1_instruction_kib", in: 1...4096)
    l1DataKiB = try fields.integer("l1_data_kib", in: 1...4096)
    l2KiB = try fields.integer("l2_kib", in: 0...1 << 20)
    isL2Shared = try fields.boolean("l2_shared")
    try fields.finish()
  }
}

extension Target.Budgets {
  init(_ target: inout StrictMapping) throws(TargetError) {
    guard let node = target.optionalNode("budgets") else { return }
    var fields = try StrictMapping(node, file: target.file, path: "budgets.")
    executableBytes = try fields.optionalInteger("executable_bytes", in: 1...Int.max)
    modelBytes = try fields.optionalInteger("model_bytes", in: 1...Int.max)
    residentBytes = try fields.optionalInteger("resident_bytes", in: 1...Int.max)
    latencyMicroseconds = try fields.optionalInteger("latency_us", in: 1...Int.max)
    try fields.finish()
  }
}
