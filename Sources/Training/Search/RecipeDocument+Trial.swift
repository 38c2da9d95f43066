import Foundation

extension RecipeDocument {
  /// The recipe of one trial, without the ranges. Errors: `.noSuchPlace`.
  public func applying(_ changes: [SearchTrial.Change]) throws(RecipeError) -> RecipeDocument {
    var document = self
    document.remove("tune")
    for change in changes { try document.set(change.key, to: change.value) }
    return document
  }

  /// Text of the recipe to stand at `path`: relative paths lead from there to the same files.
  ///
  /// Errors: `.noSuchPlace`, `.malformedYAML`.
  public func yaml(at path: String) throws(RecipeError) -> String {
    var document = self
    let mapping = try value.mapping()
    func files(_ key: String, _ names: [String]) throws(RecipeError) -> [RecipeValue] {
      guard let inner = try mapping[key]?.mapping() else { return [] }
      return names.compactMap { inner[$0] }
    }
    // A share of the training data stands where a DATA file may.
    let paths = try files("data", ["train", "test", "validation"]) + files("network", ["file"])
    for value in paths {
      let name = try value.text()
      guard Double(name) == nil || value.key != "data.validation" else { continue }
      let file = URL(fileURLWithPath: located(name, from: self.path)).standardizedFileURL
      let folder = URL(fileURLWithPath: path).deletingLastPathComponent().standardizedFileURL
      let text = name.hasPrefix("/") ? name : Self.path(from: folder.pathComponents, to: file.pathComponents)
      try document.set(value.key, to: "'\(text.replacingOccurrences(of: "'", with: "''"))'")
    }
    return try document.yaml()
  }

  private static func path(from folder: [String], to file: [String]) -> String {
    let shared = zip(folder, file).prefix { $0 == $1 }.count
    let steps = Array(repeating: "..", count: folder.count - shared) + file.dropFirst(shared)
    return steps.joined(separator: "/")
  }
}
