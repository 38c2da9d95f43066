import Foundation
import Synchronization
import Testing

/// A pass of the pipeline with the options that these tests give it.
enum Pass: String, CaseIterable, CustomTestStringConvertible, Sendable {
  case prune, pruneInTraining, pruneTwoOfFour, removeChannels
  case factorize
  case cluster, clusterAndTrain
  case quantize, quantizeToFourBits, quantizeInTraining
  case distill, finetune

  var testDescription: String { rawValue }

  /// Bits of a place in a codebook.
  static let bits = 3

  /// The command that takes the network `model` to `output`, in the folder of `PassNetworks`.
  func command(_ model: String, _ output: String) -> [String] {
    let training = ["--data", "train.yaml", "--epochs", "1", "--learning-rate", "0.003", "--seed", "3"]
    let quantizing = ["quantize", model, "--calibration", "calibration.yaml"]
    let arguments =
      switch self {
      case .prune: ["prune", model, "--sparsity", "0.5"]
      case .pruneInTraining: ["prune", model, "--sparsity", "0.6"] + training
      case .pruneTwoOfFour: ["prune", model, "--pattern", "2:4"]
      case .removeChannels: ["prune", model, "--channels", "--macs", "0.6"]
      case .factorize: ["factorize", model, "--energy", "0.8"]
      case .cluster: ["cluster", model, "--bits", "\(Self.bits)"]
      case .clusterAndTrain: ["cluster", model, "--bits", "\(Self.bits)"] + training
      case .quantize: quantizing
      case .quantizeToFourBits: quantizing + ["--weight-bits", "4"]
      case .quantizeInTraining: quantizing + ["--weight-bits", "6", "--train"] + training
      case .distill: ["distill", "--teacher", "start.onnx", "--student", model] + training
      case .finetune: ["finetune", model] + training
      }
    return arguments + ["-o", output]
  }

  var prunes: Bool { [.prune, .pruneInTraining, .pruneTwoOfFour].contains(self) }
  var clusters: Bool { [.cluster, .clusterAndTrain].contains(self) }
  var quantizes: Bool { greatestLevel != nil }
  /// Of the integers that it writes.
  var greatestLevel: Float? {
    switch self {
    case .quantize: 127
    case .quantizeToFourBits: 7
    case .quantizeInTraining: 31
    case .prune, .pruneInTraining, .pruneTwoOfFour, .removeChannels, .factorize, .cluster, .clusterAndTrain, .distill,
      .finetune:
      nil
    }
  }

  /// What is said where this pass comes after `first` and cannot take its result; nil where it can.
  func refusal(after first: Pass) -> String? {
    if first.quantizes {
      switch self {
      case .prune, .pruneTwoOfFour: return "there is no float weight to prune; prune before quantizing"
      case .pruneInTraining, .distill, .finetune: return "there is no float weight; train before quantizing"
      case .cluster, .clusterAndTrain: return "there is no float weight to share; cluster before quantizing"
      case .factorize: return "conv1: the weight is quantized; factorize before quantizing"
      case .quantize, .quantizeToFourBits, .quantizeInTraining: return "is quantized already"
      case .removeChannels: return nil
      }
    }
    guard self == .factorize else { return nil }
    if first.prunes { return "% of the weight are zeros of a mask, which factors would fill" }
    return first.clusters ? "the weight is a codebook of 8 values, which factors would lose" : nil
  }
}

/// A small network of the shipped digits, and what each pass makes of it, each done once for all tests.
actor PassNetworks {
  static let shared = PassNetworks()

  /// Held here so that it goes when the process does.
  private static let place = Mutex<ScratchFolder?>(nil)
  private var made: Set<Pass> = []

  /// The folder with `start.onnx`, the network before any pass.
  private func start() throws -> ScratchFolder {
    if let folder = Self.place.withLock({ $0 }) { return folder }
    let folder = try ScratchFolder()
    try Self.writeData(in: folder)
    let trained = try Pare.run("train", "recipe.yaml", "-o", "start.onnx", in: folder)
    try #require(trained.status == 0, "\(trained.errors)")
    Self.place.withLock { $0 = folder }
    atexit { PassNetworks.place.withLock { $0 = nil } }
    return folder
  }

  /// The folder with the result of `pass`, as `PASS.onnx`.
  func folder(with pass: Pass) throws -> ScratchFolder {
    let folder = try start()
    guard made.insert(pass).inserted else { return folder }
    let outcome = try Pare.run(pass.command("start.onnx", "\(pass.rawValue).onnx"), in: folder)
    try #require(outcome.status == 0, "\(outcome.errors)")
    return folder
  }

  /// A folder of its own with the data and `start.onnx`.
  func freshFolder() throws -> ScratchFolder {
    let folder = try ScratchFolder()
    try Self.writeData(in: folder)
    try folder.write(try start().bytes("start.onnx"), to: "start.onnx")
    return folder
  }

  /// `train.yaml`, `calibration.yaml`, `test.yaml` and `recipe.yaml`.
  static func writeData(in folder: ScratchFolder) throws {
    let digits = Pare.file("models/data/mnist/t10k")
    for (name, range) in [("train", "[0, 400]"), ("calibration", "[400, 432]"), ("test", "[9700, 10000]")] {
      try folder.write(
        """
        inputs: \(digits)-images-idx3-ubyte.gz
        labels: \(digits)-labels-idx1-ubyte.gz
        range: \(range)
        preprocess: { layout: NCHW, scale: 0.00392156862745098 }

        """.utf8, to: "\(name).yaml")
    }
    try folder.write(
      """
      network:
        input: [1, 28, 28]
        layers:
          - conv: { filters: 8, kernel: 5, stride: 2, activation: relu }
          - conv: { filters: 16, kernel: 3, activation: relu }
          - max_pool: 2
          - flatten
          - dense: { units: 24, activation: relu }
          - dense: 10
          - softmax
      data: { train: train.yaml }
      loss: cross_entropy
      optimizer: { adam: { learning_rate: 0.01 } }
      epochs: 4
      batch: 32

      """.utf8, to: "recipe.yaml")
  }
}
