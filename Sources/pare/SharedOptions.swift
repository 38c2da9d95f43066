import ArgumentParser
import Datasets
import Foundation
import Graph
import Measurement
import ONNX
import Targets

/// `--json` on every command that reports figures.
struct JSONOption: ParsableArguments {
  @Flag(help: "Print the figures as one JSON object on standard output.")
  var json = false

  /// Prints the report as JSON, or the text.
  func print(_ report: some Report, else text: @autoclosure () -> String) throws {
    Swift.print(json ? try report.json() : text(), terminator: json ? "\n" : "")
  }
}

/// `--shape` on every command that reads an ONNX file.
struct ShapeOptions: ParsableArguments {
  @Option(
    name: .customLong("shape"),
    help: ArgumentHelp(
      "Extents of an input with symbolic dimensions, such as input=1,3,224,224; may be repeated. An unnamed batch is 1.",
      valueName: "name=extents"))
  var shapes: [String] = []

  func parsed() throws(CommandFailure) -> [String: [Int]] {
    var result: [String: [Int]] = [:]
    for text in shapes {
      // Input names may hold '=': the last one separates.
      guard let mark = text.lastIndex(of: "=") else {
        throw CommandFailure("--shape \(text): expected NAME=1,3,224,224", .usage)
      }
      let extents = text[text.index(after: mark)...].split(separator: ",", omittingEmptySubsequences: false)
      let numbers = extents.compactMap { Int($0.trimmingCharacters(in: .whitespaces)) }.filter { $0 > 0 }
      guard numbers.count == extents.count else {
        throw CommandFailure("--shape \(text): expected positive extents such as 1,3,224,224", .usage)
      }
      result[String(text[..<mark])] = numbers
    }
    return result
  }
}

/// `--isa` and `--threads` on every command that runs a packed model here.
struct RuntimeOptions: ParsableArguments {
  @Option(help: "Instruction set: scalar, avx2, avx512vnni, neon, neon-dotprod. The best this CPU has if not given.")
  var isa: String?

  @Option(help: "Threads that share each step. Outputs are the same bits for any number.")
  var threads = 1

  func validate() throws {
    guard (1...64).contains(threads) else { throw ValidationError("--threads: expected 1 to 64, found \(threads)") }
  }
}

/// Reads models and data sets, turning typed errors into sentences.
enum Reading {
  /// An ONNX graph with shapes inferred.
  static func graph(
    _ path: String, shapes: [String: [Int]] = [:], weights: WeightLoading = .loaded
  ) throws(CommandFailure) -> Graph {
    var graph: Graph
    do throws(ONNXError) {
      graph = try importONNX(contentsOf: URL(fileURLWithPath: path), shapes: shapes, weights: weights)
    } catch { throw error.failure(file: path) }
    do throws(GraphError) { try graph.inferShapes() } catch { throw error.failure(file: path) }
    return graph
  }

  /// An ONNX graph with constants and batch normalization folded.
  static func simplifiedGraph(_ path: String, shapes: [String: [Int]]) throws(CommandFailure) -> Graph {
    let imported = try graph(path, shapes: shapes)
    do throws(GraphError) { return try simplified(imported).0 } catch { throw error.failure(file: path) }
  }

  /// An ONNX graph in the form that training wants, weights as they are.
  static func trainingGraph(_ path: String) throws(CommandFailure) -> Graph {
    let imported = try graph(path)
    do throws(GraphError) { return try trainingForm(of: imported) } catch { throw error.failure(file: path) }
  }

  /// A .onnx or a .pare file, by its ending.
  static func network(
    _ path: String, shapes: [String: [Int]], runtime: RuntimeOptions
  ) throws(CommandFailure) -> Network {
    if isPacked(path) { return .packed(try packed(path, runtime)) }
    return .graph(Evaluator(try graph(path, shapes: shapes)))
  }

  static func isPacked(_ path: String) -> Bool { path.lowercased().hasSuffix(".pare") }

  static func packed(_ path: String, _ runtime: RuntimeOptions? = nil) throws(CommandFailure) -> PackedNetwork {
    do throws(PackedNetworkError) {
      return try PackedNetwork(contentsOf: path, instructionSet: runtime?.isa, threads: runtime?.threads ?? 1)
    } catch { throw error.failure }
  }

  static func dataset(_ path: String) throws(CommandFailure) -> Dataset {
    do throws(DatasetError) {
      let dataset = try Dataset(contentsOf: path)
      for skipped in dataset.skipped { Console.note("skipped: \(skipped.error)") }
      return dataset
    } catch {
      throw CommandFailure("\(error)")
    }
  }

  static func package(_ path: String?) throws(CommandFailure) -> PackageFolder {
    do throws(PackageFolderError) {
      if let path { return try PackageFolder(path: path) }
      return try PackageFolder.ofRunningExecutable()
    } catch { throw error.failure }
  }

  static func target(_ id: String, _ package: PackageFolder) throws(CommandFailure) -> Target {
    do throws(TargetError) {
      if id.hasSuffix(".yaml") { return try Target(file: URL(fileURLWithPath: id)) }
      return try Target.named(id, in: package.targets)
    } catch { throw error.failure }
  }
}

/// Writes models, turning typed errors into sentences.
enum Writing {
  /// A float network, its batch named N where it takes any.
  static func graph(_ graph: Graph, to path: String) throws(CommandFailure) {
    do throws(ONNXError) { try exportONNX(graph, to: URL(fileURLWithPath: path), batchName: "N") } catch {
      throw error.failure(file: path)
    }
  }
}
