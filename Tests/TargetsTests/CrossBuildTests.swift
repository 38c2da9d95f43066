import Foundation
import Targets
import Testing

/// What a program printed and how it ended.
private struct Outcome {
  var status: Int32
  var output: String
  var errors: String
}

private func run(_ program: URL, _ arguments: [String]) throws -> Outcome {
  let process = Process()
  process.executableURL = program
  process.arguments = arguments
  let output = Pipe()
  let errors = Pipe()
  process.standardOutput = output
  process.standardError = errors
  try process.run()
  let printed = output.fileHandleForReading.readDataToEndOfFile()
  let complained = errors.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return Outcome(
    status: process.terminationStatus, output: String(decoding: printed, as: UTF8.self),
    errors: String(decoding: complained, as: UTF8.self))
}

/// Builds the device executable for one target of each architecture, runs it here or under QEMU, and
/// holds the compressed file to the limit that README.md promises. One after the other, since each uses every core.
@Suite(.serialized) struct CrossBuildTests {
  /// A folder for what a test writes, and the executable in it.
  private func build(_ id: String, isCompressed: Bool = true) throws -> (folder: URL, Target, URL, CrossBuild.Product) {
    let package = try PackageFolder(above: shippedTargets)
    let target = try Target.named(id, in: package.targets)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("pare-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let executable = folder.appendingPathComponent("pare-run")
    let product = try CrossBuild(target: target, package: package, isCompressed: isCompressed).build(to: executable)
    return (folder, target, executable, product)
  }

  @Test(arguments: ["x86-64", "raspberry-pi-5", "visionfive-2", "raspberry-pi-2"])
  func theExecutableIsSmallStaticAndKeepsItsExitCodes(_ id: String) throws {
    let (folder, target, executable, product) = try build(id)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = try Data(contentsOf: executable)
    #expect(file.count == product.executableBytes && product.executableBytes <= 100 * 1024)
    #expect(product.linkedBytes > product.executableBytes && product.modelBytes == nil)
    // An executable without an interpreter and without dynamic linking: one segment, and it is to be loaded.
    #expect(file.prefix(4).elementsEqual([0x7f, 0x45, 0x4c, 0x46]) && file[16] == 2)
    #expect(FileManager.default.isExecutableFile(atPath: executable.path))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["pare-run"])

    let emulator: Emulator
    do throws(EmulatorError) {
      emulator = try Emulator(for: target, executable: executable)
    } catch {
      // What this machine lacks is said, and only running is left out.
      print("skipped: running \(id): \(error)")
      return
    }
    let help = try run(emulator.program, emulator.arguments(["--help"]))
    #expect(help.status == 0 && help.output.hasPrefix("usage: pare-run") && help.errors.isEmpty)
    let notAModel = folder.appendingPathComponent("not-a-model.pare")
    try Data(repeating: 7, count: 500).write(to: notAModel)
    for (arguments, status) in [
      ([], 2), (["bench", "--runs", "x", "m.pare"], 2), (["m.pare", "--nonsense"], 2),
      (["info", folder.path + "/missing.pare"], 1), (["info", notAModel.path], 3), (["verify", "/dev/null"], 3),
    ] as [([String], Int32)] {
      let outcome = try run(emulator.program, emulator.arguments(arguments))
      #expect(outcome.status == status, "\(arguments)")
      #expect(outcome.output.isEmpty && outcome.errors.hasPrefix("pare-run: "))
      #expect(outcome.errors.filter { $0 == "\n" }.count == 1 && outcome.errors.hasSuffix("\n"))
    }
  }

  @Test func compressedOrNotTheExecutableSaysTheSame() throws {
    guard
      let id = Target.identifiers(in: shippedTargets).first(where: { id in
        (try? Target.named(id, in: shippedTargets))?.architecture == Architecture.host
      })
    else { return print("skipped: no target has this machine's architecture") }
    let (plainFolder, _, plain, product) = try build(id, isCompressed: false)
    let (packedFolder, _, packed, _) = try build(id)
    defer { for folder in [plainFolder, packedFolder] { try? FileManager.default.removeItem(at: folder) } }
    #expect(product.executableBytes == product.linkedBytes)
    #expect(try run(plain, ["--help"]).output == run(packed, ["--help"]).output)
  }

  @Test func aFolderThatCannotBeWrittenIsAnError() throws {
    let package = try PackageFolder(above: shippedTargets)
    let target = try Target.named("x86-64", in: package.targets)
    let output = URL(fileURLWithPath: "/proc/nowhere/pare-run")
    #expect(throws: CrossBuildError.self) { try CrossBuild(target: target, package: package).build(to: output) }
  }
}
