import CLinux
import Foundation
import HostTensors
import ModelFormat
import Runtime
import TensorTypes

/// A .pare file loaded into the runtime of this process.
public final class PackedNetwork {
  public let model: Model
  /// Microseconds that loading took: checks, inflation, prepacking.
  public let loadMicroseconds: Double
  public let fileBytes: Int

  /// Errors: `.unreadable`, or `.load` with what the runtime refused.
  public convenience init(
    contentsOf path: String, instructionSet: String? = nil, threads: Int = 1
  ) throws(PackedNetworkError) {
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    } catch {
      throw .unreadable(path: path, reason: error.localizedDescription)
    }
    try self.init(data, path: path, instructionSet: instructionSet, threads: threads)
  }

  public init(
    _ data: Data, path: String = "(memory)", instructionSet: String? = nil, threads: Int = 1,
    memoryLimitBytes: Int = .max
  ) throws(PackedNetworkError) {
    let clock = ContinuousClock()
    let start = clock.now
    let loaded: Result<Model, LoadError> = data.withUnsafeBytes { file in
      var options = LoadOptions()
      options.threads = threads
      options.memoryLimitBytes = memoryLimitBytes
      options.hardwareCapabilities = HardwareCapabilities.ofThisMachine
      func load() -> Result<Model, LoadError> { Result { () throws(LoadError) in try Model(file, options: options) } }
      guard var name = instructionSet else { return load() }
      return name.withUTF8 { text in
        options.instructionSet = UnsafeRawBufferPointer(text)
        return load()
      }
    }
    switch loaded {
    case .success(let model): self.model = model
    case .failure(let error): throw .load(path: path, error)
    }
    loadMicroseconds = (clock.now - start).microseconds
    fileBytes = data.count
  }

  public var instructionSet: String { String(decoding: model.instructionSet.bytes, as: UTF8.self) }

  public var inputs: [PackedInterface] { (0..<model.inputCount).map { PackedInterface(model.input($0)) } }
  public var outputs: [PackedInterface] { (0..<model.outputCount).map { PackedInterface(model.output($0)) } }

  /// The names a metadata tag lists, in their order.
  public func names(_ tag: MetadataTag) -> [String] {
    (0..<model.nameCount(tag)).map { String(decoding: model.name(tag, $0), as: UTF8.self) }
  }

  /// The outputs for `inputs`, which are in the model's order. Errors: `.input` where count or type differ.
  public func run(_ inputs: [Tensor]) throws(PackedNetworkError) -> [Tensor] {
    guard inputs.count == model.inputCount else {
      throw .inputCount(expected: model.inputCount, found: inputs.count)
    }
    for (index, tensor) in inputs.enumerated() {
      let expected = PackedInterface(model.input(index))
      guard expected.dtype == tensor.dtype, expected.shape.elementCount == tensor.count else {
        throw .input(
          name: expected.name, expected: expected.description,
          found: "\(tensor.dtype.name)\(tensor.shape)")
      }
      tensor.withBytes { model.inputBytes(index).copyMemory(from: $0) }
    }
    model.run()
    return outputs.enumerated().map { index, interface in
      Tensor(
        dtype: interface.dtype, shape: interface.shape, storage: TensorStorage(copying: model.outputBytes(index)))
    }
  }
}

/// Name, type and extents of a packed model's input or output.
public struct PackedInterface: Sendable, Equatable, CustomStringConvertible {
  public let name: String
  public let dtype: DType
  public let shape: [Int]

  init(_ interface: TensorInterface) {
    name = String(decoding: interface.name, as: UTF8.self)
    dtype = interface.dtype
    shape = (0..<interface.rank).map { interface.shape[$0] }
  }

  public var description: String { "\(dtype.name)\(shape)" }
}

public enum PackedNetworkError: Error, Equatable, Sendable {
  case unreadable(path: String, reason: String)
  case load(path: String, LoadError)
  case inputCount(expected: Int, found: Int)
  case input(name: String, expected: String, found: String)
}

/// What the kernel says of this CPU in the auxiliary vector.
enum HardwareCapabilities {
  /// AT_HWCAP and AT_HWCAP2.
  static var ofThisMachine: (UInt64, UInt64) { (pare_hwcap(), pare_hwcap2()) }
}
