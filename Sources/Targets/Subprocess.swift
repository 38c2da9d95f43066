import Foundation

/// A program run to its end with its output and errors, in the order they came, handed on line by line.
enum Subprocess {
  struct Outcome {
    var status: Int32
    var output: String
  }

  static func run(
    _ program: URL, _ arguments: [String], in folder: URL, line: @Sendable (String) -> Void
  ) throws -> Outcome {
    let process = Process()
    process.executableURL = program
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.standardInput = FileHandle.nullDevice
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    var all = Data()
    var pending = Data()
    while true {
      let chunk = pipe.fileHandleForReading.availableData
      if chunk.isEmpty { break }
      all += chunk
      pending += chunk
      while let end = pending.firstIndex(of: 0x0a) {
        line(String(decoding: pending[pending.startIndex..<end], as: UTF8.self))
        pending = Data(pending[(end + 1)...])
      }
    }
    if !pending.isEmpty { line(String(decoding: pending, as: UTF8.self)) }
    process.waitUntilExit()
    return Outcome(status: process.terminationStatus, output: String(decoding: all, as: UTF8.self))
  }

  /// The first executable file of one of these names on the search path.
  static func find(_ names: [String]) -> URL? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
    for name in names {
      for folder in path.split(separator: ":") {
        let candidate = "\(folder)/\(name)"
        var isFolder: ObjCBool = false
        if FileManager.default.isExecutableFile(atPath: candidate),
          FileManager.default.fileExists(atPath: candidate, isDirectory: &isFolder), !isFolder.boolValue
        {
          return URL(fileURLWithPath: candidate)
        }
      }
    }
    return nil
  }
}
