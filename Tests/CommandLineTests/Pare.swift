import Foundation
import Testing

/// The built `pare` executable.
enum Pare {
  struct Outcome {
    var status: Int32
    var output: String
    var errors: String

    /// Standard output as one JSON object.
    var json: [String: Any] {
      get throws {
        try #require(output.split(separator: "\n").count == 1, "one object on one line")
        return try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
      }
    }
  }

  static let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// Beside the test bundle, or where `make build` puts it.
  static let executable: URL? = {
    let products = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    let places = [
      products, URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent(),
      checkout.appendingPathComponent(".build/release"),
    ]
    return places.map { $0.appendingPathComponent("pare") }.first {
      FileManager.default.isExecutableFile(atPath: $0.path)
    }
  }()

  static func run(_ arguments: String..., in folder: ScratchFolder) throws -> Outcome {
    try run(arguments, in: folder)
  }

  static func run(_ arguments: [String], in folder: ScratchFolder) throws -> Outcome {
    let process = try process(arguments, in: folder)
    process.standardInput = FileHandle.nullDevice
    // Files cannot fill up as pipes do.
    let output = folder.hidden.appendingPathComponent(UUID().uuidString)
    let errors = folder.hidden.appendingPathComponent(UUID().uuidString)
    for file in [output, errors] { try Data().write(to: file) }
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    process.waitUntilExit()
    return Outcome(
      status: process.terminationStatus, output: try String(contentsOf: output, encoding: .utf8),
      errors: try String(contentsOf: errors, encoding: .utf8))
  }

  /// Starts a command that says nothing, to be stopped while it runs.
  static func start(_ arguments: [String], in folder: ScratchFolder) throws -> Process {
    let process = try process(arguments, in: folder)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }

  private static func process(_ arguments: [String], in folder: ScratchFolder) throws -> Process {
    let pare: URL = try #require(
      executable, "pare is not built: `make build` builds it, `make test` does so first")
    let process = Process()
    process.executableURL = pare
    process.arguments = arguments
    process.currentDirectoryURL = folder.url
    return process
  }

  static func model(_ name: String) -> String { checkout.appendingPathComponent("models/\(name)/\(name).onnx").path }
  static func file(_ path: String) -> String { checkout.appendingPathComponent(path).path }
}

/// A folder for one test, removed with the value.
final class ScratchFolder: Sendable {
  let url: URL
  /// For what the test itself needs, out of the sight of `files`.
  let hidden: URL

  init() throws {
    let name = "pare-tests-\(UUID().uuidString)"
    url = FileManager.default.temporaryDirectory.appendingPathComponent(name)
    hidden = FileManager.default.temporaryDirectory.appendingPathComponent("\(name)-output")
    for folder in [url, hidden] {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }
  }

  deinit { for folder in [url, hidden] { try? FileManager.default.removeItem(at: folder) } }

  /// Names of all files, hidden and partial ones too.
  var files: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: url.path).sorted() } }

  func write(_ bytes: some Sequence<UInt8>, to name: String) throws {
    try Data(bytes).write(to: url.appendingPathComponent(name))
  }

  func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: url.appendingPathComponent(name))) }
}

/// A keyword spotter, packed from its recorded int8 form.
enum Fixtures {
  static let kwsQuantized = Pare.file("Tests/PipelineTests/Vectors/dscnn-kws.int8.onnx")
  static let kwsData = Pare.file("models/dscnn-kws/data.yaml")
  static let kwsCalibration = Pare.file("models/dscnn-kws/calibration.yaml")

  /// Packs `kws.pare` into the folder.
  static func pack(in folder: ScratchFolder) throws {
    let outcome = try Pare.run("pack", kwsQuantized, "-o", "kws.pare", in: folder)
    try #require(outcome.status == 0, "\(outcome.errors)")
  }
}
