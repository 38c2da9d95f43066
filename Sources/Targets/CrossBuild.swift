import Foundation

/// Builds the device executable for a target with the Swift toolchain alone.
///
/// The work is kept under `.build/device/<architecture>` of the checkout, `<architecture>-with-model` where a
/// model is built in, so that the next build of that kind compiles only what differs. Builds of one kind wait
/// for each other.
public struct CrossBuild: Sendable {
  public var target: Target
  public var package: PackageFolder
  /// The model to build in; without one the executable takes a model file and holds every step.
  public var model: EmbeddedModel?
  /// Whether the executable is compressed and unpacks itself into memory when it starts: half the bytes on
  /// the device for some hundred microseconds at start and that much more memory.
  public var isCompressed: Bool

  public init(target: Target, package: PackageFolder, model: EmbeddedModel? = nil, isCompressed: Bool = false) {
    self.target = target
    self.package = package
    self.model = model
    self.isCompressed = isCompressed
  }

  public struct Product: Equatable, Sendable {
    public var executableBytes: Int
    /// Bytes that the linker made, before packing.
    public var linkedBytes: Int
    /// Bytes of the model inside; nil without one.
    public var modelBytes: Int?
  }

  /// Builds and puts the executable at `output`, which appears only when it is complete.
  ///
  /// `progress` gets the lines of the build as they come. Errors: the toolchain is missing or older than
  /// Embedded Swift needs, the build fails (with what it printed), or a file cannot be written.
  public func build(
    to output: URL, progress: @Sendable (String) -> Void = { _ in }
  ) throws(CrossBuildError) -> Product {
    guard let swift = Subprocess.find(["swift"]) else { throw .swiftMissing }
    // Said before the minutes of the first build rather than after them.
    let folder = output.deletingLastPathComponent().path
    guard FileManager.default.isWritableFile(atPath: folder) else {
      throw .notWritable(path: output.path, reason: "no folder \(folder) that can be written")
    }
    let kind = target.architecture.rawValue + (model == nil ? "" : "-with-model")
    let scratch = package.url.appendingPathComponent(".build/device/\(kind)")
    let lock = try BuildLock(folder: scratch)
    defer { lock.release() }
    let toolset = scratch.appendingPathComponent("toolset.json")
    do {
      try Toolset(target: target, model: model).json().write(to: toolset, options: .atomic)
    } catch {
      throw .notWritable(path: toolset.path, reason: error.localizedDescription)
    }
    var arguments = [
      "build", "--configuration", "release", "--product", "pare-run", "--triple", target.architecture.triple,
      "--toolset", toolset.path, "--scratch-path", scratch.path, "--package-path", package.url.path,
    ]
    if target.architecture.optimizesAtLinkTime { arguments += ["--experimental-lto-mode", "full"] }
    let outcome: Subprocess.Outcome
    do {
      outcome = try Subprocess.run(swift, arguments, in: package.url, line: progress)
    } catch {
      throw .notStarted(program: swift.path, reason: error.localizedDescription)
    }
    guard outcome.status == 0 else { throw .buildFailed(status: outcome.status, output: outcome.output) }
    let built = scratch.appendingPathComponent("\(target.architecture.triple)/release/pare-run")
    let linked: Data
    do {
      linked = try Data(contentsOf: built)
    } catch {
      throw .notReadable(path: built.path, reason: error.localizedDescription)
    }
    let executable = isCompressed ? try pack(linked, swift, scratch) : linked
    try install(executable, as: output)
    return Product(
      executableBytes: executable.count, linkedBytes: linked.count, modelBytes: model?.byteCount)
  }

  /// Compresses the executable behind the unpacker; keeps it as it is where that gains nothing.
  private func pack(_ executable: Data, _ swift: URL, _ scratch: URL) throws(CrossBuildError) -> Data {
    let unpacker = try Unpacker(target.architecture, package: package, swift: swift, scratch: scratch)
    guard let packed = PackedExecutable(executable, unpacker: unpacker.code) else {
      throw .notPackable(path: scratch.path)
    }
    return packed.bytes.count < executable.count ? packed.bytes : executable
  }

  /// Writes beside the final name and renames, so that no half-written executable stands there.
  private func install(_ executable: Data, as output: URL) throws(CrossBuildError) {
    let process = ProcessInfo.processInfo.processIdentifier
    let partial = output.deletingLastPathComponent()
      .appendingPathComponent(".\(output.lastPathComponent).partial-\(process)")
    do {
      try executable.write(to: partial)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: partial.path)
      guard rename(partial.path, output.path) == 0 else {
        throw CocoaError(.fileWriteUnknown, userInfo: [NSLocalizedDescriptionKey: String(cString: strerror(errno))])
      }
    } catch {
      try? FileManager.default.removeItem(at: partial)
      throw .notWritable(path: output.path, reason: error.localizedDescription)
    }
  }
}

public enum CrossBuildError: Error, Equatable, Sendable {
  case swiftMissing
  case notStarted(program: String, reason: String)
  case notWritable(path: String, reason: String)
  case notReadable(path: String, reason: String)
  /// The linker made something else than the packing knows.
  case notPackable(path: String)
  case buildFailed(status: Int32, output: String)
}

/// Keeps two builds of one architecture from taking each other's executable.
private struct BuildLock {
  private let descriptor: Int32

  init(folder: URL) throws(CrossBuildError) {
    let path = folder.appendingPathComponent("pare-build.lock").path
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw .notWritable(path: folder.path, reason: error.localizedDescription)
    }
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0, flock(descriptor, LOCK_EX) == 0 else {
      throw .notWritable(path: path, reason: String(cString: strerror(errno)))
    }
  }

  func release() { close(descriptor) }
}
