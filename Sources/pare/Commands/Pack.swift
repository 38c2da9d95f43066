import ArgumentParser
import Datasets
import Foundation
import Graph
import Measurement
import Packing

struct Pack: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Packs a float or quantized network into a .pare file.",
    discussion: """
      Lowers the network to fused steps, plans the arena, compresses the weights with zlib and prints \
      the ledger: raw, stored, entropy floor, compressed, overhead. The ratio is always 4 bytes x the \
      original parameters over the bytes of the whole file. With --data the file also carries the class \
      names and the preprocessing of that data set.

        pare pack int8.onnx -o model.pare
        pare pack int8.onnx -o model.pare --data data.yaml --max-size 65536   # exit code 5 above
      """)

  @Argument(help: "A .onnx file.") var model: String
  @Option(name: [.customShort("o"), .customLong("output")], help: "The .pare file.") var path: String
  @Option(help: "A data set's YAML file whose class names and preprocessing the file shall carry.")
  var data: String?
  @Option(help: "The network's name in the file; the graph's name if not given.") var name: String?
  @Option(help: "Parameters before any compression, for the ratio, if the network was pruned.")
  var originalParameters: Int?
  @Option(help: "Write nothing and fail with exit code 5 if the file would have more bytes than this.")
  var maxSize: Int?
  @Flag(help: "List the steps.") var steps = false
  @OptionGroup var shapes: ShapeOptions
  @OptionGroup var output: JSONOption

  func run() throws {
    let graph = try Reading.simplifiedGraph(model, shapes: try shapes.parsed())
    let options = try options()
    let packed: PackedModel
    do throws(PackError) { packed = try pack(graph, options: options) } catch {
      throw CommandFailure(error.sentence(file: model), error.status)
    }
    for note in packed.notes { Console.note("node '\(note.node)': \(note.reason)") }
    if let maxSize, packed.bytes.count > maxSize {
      throw CommandFailure(
        "the file would have \(packed.bytes.count.grouped) bytes, above the gate of \(maxSize.grouped); nothing written",
        .sizeOrLatencyGate)
    }
    do throws(PackError) { try packed.write(to: URL(fileURLWithPath: path)) } catch {
      throw CommandFailure(error.sentence(file: path), error.status)
    }
    try output.print(
      packed.ledger, else: packed.ledger.table + "\n" + (steps ? "\n" + stepTable(packed) : ""))
  }

  private func options() throws(CommandFailure) -> PackOptions {
    var options = PackOptions()
    if let data {
      do throws(DatasetError) {
        options = PackOptions(labelledBy: try DatasetSpecification(contentsOf: data))
      } catch { throw CommandFailure("\(error)") }
    }
    options.networkName = name
    options.originalParameters = originalParameters
    return options
  }

  private func stepTable(_ packed: PackedModel) -> String {
    var table = TextTable([.init("#", .trailing), .init("step"), .init("output bytes", .trailing), .init("name")])
    for (index, step) in packed.steps.enumerated() {
      table.add([String(index), step.kind, step.outputBytes.grouped, step.name])
    }
    return table.rendered
  }
}

extension Ledger: Report {}

extension PackError {
  var status: ExitStatus {
    switch self {
    case .unsupported, .unsupportedType, .unsupportedExtent, .graph, .tooLarge: .unsupportedModel
    case .selfCheckFailed, .compressionFailed, .writeFailed: .failure
    }
  }

  func sentence(file: String) -> String {
    switch self {
    case .unsupported(let node, let kind, let reason): "\(file): node '\(node)' (\(kind.rawValue)): \(reason)"
    case .unsupportedType(let value, let dtype):
      "\(file): '\(value)' has the type \(dtype.name), which the device does not store"
    case .unsupportedExtent(let value, let shape): "\(file): '\(value)' has the shape \(shape), which cannot be packed"
    case .graph(let error): "\(file): \(error.sentence)"
    case .selfCheckFailed(let reason): "\(file): the packed file does not run: \(reason)"
    case .compressionFailed(let code): "\(file): zlib failed with code \(code)"
    case .tooLarge(let bytes): "\(file): \(bytes) bytes are more than a .pare file can hold"
    case .writeFailed(let path, let reason): "\(path): cannot be written: \(reason)"
    }
  }
}
