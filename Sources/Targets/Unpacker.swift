import Foundation

/// The code that unpacks an executable when it starts, compiled for one architecture.
struct Unpacker {
  let code: Data

  init(
    _ architecture: Architecture, package: PackageFolder, swift: URL, scratch: URL
  ) throws(CrossBuildError) {
    // The toolchain's own clang stands beside its swift.
    let clang = swift.resolvingSymlinksInPath().deletingLastPathComponent().appendingPathComponent("clang")
    let sources = package.url.appendingPathComponent("Sources/Targets/Unpacker")
    let image = scratch.appendingPathComponent("unpack.bin")
    let arguments =
      ["--target=\(architecture.triple)"] + architecture.compilerFlags + [
        "-std=c11", "-Os", "-fpic", "-ffreestanding", "-fno-builtin", "-fno-stack-protector",
        "-fno-asynchronous-unwind-tables", "-Wall", "-Wextra", "-Werror", "-nostdlib", "-static", "-fuse-ld=lld",
        "-Wl,-T,\(sources.appendingPathComponent("unpack.ld").path)", "-Wl,--oformat=binary", "-o", image.path,
        sources.appendingPathComponent("unpack.c").path,
      ]
    let outcome: Subprocess.Outcome
    do {
      outcome = try Subprocess.run(clang, arguments, in: scratch) { _ in }
    } catch {
      throw .notStarted(program: clang.path, reason: error.localizedDescription)
    }
    guard outcome.status == 0 else { throw .buildFailed(status: outcome.status, output: outcome.output) }
    do {
      code = try Data(contentsOf: image)
    } catch {
      throw .notReadable(path: image.path, reason: error.localizedDescription)
    }
  }
}
