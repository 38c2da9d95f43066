import Foundation
import Targets
import Testing

/// The folder of the targets that ship, found from this file.
let shippedTargets = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  .appendingPathComponent("targets")

private let minimal = """
  id: box
  name: A box
  architecture: aarch64
  instruction_sets: [neon-dotprod, neon]
  """

private let cluster = "{ cpu: A, count: 2, clock_mhz: 1000, l1_instruction_kib: 32, l1_data_kib: 32, l2_kib: 256, "

private func target(_ yaml: String) throws(TargetError) -> Target { try Target(yaml: yaml, file: "box.yaml") }

@Suite struct TargetReadingTests {
  @Test func readsEveryKey() throws {
    let box = try target(
      minimal + """

        soc: Some SoC
        emulated_cpu: cortex-a76
        cores:
          - \(cluster)l2_shared: true }
        last_level_cache_kib: 2048
        memory_mib: 512
        budgets: { executable_bytes: 180000, model_bytes: 90000, resident_bytes: 1500000, latency_us: 250 }
        """)
    #expect(box.id == "box" && box.name == "A box" && box.soc == "Some SoC")
    #expect(box.architecture == .aarch64)
    #expect(box.instructionSets == [.neonDotprod, .neon])
    #expect(box.emulatedCPU == "cortex-a76")
    let cores = try #require(box.cores.first)
    #expect(box.cores.count == 1 && cores.cpu == "A" && cores.count == 2 && cores.clockMHz == 1000)
    #expect(cores.l1InstructionKiB == 32 && cores.l1DataKiB == 32 && cores.l2KiB == 256 && cores.isL2Shared)
    #expect(box.lastLevelCacheKiB == 2048 && box.memoryMiB == 512)
    #expect(box.budgets.executableBytes == 180_000 && box.budgets.modelBytes == 90_000)
    #expect(box.budgets.residentBytes == 1_500_000 && box.budgets.latencyMicroseconds == 250)
  }

  @Test func optionalKeysMayBeMissing() throws {
    let box = try target(minimal)
    #expect(box.soc == nil && box.emulatedCPU == nil && box.cores.isEmpty && box.memoryMiB == nil)
    #expect(box.budgets == Target.Budgets())
  }

  @Test(arguments: [
    (minimal + "\ncolour: red", TargetError.unknownKey(file: "box.yaml", key: "colour")),
    (minimal.replacing("name: A box\n", with: ""), .missingKey(file: "box.yaml", key: "name")),
    (minimal + "\nmemory_mib: much", .wrongType(file: "box.yaml", key: "memory_mib", expected: "integer")),
    (minimal + "\nmemory_mib: [1]", .wrongType(file: "box.yaml", key: "memory_mib", expected: "integer")),
    (
      minimal + "\nmemory_mib: 0",
      .outOfRange(file: "box.yaml", key: "memory_mib", found: 0, expected: 1...1 << 24)
    ),
    (minimal.replacing("A box", with: "[a, b]"), .wrongType(file: "box.yaml", key: "name", expected: "text")),
    (
      minimal.replacing("aarch64", with: "sparc"),
      .unknownValue(
        file: "box.yaml", key: "architecture", found: "sparc", allowed: ["x86-64", "aarch64", "riscv64", "armv7"])
    ),
    (
      minimal.replacing("neon-dotprod", with: "avx2"),
      .wrongArchitecture(file: "box.yaml", key: "instruction_sets", found: "avx2")
    ),
    (
      minimal.replacing("[neon-dotprod, neon]", with: "neon"),
      .wrongType(file: "box.yaml", key: "instruction_sets", expected: "list")
    ),
    (minimal + "\ncores: [3]", .wrongType(file: "box.yaml", key: "cores[0]", expected: "mapping")),
    (minimal + "\ncores: [\(cluster)}]", .missingKey(file: "box.yaml", key: "cores[0].l2_shared")),
    (
      minimal + "\ncores: [\(cluster)l2_shared: perhaps }]",
      .wrongType(file: "box.yaml", key: "cores[0].l2_shared", expected: "true or false")
    ),
    (minimal + "\nbudgets: { money: 3 }", .unknownKey(file: "box.yaml", key: "budgets.money")),
    ("[1, 2]", .wrongType(file: "box.yaml", key: "(top)", expected: "mapping")),
    ("", .notYAML(file: "box.yaml", reason: "the file is empty")),
  ])
  func namesFileAndKeyOfTheFault(_ yaml: String, _ expected: TargetError) {
    #expect(throws: expected) { try target(yaml) }
  }

  @Test func brokenYAMLIsAnError() {
    for yaml in ["id: [", "id: a\nid: b", "\t- x: {"] {
      #expect(throws: TargetError.self) { try target(yaml) }
    }
  }

  @Test func anUnknownTargetListsTheKnown() {
    let known = Target.identifiers(in: shippedTargets)
    #expect(throws: TargetError.unknownTarget(id: "toaster", known: known)) {
      try Target.named("toaster", in: shippedTargets)
    }
  }

  @Test(arguments: [
    "x86-64", "raspberry-pi-2", "raspberry-pi-3", "raspberry-pi-4", "raspberry-pi-5", "raspberry-pi-zero-2w", "rk3588",
    "imx8m-plus", "jetson-orin", "intel-n100", "visionfive-2", "beaglebone-black",
  ])
  func everyShippedTargetReads(_ id: String) throws {
    let target = try Target.named(id, in: shippedTargets)
    #expect(target.id == id)
    #expect(target.instructionSets.allSatisfy { $0.architecture == target.architecture })
    #expect(id == "x86-64" || (!target.cores.isEmpty && target.memoryMiB != nil && target.emulatedCPU != nil))
  }

  @Test func everyShippedFileIsTested() {
    #expect(Target.identifiers(in: shippedTargets).count == 12)
  }

  @Test func aFileOfAnotherNameIsRefused() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("crate-\(UUID().uuidString).yaml")
    defer { try? FileManager.default.removeItem(at: file) }
    try minimal.write(to: file, atomically: true, encoding: .utf8)
    #expect(throws: TargetError.idMismatch(file: file.path, found: "box")) { try Target(file: file) }
  }
}
