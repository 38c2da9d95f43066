import Glibc

/// The files of a folder of samples, in order.
struct SampleFolder: Sendable {
  let path: String
  let files: [String]
  /// The class of each file where the folder consists of sub-folders.
  let labels: [Int]?
  let classNames: [String]?

  /// Lists the folder at `path`: files alone, in the order of their names' bytes, or sub-folders alone, one for each
  /// class, in the order of `classes` or else of their names' bytes. Names that begin with a dot are left out.
  ///
  /// Throws `unreadable`; `malformed` where files stand beside sub-folders or folders in these; `wrongValue` where a
  /// sub-folder is none of `classes`.
  init(_ path: String, classes: [String]?, specification: String) throws(DatasetError) {
    self.path = path
    let names = try Self.names(in: path)
    let folders = names.filter { isFolder("\(path)/\($0)") }
    guard !folders.isEmpty else {
      files = names.map { "\(path)/\($0)" }
      labels = nil
      classNames = nil
      return
    }
    if let file = names.first(where: { !folders.contains($0) }) {
      throw .malformed(path: path, field: "contents", expected: "files alone or sub-folders alone", found: file)
    }
    let classNames = classes ?? folders
    if let unnamed = folders.first(where: { !classNames.contains($0) }) {
      throw .wrongValue(
        path: specification, key: "classes", expected: "the names of all sub-folders", found: "no \(unnamed)")
    }
    var files: [String] = []
    var labels: [Int] = []
    for (label, name) in classNames.enumerated() where folders.contains(name) {
      let folder = "\(path)/\(name)"
      for name in try Self.names(in: folder) {
        if isFolder("\(folder)/\(name)") {
          throw .malformed(path: folder, field: "contents", expected: "files alone", found: "the folder \(name)")
        }
        files.append("\(folder)/\(name)")
        labels.append(label)
      }
    }
    self.files = files
    self.labels = labels
    self.classNames = classNames
  }

  private static func names(in folder: String) throws(DatasetError) -> [String] {
    guard let stream = opendir(folder) else { throw .unreadable(path: folder, reason: systemReason()) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}
