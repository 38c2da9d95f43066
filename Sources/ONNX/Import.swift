import Foundation
import Graph
import HostTensors
import SwiftProtobuf

/// The opsets whose operators Pare reads.
public let supportedOpsets = 7...21

/// Whether the elements of large constants are read.
public enum WeightLoading: Sendable {
  case loaded
  /// Large constants have their type and extents, and read as zeros: for listings, not for evaluation.
  case headersOnly
}

/// What an import accepts and how it reads.
package struct ImportOptions: Sendable {
  /// Extents for inputs, by name.
  package var shapes: [String: [Int]] = [:]
  package var weights = WeightLoading.loaded
  package var opsets = supportedOpsets
  /// Whether float16 and bfloat16 become float32 everywhere.
  package var widensHalf = true

  package init() {}
}

/// Reads an ONNX model from a file.
///
/// `shapes` gives extents to inputs by name; without it an input's unknown first extent is 1. Opsets 7 to 21
/// of ONNX's own domain are read. float16 and bfloat16 become float32 throughout: see HalfPrecision.swift.
/// Large tensors stay in the mapped file where their alignment allows, also those in external data
/// files. Shapes of computed values are not inferred yet: `Graph.inferShapes()` does.
/// Errors: any `ONNXError` about reading. Source: https://onnx.ai/onnx/repo-docs/IR.html
public func importONNX(
  contentsOf url: URL, shapes: [String: [Int]] = [:], weights: WeightLoading = .loaded
) throws(ONNXError) -> Graph {
  var options = ImportOptions()
  options.shapes = shapes
  options.weights = weights
  return try importONNX(contentsOf: url, options)
}

/// Reads an ONNX model from memory; external data is looked for in `directory`.
///
/// Everything else is as for `importONNX(contentsOf:shapes:weights:)`.
public func importONNX(
  _ data: Data, directory: URL? = nil, shapes: [String: [Int]] = [:]
) throws(ONNXError) -> Graph {
  var options = ImportOptions()
  options.shapes = shapes
  return try importONNX(FileBytes(copying: data), directory: directory?.path, options)
}

package func importONNX(_ data: Data, _ options: ImportOptions) throws(ONNXError) -> Graph {
  try importONNX(FileBytes(copying: data), directory: nil, options)
}

package func importONNX(contentsOf url: URL, _ options: ImportOptions) throws(ONNXError) -> Graph {
  let file: FileBytes
  do {
    file = try FileBytes(mapping: url.path)
  } catch {
    throw .unreadable(path: url.path, reason: error.text)
  }
  return try importONNX(file, directory: url.deletingLastPathComponent().path, options)
}

private func importONNX(
  _ file: FileBytes, directory: String?, _ options: ImportOptions
) throws(ONNXError) -> Graph {
  let parts = try WeightSpans(file.bytes)
  let model = try decode(Onnx_ModelProto.self, parts.message)
  let tensors = TensorReader(file: file, externalFiles: ExternalFiles(directory: directory), options: options)
  var builder = try GraphBuilder(model, tensors: tensors)
  return try builder.build(model.graph, spans: parts.spans)
}

/// Decodes a protocol buffer message; fields that the messages do not list are dropped.
func decode<Message: SwiftProtobuf.Message>(_ type: Message.Type, _ data: Data) throws(ONNXError) -> Message {
  var options = BinaryDecodingOptions()
  options.discardUnknownFields = true
  do {
    return try Message(serializedBytes: data, options: options)
  } catch {
    throw .malformed(reason: "\(error)")
  }
}

/// Reads a file that holds one TensorProto, as ONNX's test data does; no type is widened.
package func parseTensor(_ data: Data) throws(ONNXError) -> Tensor {
  var options = ImportOptions()
  options.widensHalf = false
  var reader = TensorReader(
    file: FileBytes(copying: Data()), externalFiles: ExternalFiles(directory: nil), options: options)
  return try reader.tensor(decode(Onnx_TensorProto.self, data))
}
