import Foundation
import Graph
import HostTensors
import Operators
import SwiftProtobuf
import TensorTypes

/// Writes a graph as an ONNX model: opset 21, IR version 10, constants as raw data.
///
/// Names are kept. A file that would pass protobuf's 2 GB puts its large constants into a file of the same
/// name with `.data` appended, as external data. Both are written beside their place and renamed, so
/// a failure leaves an earlier file whole. `batchName` is what axis 0 of inputs and outputs is called, instead of a
/// fixed extent, where the graph takes any batch. With `packsFourBits` int8 weights from -8 to 7 that DequantizeLinear
/// alone reads become INT4, two to a byte.
/// Errors: `.unwritable`; `.untypedValue` where `Graph.inferShapes()` did not give an input or output its type.
public func exportONNX(
  _ graph: Graph, to url: URL, batchName: String? = nil, packsFourBits: Bool = false
) throws(ONNXError) {
  try exportONNX(
    graph, to: url, batchName: batchName, packsFourBits: packsFourBits, greatestFileByteCount: Int(Int32.max))
}

package func exportONNX(
  _ graph: Graph, to url: URL, batchName: String? = nil, packsFourBits: Bool = false, greatestFileByteCount: Int
) throws(ONNXError) {
  var encoder = GraphEncoder(graph, batchName: batchName, packsFourBits: packsFourBits)
  let shell = try encoder.model()
  let inlineByteCount = encoder.constants.reduce(shell.byteCount) { $0 + $1.tensor.byteCount + 256 }
  let dataName = inlineByteCount > greatestFileByteCount ? url.lastPathComponent + ".data" : nil
  var writer = try ModelWriter(url: url, dataName: dataName)
  try writer.write(shell, constants: encoder.constants)
}

/// The parts of a model file that are not weights, ready to be joined with them.
struct ModelShell {
  /// ModelProto without its graph.
  var model: Data
  /// GraphProto without initializers.
  var graph: Data

  var byteCount: Int { model.count + graph.count }
}

/// A constant to be written as an initializer.
struct NamedConstant {
  var name: String
  /// The bytes that are written.
  let tensor: Tensor
  /// The shape of elements of 4 bits, two of which are a byte of `tensor`; nil where its elements are written as they are.
  private let fourBitShape: [Int]?

  init(name: String, tensor: Tensor, packsFourBits: Bool = false) {
    self.name = name
    self.tensor = packsFourBits ? FourBits.packed(tensor) : tensor
    fourBitShape = packsFourBits ? tensor.shape : nil
  }

  /// The message without data.
  var header: Onnx_TensorProto {
    var proto = tensorHeader(tensor, name: name)
    guard let fourBitShape else { return proto }
    proto.dims = fourBitShape.map { Int64($0) }
    proto.dataType = FourBits.signed.rawValue
    return proto
  }
}

/// Turns a graph into protobuf messages.
struct GraphEncoder {
  private let graph: Graph
  /// Stands for the extent of axis 0; nil to write extents as they are.
  private let batchName: String?
  private var takenNames: Set<String>
  /// What the nodes read as initializers; complete after `model()`.
  private(set) var constants: [NamedConstant]

  init(_ graph: Graph, batchName: String? = nil, packsFourBits: Bool = false) {
    self.graph = graph
    self.batchName = batchName.flatMap { graph.takesAnyBatch ? $0 : nil }
    takenNames = Set(graph.values.map(\.name))
    // Shape inference also notes the values of computed constants; their nodes are written.
    let computed = graph.producers()
    let fourBits = packsFourBits ? graph.fourBitConstants() : []
    constants = graph.liveConstants().compactMap { id in
      guard computed[id] == nil else { return nil }
      return graph[id].constant.map {
        NamedConstant(name: graph[id].name, tensor: $0, packsFourBits: fourBits.contains(id))
      }
    }
  }

