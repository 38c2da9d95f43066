import Foundation
import Testing

/// The module table of ARCHITECTURE.md and the `import` lines of Sources/ must agree.
struct ImportArrowTests {
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// Module to the modules it may import, in the table's order.
  static let table: [(module: String, imports: Set<String>)] = {
    let text = (try? String(contentsOf: root.appendingPathComponent("ARCHITECTURE.md"), encoding: .utf8)) ?? ""
    return text.split(separator: "\n").filter { $0.hasPrefix("| ") && !$0.hasPrefix("| ---") }.dropFirst().map { row in
      let cells = row.split(separator: "|", omittingEmptySubsequences: false).map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      let imports = cells[2].split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      return (cells[1], Set(imports))
    }
  }()

  static let modules = table.map(\.module)

  /// Modules that are also compiled for the device.
  static let deviceLine = ["TensorTypes", "ModelFormat", "Inflate", "NumPyFormat", "Runtime", "pare-run"]

  static func imports(of module: String) throws -> [(file: String, name: String)] {
    let folder = root.appendingPathComponent("Sources/\(module)")
    let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
    var found: [(String, String)] = []
    while let file = files?.nextObject() as? URL {
      guard file.pathExtension == "swift" else { continue }
      for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
        let words = line.split(separator: " ")
        guard let place = words.firstIndex(of: "import"), words.count > place + 1, line.contains("import "),
          words[..<place].allSatisfy({ ["public", "package", "internal", "@testable", "@preconcurrency"].contains($0) })
        else { continue }
        found.append((file.lastPathComponent, String(words[place + 1])))
      }
    }
    return found
  }

  @Test func everySourceFolderHasARow() throws {
    let folders = try FileManager.default.contentsOfDirectory(atPath: Self.root.appendingPathComponent("Sources").path)
    #expect(Set(folders) == Set(Self.modules))
  }

  @Test func arrowsPointDown() {
    for (index, row) in Self.table.enumerated() where row.module != "pare" {
      let below = Set(Self.modules[..<index])
      #expect(row.imports.isSubset(of: below), "\(row.module) names \(row.imports.subtracting(below)) above itself")
    }
  }

  @Test(arguments: modules)
  func importsOnlyWhatItsRowNames(module: String) throws {
    let house = Set(Self.modules)
    let allowed = Self.table.first { $0.module == module }?.imports ?? []
    for (file, name) in try Self.imports(of: module) where house.contains(name) {
      #expect(allowed.contains(name), "\(module)/\(file) imports \(name), which its row does not name")
    }
  }

  @Test(arguments: deviceLine)
  func deviceLineNeedsNoFoundation(module: String) throws {
    let house = Set(Self.modules)
    for (file, name) in try Self.imports(of: module) {
      // Behind `#if os(Linux)` the device executable is an ordinary program of the host.
      let isHostOnly = module == "pare-run" && file == "main.swift" && name == "Glibc"
      #expect(house.contains(name) || isHostOnly, "\(module)/\(file) imports \(name), which the device does not have")
    }
  }

  @Test(arguments: ["Pruning", "Quantization", "Distillation", "WeightSharing", "LowRank"])
  func passesDoNotImportEachOther(pass: String) throws {
    let others = ["Pruning", "Quantization", "Distillation", "WeightSharing", "LowRank", "Packing"].filter {
      $0 != pass
    }
    for (file, name) in try Self.imports(of: pass) {
      #expect(!others.contains(name), "\(pass)/\(file) imports \(name)")
    }
  }
}
