import ArgumentParser
import Datasets
import Foundation
import HostTensors
import Measurement

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs a network once on .npy inputs.",
    discussion: """
        pare run model.pare --input x.npy --output y.npy
        pare run model.onnx --input a=a.npy --input b=b.npy --outputs results/

      The dtype of each file must be the network's; a batch extent of 1 may be missing.
      """)

  @Argument(help: "A .onnx or .pare file.") var model: String
  @Option(help: ArgumentHelp("An input file; NAME=FILE where there are several.", valueName: "[name=]file"))
  var input: [String]
  @Option(help: ArgumentHelp("Where the first output goes.", valueName: "file")) var output: String?
  @Option(help: ArgumentHelp("A folder for every output, each as NAME.npy.", valueName: "folder"))
  var outputs: String?
  @OptionGroup var shapes: ShapeOptions
  @OptionGroup var runtime: RuntimeOptions

  func validate() throws {
    guard output != nil || outputs != nil else { throw ValidationError("name --output FILE or --outputs FOLDER") }
  }

  func run() throws {
    let network = try Reading.network(model, shapes: try shapes.parsed(), runtime: runtime)
    let tensors = try bind(network.inputs)
    let results: [Tensor]
    do throws(NetworkError) { results = try network.run(tensors) } catch { throw error.failure(file: model) }
    if let output, let first = results.first { try write(first, output) }
    guard let outputs else { return }
    do {
      try FileManager.default.createDirectory(atPath: outputs, withIntermediateDirectories: true)
    } catch { throw CommandFailure("\(outputs): cannot be made: \(error.localizedDescription)") }
    for (interface, tensor) in zip(network.outputs, results) {
      let name = interface.name.map { $0 == "/" ? "_" : $0 }
      try write(tensor, "\(outputs)/\(String(name)).npy")
    }
  }

  /// One tensor for each input, in the network's order.
  private func bind(_ interfaces: [Network.Interface]) throws(CommandFailure) -> [Tensor] {
    var files: [String: String] = [:]
    for text in input {
      if let named = interfaces.first(where: { text.hasPrefix($0.name + "=") }) {
        files[named.name] = String(text.dropFirst(named.name.count + 1))
      } else if let first = interfaces.first, input.count == 1, interfaces.count == 1 {
        files[first.name] = text
      } else {
        let names = interfaces.map { "'\($0.name)'" }.joined(separator: ", ")
        throw CommandFailure("--input \(text): expected NAME=FILE with one of \(names)", .usage)
      }
    }
    var tensors: [Tensor] = []
    for interface in interfaces {
      guard let file = files[interface.name] else {
        throw CommandFailure("no --input for '\(interface.name)'", .usage)
      }
      tensors.append(try read(file, for: interface))
    }
    return tensors
  }

  private func read(_ file: String, for interface: Network.Interface) throws(CommandFailure) -> Tensor {
    let tensor: Tensor
    do throws(DatasetError) { tensor = try Npy.read(file) } catch { throw CommandFailure("\(error)") }
    guard tensor.dtype == interface.dtype, tensor.count == interface.shape.elementCount else {
      throw CommandFailure(
        "\(file): expected \(interface.dtype.name)\(interface.shape) for the input '\(interface.name)', "
          + "found \(tensor.dtype.name)\(tensor.shape)", .usage)
    }
    return tensor.reshaped(interface.shape)
  }

  private func write(_ tensor: Tensor, _ file: String) throws(CommandFailure) {
    do throws(DatasetError) { try Npy.write(tensor, to: file) } catch { throw CommandFailure("\(error)") }
  }
}