  mutating func model() throws(ONNXError) -> ModelShell {
    var proto = Onnx_GraphProto()
    proto.name = graph.name.isEmpty ? "graph" : graph.name
    proto.node = graph.nodes.map { encode($0) }
    for id in graph.inputs { proto.input.append(try encode(graph[id])) }
    for id in graph.outputs { proto.output.append(try encode(graph[id])) }
    var model = Onnx_ModelProto()
    model.irVersion = 10
    model.producerName = "pare"
    var opset = Onnx_OperatorSetIdProto()
    opset.version = Int64(canonicalOpset)
    model.opsetImport = [opset]
    return ModelShell(model: try serialized(model), graph: try serialized(proto))
  }

  private mutating func encode(_ node: Node) -> Onnx_NodeProto {
    var proto = Onnx_NodeProto()
    proto.name = node.name
    proto.opType = node.kind.rawValue
    proto.input = node.inputs.map { $0.map { graph[$0].name } ?? "" }
    proto.output = node.outputs.map { $0.map { graph[$0].name } ?? "" }
    // Opset 10 has the scales second; opset 11 put a region of interest before them.
    if node.kind == .resize, proto.input.count == 2 { proto.input.insert("", at: 1) }
    if let op = node.op as? any CanonicalInputs { addInputs(of: op, node, to: &proto) }
    proto.attribute = node.op.attributes.sorted { $0.key < $1.key }.map { encode($1, name: $0) }
    return proto
  }

  /// What an older opset wrote as attributes and opset 21 takes as inputs.
  private mutating func addInputs(of op: any CanonicalInputs, _ node: Node, to proto: inout Onnx_NodeProto) {
    for (index, tensor) in op.attributeInputs(graph.inputInfos(of: node)).enumerated() {
      guard let tensor, index >= proto.input.count || proto.input[index].isEmpty else { continue }
      let name = uniqueName("\(node.name)_input\(index)")
      constants.append(NamedConstant(name: name, tensor: tensor))
      while proto.input.count <= index { proto.input.append("") }
      proto.input[index] = name
    }
  }

  private mutating func uniqueName(_ wanted: String) -> String {
    var name = wanted
    var suffix = 1
    while !takenNames.insert(name).inserted {
      name = "\(wanted)_\(suffix)"
      suffix += 1
    }
    return name
  }

  private func encode(_ value: Value) throws(ONNXError) -> Onnx_ValueInfoProto {
    guard let info = value.info else { throw .untypedValue(name: value.name) }
    var proto = Onnx_ValueInfoProto()
    proto.name = value.name
    proto.type.tensorType.elemType = Int32(info.dtype.rawValue)
    proto.type.tensorType.shape.dim = info.shape.map { extent in
      var dimension = Onnx_TensorShapeProto.Dimension()
      dimension.dimValue = Int64(extent)
      return dimension
    }
    if let batchName { proto.type.tensorType.shape.dim[0].dimParam = batchName }
    return proto
  }

  private func encode(_ value: AttributeValue, name: String) -> Onnx_AttributeProto {
    var proto = Onnx_AttributeProto()
    proto.name = name
    switch value {
    case .int(let int): (proto.type, proto.i) = (.int, Int64(int))
    case .float(let float): (proto.type, proto.f) = (.float, float)
    case .string(let string): (proto.type, proto.s) = (.string, Data(string.utf8))
    case .ints(let ints): (proto.type, proto.ints) = (.ints, ints.map { Int64($0) })
    case .floats(let floats): (proto.type, proto.floats) = (.floats, floats)
    case .strings(let strings): (proto.type, proto.strings) = (.strings, strings.map { Data($0.utf8) })
    case .tensor(let tensor):
      proto.type = .tensor
      proto.t = tensorHeader(tensor, name: "")
      proto.t.rawData = tensor.withBytes { Data($0) }
    }
    return proto
  }
}

/// A TensorProto without data.
func tensorHeader(_ tensor: Tensor, name: String) -> Onnx_TensorProto {
  var proto = Onnx_TensorProto()
  proto.name = name
  proto.dims = tensor.shape.map { Int64($0) }
  proto.dataType = Int32(tensor.dtype.rawValue)
  return proto
}

/// The bytes of a message; only one of 2 GB or more, which is never built here, has none.
func serialized(_ message: some Message) throws(ONNXError) -> Data {
  do {
    return try message.serializedData()
  } catch {
    throw .malformed(reason: "\(error)")
  }
}
