import Foundation
import Graph
import HostTensors
import ONNX
import Operators
import TensorTypes

/// One of ONNX's own operator tests, or one computed by onnxruntime: a model, its inputs and the outputs it must give.
struct ConformanceCase {
  /// For example `node/test_relu`.
  var name: String
  var model: Data
  /// TensorProto files in order.
  var inputs: [Data]
  var outputs: [Data]

  /// All cases shipped beside this file, in the order of the archives.
  static func shipped() throws -> [ConformanceCase] {
    let vectors = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Vectors")
    // A developer may name a larger archive of the same layout.
    let path = ProcessInfo.processInfo.environment["PARE_CONFORMANCE_ARCHIVE"]
    let shipped = ["conformance.tar", "recurrent.tar"].map { vectors.appending(path: $0) }
    let archives = path.map { [URL(fileURLWithPath: $0)] } ?? shipped
    return try archives.flatMap { cases(in: try TarArchive(Data(contentsOf: $0))) }
  }

  private static func cases(in archive: TarArchive) -> [ConformanceCase] {
    var order: [String] = []
    var folders: [String: [String: Data]] = [:]
    for file in archive.files {
      let parts = file.path.split(separator: "/")
      let folder = parts.dropLast().joined(separator: "/")
      if folders[folder] == nil { order.append(folder) }
      folders[folder, default: [:]][String(parts.last ?? "")] = file.contents
    }
    return order.compactMap { name in
      guard let files = folders[name], let model = files["model.onnx"] else { return nil }
      func numbered(_ stem: String) -> [Data] {
        (0...).lazy.map { files["\(stem)_\($0).pb"] }.prefix { $0 != nil }.compactMap { $0 }
      }
      return ConformanceCase(name: name, model: model, inputs: numbered("input"), outputs: numbered("output"))
    }
  }
}

/// What became of a case.
enum ConformanceOutcome {
  case passed
  case skipped(String)
  /// The import or the judge refused the case with an error.
  case refused(String)
  /// The outputs differ.
  case failed(String)
}

/// Computes the outputs of a graph: the host's evaluation, or the packed model in the runtime.
///
/// Throwing `ConformanceSkip` records the case as skipped with that reason; any other error as refused,
/// which is a failure unless the case is listed as excluded.
typealias ConformanceJudge = (_ graph: Graph, _ inputs: [Tensor]) throws -> [Tensor]

/// Thrown by a judge that cannot take a case for a reason that is no failure.
struct ConformanceSkip: Error {
  var reason: String
}

extension ConformanceCase {
  /// Imports the model, lets `judge` compute it and compares.
  ///
  /// `options` may widen half precision, as a user's import does; the expected values then stay half.
  func outcome(widensHalf: Bool = false, judge: ConformanceJudge) -> ConformanceOutcome {
    do {
      let graph = try importModel(widensHalf)
      let inputs = try self.inputs.map { try parse($0, widensHalf) }
      let expected = try outputs.map { try parse($0, widensHalf) }
      guard graph.inputs.count == inputs.count else {
        return .failed("\(graph.inputs.count) inputs in the model, \(inputs.count) in the data")
      }
      let operands = zip(inputs, graph.inputs).map { $0.typed(like: graph[$1].info?.dtype) }
      let found = try judge(graph, operands)
      let typed = expected.enumerated().map { $1.typed(like: $0 < found.count ? found[$0].dtype : nil) }
      guard let difference = difference(typed, found) else { return .passed }
      return .failed(difference)
    } catch let skip as ConformanceSkip {
      return .skipped(skip.reason)
    } catch {
      return .refused("\(error)")
    }
  }

  private func parse(_ data: Data, _ widensHalf: Bool) throws -> Tensor {
    let tensor = try skippingForeignTypes { () throws(ONNXError) in try parseTensor(data) }
    let isHalf = tensor.dtype == .float16 || tensor.dtype == .bfloat16
    return widensHalf && isHalf ? tensor.converted(to: Float.self) : tensor
  }

  /// The suite also holds models of opsets 1 to 6, which users' imports refuse: here they are read as opset 7.
  private func importModel(_ widensHalf: Bool) throws -> Graph {
    var options = ImportOptions()
    options.opsets = 1...supportedOpsets.upperBound
    options.widensHalf = widensHalf
    return try skippingForeignTypes { [options] () throws(ONNXError) in try importONNX(model, options) }
  }

  /// Strings, 4-bit integers, sequences and other types that Pare does not have are no failures.
  private func skippingForeignTypes<R>(_ read: () throws(ONNXError) -> R) throws -> R {
    do {
      return try read()
    } catch {
      switch error {
      case .unsupportedType(_, let type), .unsupportedTensor(_, let type):
        throw ConformanceSkip(reason: "element type \(type)")
      default:
        throw error
      }
    }
  }
}

extension Tensor {
  /// The suite stores bfloat16 as the uint16 of the same bits; the model tells which it is.
  fileprivate func typed(like dtype: DType?) -> Tensor {
    guard self.dtype == .uint16, dtype == .bfloat16 else { return self }
    return Tensor(shape: shape, elements: elements(as: UInt16.self).map { BFloat16(bitPattern: $0) })
  }
}

extension Graph {
  /// The graph with those inputs turned into constants that must be known for the shapes to be known, and
  /// the inputs that remain: what a compiler ahead of time needs. Shapes are inferred then.
  ///
  /// ONNX's tests give axes, shapes, pads and the like as inputs.
  func bindingShapeInputs(_ tensors: [Tensor]) throws -> (Graph, [Tensor]) {
    var bound = self
    var given = Dictionary(uniqueKeysWithValues: zip(inputs, tensors))
    while let (missing, name) = try bound.missingConstants() {
      let own = Set(missing).filter { given[$0] != nil }
      // What other nodes compute from inputs is known when they are: all integers, then.
      let deciding = own.isEmpty ? given.filter { !$1.dtype.isFloat }.map(\.key) : Array(own)
      guard !deciding.isEmpty else { throw GraphError.unknownShape(value: name) }
      for id in deciding { bound[id].info = given.removeValue(forKey: id).map { ValueInfo($0) } }
    }
    bound.inputs = inputs.filter { given[$0] != nil }
    return (bound, bound.inputs.compactMap { given[$0] })
  }

  /// Infers shapes; where some node wants to know an input beforehand, that input and all after the first,
  /// and the node's name. nil when all is known.
  private mutating func missingConstants() throws -> ([ValueID], String)? {
    do {
      try inferShapes()
      return nil
    } catch {
      guard case .operatorFailed(let name, _, .inputNotConstant(let slot, _)) = error,
        let node = nodes.first(where: { $0.name == name }), slot < node.inputs.count
      else { throw error }
      return ((node.inputs[slot...slot] + node.inputs.dropFirst()).compactMap { $0 }, name)
    }
  }
}
