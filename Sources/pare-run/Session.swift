import CEmbeddedModel
import CLinux
import Runtime

/// A loaded model with what loading it took.
struct Session {
  let model: Model
  let fileBytes: Int
  let loadNanoseconds: UInt64

  /// The model built into this executable; nil where there is none.
  static var embedded: UnsafeRawBufferPointer? {
    var count = 0
    guard let start = pare_embedded_model(&count) else { return nil }
    return UnsafeRawBufferPointer(start: start, count: count)
  }

  /// Loads the model that was asked for: a file, or the one built in.
  init(_ invocation: Invocation) throws(Failure) {
    let start = pare_monotonic_nanoseconds()
    if let path = invocation.model {
      let file = try MappedFile(path)
      model = try Session.load(file.bytes, invocation)
      fileBytes = file.bytes.count
    } else if let embedded = Session.embedded {
      model = try Session.load(embedded, invocation)
      fileBytes = embedded.count
    } else {
      throw .usage(.noModel, nil)
    }
    loadNanoseconds = pare_monotonic_nanoseconds() - start
  }

  private static func load(_ bytes: UnsafeRawBufferPointer, _ invocation: Invocation) throws(Failure) -> Model {
    var options = LoadOptions()
    options.instructionSet = invocation.instructionSet?.bytes
    options.threads = invocation.threads
    options.hardwareCapabilities = (pare_hwcap(), pare_hwcap2())
    do throws(LoadError) {
      return try Model(bytes, options: options)
    } catch {
      throw .load(error)
    }
  }
}

/// A file's bytes, mapped for as long as the value lives.
struct MappedFile: ~Copyable {
  let bytes: UnsafeRawBufferPointer

  /// `-` stands for standard input.
  init(_ path: Argument) throws(Failure) {
    var start: UnsafePointer<UInt8>?
    var count = 0
    let standardInput: StaticString = "/dev/stdin"
    let name =
      path.equals("-")
      ? UnsafeRawPointer(standardInput.utf8Start).assumingMemoryBound(to: CChar.self) : path.start
    let status = pare_map_file(name, &start, &count)
    guard status == 0 else { throw .file(.reading, path, status) }
    bytes = UnsafeRawBufferPointer(start: start, count: count)
  }

  deinit { pare_unmap_file(bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count) }
}
