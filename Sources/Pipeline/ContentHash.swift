import Foundation
import Training
import Yams

/// Hashes of what files hold.
enum ContentHash {
  /// Adds the contents of `file` and, where it is YAML, of the files that its values name.
  ///
  /// Of a folder count the names, sizes and times of what is in it.
  static func add(_ file: String, to hash: inout StableHash) {
    var visited: Set<String> = []
    add(file, to: &hash, &visited)
  }

  private static func add(_ file: String, to hash: inout StableHash, _ visited: inout Set<String>) {
    let path = URL(fileURLWithPath: file).standardizedFileURL.path
    var isFolder: ObjCBool = false
    guard visited.insert(path).inserted, FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      return
    }
    if isFolder.boolValue { return addFolder(path, to: &hash) }
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped) else { return }
    data.withUnsafeBytes { hash.add($0) }
    guard path.hasSuffix(".yaml") || path.hasSuffix(".yml"),
      let text = String(data: data, encoding: .utf8), let root = try? compose(yaml: text)
    else { return }
    for name in scalars(root) {
      // Part of an archive: `file.npz#name`.
      let base = name.split(separator: "#").first.map(String.init) ?? name
      add(located(base, from: path), to: &hash, &visited)
    }
  }

  private static func addFolder(_ path: String, to hash: inout StableHash) {
    for name in (FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []).sorted() {
      let attributes = try? FileManager.default.attributesOfItem(atPath: "\(path)/\(name)")
      let time = (attributes?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
      hash.add("\(name) \(attributes?[.size] as? Int ?? 0) \(time)\n")
    }
  }

  private static func scalars(_ node: Node) -> [String] {
    switch node {
    case .scalar(let scalar): scalar.string.contains("\n") || scalar.string.isEmpty ? [] : [scalar.string]
    case .mapping(let mapping): mapping.flatMap { scalars($0.value) }
    case .sequence(let sequence): sequence.flatMap(scalars)
    case .alias: []
    }
  }
}
