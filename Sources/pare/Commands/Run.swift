import ArgumentParser
import Datasets
import Foundation
import HostTensors
import Measurement

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs a network once, on .npy files or on one sample of a data set.",
    discussion: """
        pare run model.pare --input x.npy --output y.npy
        pare run model.onnx --input a=a.npy --input b=b.npy --outputs results/
        pare run model.pare --data data.yaml --sample 3 --save-input x.npy --output y.npy

      The dtype of each file must be the network's; a batch extent of 1 may be missing. A saved input is \
      what the device's executable takes: app --input x.npy --output y.npy.
      """)

  @Argument(help: "A .onnx or .pare file.") var model: String
  @Option(help: ArgumentHelp("An input file; NAME=FILE where there are several.", valueName: "[name=]file"))
  var input: [String] = []
  @Option(help: "Take the input from this data set's YAML file instead.") var data: String?
  @Option(help: "Which sample of --data, from 0.") var sample = 0
  @Option(help: ArgumentHelp("Write the input that was fed as .npy, preprocessed.", valueName: "file"))
  var saveInput: String?
  @Option(help: ArgumentHelp("Where the first output goes.", valueName: "file")) var output: String?
  @Option(help: ArgumentHelp("A folder for every output, each as NAME.npy.", valueName: "folder"))
  var outputs: String?
  @OptionGroup var shapes: ShapeOptions
  @OptionGroup var runtime: RuntimeOptions

  func validate() throws {
    guard output != nil || outputs != nil else { throw ValidationError("name --output FILE or --outputs FOLDER") }
    guard input.isEmpty != (data == nil) else { throw ValidationError("name --input FILE or --data FILE, one of them") }
  }

  func run() throws {
    let network = try Reading.network(model, shapes: try shapes.parsed(), runtime: runtime)
    let tensors = try data.map { try sampled($0, network.inputs) } ?? bind(network.inputs)
    if let saveInput, let first = tensors.first { try write(first, saveInput) }
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

  private func sampled(_ data: String, _ interfaces: [Network.Interface]) throws(CommandFailure) -> [Tensor] {
    let dataset = try Reading.dataset(data)
    guard let interface = interfaces.first, interfaces.count == 1 else {
      throw CommandFailure("--data feeds one input; the network has \(interfaces.count)", .usage)
    }
    guard (0..<dataset.count).contains(sample) else {
      throw CommandFailure("--sample \(sample): the data set has \(dataset.count) samples, from 0", .usage)
    }
    do throws(DatasetError) {
      let tensor = try dataset.sample(sample, shapedFor: interface.shape)
      return [Evaluation.converted(tensor, to: interface.dtype)]
    } catch { throw CommandFailure("\(error)") }
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
