import Foundation
import Targets
import Testing

@Suite struct EmulatorTests {
  private let executable = URL(fileURLWithPath: "/bin/app")

  @Test func theMachinesOwnArchitectureRunsDirectly() throws {
    for id in Target.identifiers(in: shippedTargets) {
      let target = try Target.named(id, in: shippedTargets)
      guard target.architecture == Architecture.host else { continue }
      let emulator = try Emulator(for: target, executable: executable)
      #expect(!emulator.isEmulated && emulator.program == executable && emulator.arguments(["bench"]) == ["bench"])
    }
  }

  @Test func otherArchitecturesRunOnTheTargetsCPUOrSayWhatIsMissing() throws {
    for id in Target.identifiers(in: shippedTargets) {
      let target = try Target.named(id, in: shippedTargets)
      guard target.architecture != Architecture.host, let cpu = target.emulatedCPU else { continue }
      do throws(EmulatorError) {
        let emulator = try Emulator(for: target, executable: executable)
        #expect(emulator.isEmulated)
        #expect(emulator.program.lastPathComponent.hasPrefix("qemu-"))
        #expect(emulator.arguments(["verify"]) == ["-cpu", cpu, "/bin/app", "verify"])
      } catch {
        #expect(error == .emulatorMissing(target: id, names: target.architecture.emulatorNames))
      }
    }
  }
}

@Suite struct PackageFolderTests {
  @Test func findsTheCheckoutAboveAnyOfItsFolders() throws {
    let root = shippedTargets.deletingLastPathComponent()
    let found = try PackageFolder(above: root.appendingPathComponent("Sources/Targets"))
    #expect(found.targets.resolvingSymlinksInPath().path == shippedTargets.resolvingSymlinksInPath().path)
  }

  @Test func otherFoldersAreRefused() throws {
    #expect(throws: PackageFolderError.notPare(folder: "/")) { try PackageFolder(path: "/") }
    #expect(throws: PackageFolderError.notFound(above: "/")) { try PackageFolder(above: URL(fileURLWithPath: "/")) }
  }
}

@Suite struct EmbeddedModelTests {
  @Test func whatIsNoModelIsRefusedByName() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("pare-\(UUID().uuidString).pare")
    defer { try? FileManager.default.removeItem(at: file) }
    #expect(throws: EmbeddedModelError.self) { try EmbeddedModel(path: file.path) }
    try Data("not a model, but long enough for a header of forty bytes".utf8).write(to: file)
    #expect(throws: EmbeddedModelError.format(path: file.path, .notAModel)) { try EmbeddedModel(path: file.path) }
    try Data("PARE".utf8).write(to: file)
    #expect(throws: EmbeddedModelError.format(path: file.path, .truncated)) { try EmbeddedModel(path: file.path) }
  }
}
