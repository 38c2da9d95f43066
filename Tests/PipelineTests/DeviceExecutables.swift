import Foundation
import Measurement
import Targets
import Testing

/// Executables for devices, each built once for all tests and left under .build/device/tests.
actor DeviceExecutables {
  static let shared = DeviceExecutables()

  private struct Key: Hashable {
    var target: String
    var network: NetworkName?
  }

  private var tasks: [Key: Task<DeviceExecutable, any Error>] = [:]
  private let folder = Checkout.root.appendingPathComponent(".build/device/tests")

  /// `pare-run` for a target with every step, or with the int8 form of a network inside.
  func executable(_ target: String, embedding network: NetworkName? = nil) async throws -> DeviceExecutable {
    let key = Key(target: target, network: network)
    let folder = folder
    let task = tasks[key] ?? Task.detached { try await DeviceExecutable(target, embedding: network, in: folder) }
    tasks[key] = task
    return try await task.value
  }
}

/// An executable for a device, to be run natively or emulated.
struct DeviceExecutable: Sendable {
  let target: Target
  let url: URL
  let byteCount: Int
  /// Holds the executable, and what its runs read and write.
  let folder: URL

  fileprivate init(_ id: String, embedding network: NetworkName?, in parent: URL) async throws {
    let package = try PackageFolder(path: Checkout.root.path)
    target = try Target.named(id, in: package.targets)
    folder = parent.appendingPathComponent(id + (network.map { "-\($0.rawValue)" } ?? ""))
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    url = folder.appendingPathComponent("pare-run")
    var model: EmbeddedModel?
    if let network {
      let path = folder.appendingPathComponent("model.pare")
      try await Networks.shared.prepared(network).int8.write(to: path)
      model = try EmbeddedModel(path: path.path)
    }
    byteCount = try CrossBuild(target: target, package: package, model: model).build(to: url).executableBytes
  }

  struct Outcome {
    var status: Int32
    var output: String
    var errors: String
  }

  /// Runs it on `cpu`, QEMU's name for one; nil takes the target's.
  func run(_ arguments: [String], cpu: String? = nil) throws -> Outcome {
    var target = target
    if let cpu { target.emulatedCPU = cpu }
    let emulator = try Emulator(for: target, executable: url)
    let process = Process()
    process.executableURL = emulator.program
    process.arguments = emulator.arguments(arguments)
    process.currentDirectoryURL = folder
    process.standardInput = FileHandle.nullDevice
    let output = try newFile("stdout")
    let errors = try newFile("stderr")
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    process.waitUntilExit()
    return Outcome(
      status: process.terminationStatus, output: try String(contentsOf: output, encoding: .utf8),
      errors: try String(contentsOf: errors, encoding: .utf8))
  }

  private func newFile(_ name: String) throws -> URL {
    let file = folder.appendingPathComponent(name)
    try Data().write(to: file)
    return file
  }
}

extension Architecture {
  /// Whether executables of this architecture can run here.
  var runsHere: Bool {
    if self == Architecture.host { return true }
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin"
    return path.split(separator: ":").contains { folder in
      emulatorNames.contains { FileManager.default.isExecutableFile(atPath: "\(folder)/\($0)") }
    }
  }
}
