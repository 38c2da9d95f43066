import Foundation

/// The checkout of Pare, which holds the sources of the device line and the targets.
public struct PackageFolder: Equatable, Sendable {
  public let url: URL

  /// Targets that ship with Pare.
  public var targets: URL { url.appendingPathComponent("targets") }

  /// The folder `path`, which must be a checkout of Pare.
  public init(path: String) throws(PackageFolderError) {
    let folder = URL(fileURLWithPath: path).standardizedFileURL
    guard PackageFolder.holdsPare(folder) else { throw .notPare(folder: folder.path) }
    url = folder
  }

  /// The nearest folder at or above `start` that is a checkout of Pare.
  public init(above start: URL) throws(PackageFolderError) {
    var folder = start.resolvingSymlinksInPath().standardizedFileURL
    while !PackageFolder.holdsPare(folder) {
      let parent = folder.deletingLastPathComponent().standardizedFileURL
      guard parent.path != folder.path else { throw .notFound(above: start.path) }
      folder = parent
    }
    url = folder
  }

  /// The checkout that the running executable was built in, or else the one around the working folder.
  public static func ofRunningExecutable() throws(PackageFolderError) -> PackageFolder {
    let executable = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    do throws(PackageFolderError) {
      return try PackageFolder(above: executable.deletingLastPathComponent())
    } catch {
      return try PackageFolder(above: URL(fileURLWithPath: FileManager.default.currentDirectoryPath))
    }
  }

  private static func holdsPare(_ folder: URL) -> Bool {
    let manifest = try? String(contentsOf: folder.appendingPathComponent("Package.swift"), encoding: .utf8)
    return manifest?.contains("name: \"pare\"") ?? false
  }
}

public enum PackageFolderError: Error, Equatable, Sendable {
  case notPare(folder: String)
  case notFound(above: String)
}
