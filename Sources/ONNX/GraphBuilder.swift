import Graph
import HostTensors
import Operators
import TensorTypes

/// Builds a graph from a decoded model, refusing by name what Pare does not compute.
struct GraphBuilder {
  private var graph = Graph(name: "")
  private var tensors: TensorReader
  private let opset: Int?
  /// The ONNX types of initializers of 4 bits, which stand in the graph as 8.
  private var fourBitTypes: [ValueID: Int32] = [:]
  /// Every name defined so far, and by what.
  private var definitions: [String: (id: ValueID, by: String)] = [:]

  init(_ model: Onnx_ModelProto, tensors: TensorReader) throws(ONNXError) {
    guard model.hasGraph else { throw .malformed(reason: "the file holds no graph") }
    if let function = model.functions.first { throw .unsupportedFunction(name: function.name) }
    opset = try Self.opset(of: model, expected: tensors.options.opsets)
    self.tensors = tensors
  }

  /// The graph, with nodes in topological order. `spans` say where the initializers' raw data lies.
  mutating func build(_ proto: Onnx_GraphProto, spans: [Range<Int>?]) throws(ONNXError) -> Graph {
    graph = Graph(name: proto.name)
    if let sparse = proto.sparseInitializer.first {
      throw .unsupportedTensor(name: sparse.values.name, type: "sparse tensor")
    }
    for (initializer, span) in zip(proto.initializer, spans) {
      let tensor = try tensors.initializer(initializer, span: span)
      let id = try define(initializer.name, by: "initializer", ValueInfo(tensor))
      if FourBits(rawValue: initializer.dataType) != nil { fourBitTypes[id] = initializer.dataType }
    }
    try addInputs(proto.input)
    let nodes = try proto.node.enumerated().map { index, node throws(ONNXError) in
      NamedNode(proto: node, name: node.name.isEmpty ? "\(node.opType)_\(index)" : node.name)
    }
    for node in nodes { try addNode(node) }
    for (index, node) in graph.nodes.indices.map({ ($0, computed[$0]) }) {
      graph.nodes[index].inputs = try resolve(node)
    }
    try addOutputs(proto.output)
    try checkFourBitValues()
    try sort()
    return graph
  }

  /// A node with the name that errors and listings use.
  private struct NamedNode {
    var proto: Onnx_NodeProto
    var name: String
  }

  /// The protos of `graph.nodes`, index by index.
  private var computed: [NamedNode] = []

  private static func opset(
    of model: Onnx_ModelProto, expected: ClosedRange<Int>
  ) throws(ONNXError) -> Int? {
    guard let entry = model.opsetImport.first(where: { isStandard($0.domain) }) else { return nil }
    guard let found = Int(exactly: entry.version), expected.contains(found) else {
      throw .unsupportedOpset(found: Int(clamping: entry.version), expected: expected)
    }
    return found
  }

  private static func isStandard(_ domain: String) -> Bool { domain.isEmpty || domain == "ai.onnx" }

  @discardableResult
  private mutating func define(
    _ name: String, by definer: String, _ info: ValueInfo? = nil
  ) throws(ONNXError) -> ValueID {
    if let earlier = definitions[name] {
      throw .duplicateDefinition(value: name, definitions: [earlier.by, definer])
    }
    let id = graph.addValue(name: name, info: info)
    definitions[name] = (id, definer)
    return id
  }
}

extension GraphBuilder {
  /// Only DequantizeLinear treats integers of 8 bits as it would the same of 4; what saturates or wraps does not.
  private func checkFourBitValues() throws(ONNXError) {
    let others = graph.nodes.filter { $0.kind != .dequantizeLinear }.flatMap(\.inputs).compactMap { $0 } + graph.outputs
    guard let id = others.first(where: { fourBitTypes[$0] != nil }) else { return }
    throw .unsupportedTensor(
      name: graph[id].name, type: "\(typeName(fourBitTypes[id] ?? 0)) outside of DequantizeLinear")
  }
}

// Inputs and outputs.
extension GraphBuilder {
  /// Inputs that are also initializers are constants (IR version 3 lists both).
  private mutating func addInputs(_ protos: [Onnx_ValueInfoProto]) throws(ONNXError) {
    let given = tensors.options.shapes
    var known: [String] = []
    for proto in protos where definitions[proto.name]?.by != "initializer" {
      let info = try inputInfo(proto, given: given[proto.name])
      graph.inputs.append(try define(proto.name, by: "graph input", info))
      known.append(proto.name)
    }
    if let unknown = given.keys.sorted().first(where: { !known.contains($0) }) {
      throw .unknownInput(name: unknown, known: known)
    }
  }

  private func inputInfo(_ proto: Onnx_ValueInfoProto, given: [Int]?) throws(ONNXError) -> ValueInfo {
    let type = try tensorType(proto)
    let shape = try inputShape(proto.name, type.hasShape ? type.shape : nil, given: given)
    let dtype = try dtype(type, of: proto.name)
    do {
      return try .checked(dtype, shape)
    } catch {
      throw .inputTooLarge(input: proto.name, shape: shape)
    }
  }

  private func inputShape(
    _ name: String, _ proto: Onnx_TensorShapeProto?, given: [Int]?
  ) throws(ONNXError) -> [Int] {
    guard let proto else {
      guard let given, given.allSatisfy({ $0 >= 0 }) else { throw .unknownRank(input: name) }
      return given
    }
    let declared = proto.dim.map { $0.extent }
    if let given {
      let fits = given.count == declared.count && zip(given, declared).allSatisfy { $0 >= 0 && $1 ?? $0 == $0 }
      guard fits else { throw .shapeMismatch(input: name, expected: declared, found: given) }
      return given
    }
    var shape: [Int] = []
    for (axis, extent) in declared.enumerated() {
      if let extent {
        shape.append(extent)
      } else if axis == 0 {
        shape.append(1)
      } else {
        throw .symbolicDimension(input: name, axis: axis, symbol: proto.dim[axis].dimParam)
      }
    }
    return shape
  }

  private func tensorType(_ proto: Onnx_ValueInfoProto) throws(ONNXError) -> Onnx_TypeProto.Tensor {
    switch proto.type.value {
    case .tensorType(let type): return type
    case .sequenceType: throw .unsupportedType(value: proto.name, type: "sequence")
    case .mapType: throw .unsupportedType(value: proto.name, type: "map")
    case .optionalType: throw .unsupportedType(value: proto.name, type: "optional")
    case .sparseTensorType: throw .unsupportedType(value: proto.name, type: "sparse tensor")
    case .opaqueType: throw .unsupportedType(value: proto.name, type: "opaque")
    case nil: throw .unsupportedType(value: proto.name, type: "undefined")
    }
  }

  private func dtype(_ type: Onnx_TypeProto.Tensor, of name: String) throws(ONNXError) -> DType {
    guard let number = UInt8(exactly: type.elemType), let dtype = DType(rawValue: number) else {
      throw .unsupportedType(value: name, type: typeName(type.elemType))
    }
    return tensors.options.widensHalf ? dtype.widened : dtype
  }

  private mutating func addOutputs(_ protos: [Onnx_ValueInfoProto]) throws(ONNXError) {
    for proto in protos {
      // The type may be left out, but one that is not a tensor's is refused.
      if proto.hasType {
        _ = try dtype(tensorType(proto), of: proto.name)
      }
      guard let definition = definitions[proto.name] else { throw .undefinedOutput(value: proto.name) }
      graph.outputs.append(definition.id)
    }
    guard !graph.outputs.isEmpty else { throw .noOutputs }
  }
}

// Nodes.
extension GraphBuilder {
  /// Defines the node's outputs; a Constant becomes a constant. Its inputs are resolved when all are known.
  private mutating func addNode(_ node: NamedNode) throws(ONNXError) {
    let op = try makeOperator(node)
    let outputs = node.proto.output.droppingTrailingEmpty
    if type(of: op).kind == .constant {
      let values = try evaluateConstant(op, node)
      for (output, tensor) in zip(outputs, values) where !output.isEmpty {
        let value = tensors.options.widensHalf ? tensor.widened : tensor
        try define(output, by: node.name, ValueInfo(value))
      }
      return
    }
    var ids: [ValueID?] = []
    for output in outputs { ids.append(output.isEmpty ? nil : try define(output, by: node.name)) }
    graph.nodes.append(Node(name: node.name, op: op, inputs: [], outputs: ids))
    computed.append(node)
  }

  private func evaluateConstant(_ op: any Operator, _ node: NamedNode) throws(ONNXError) -> [Tensor] {
    do {
      return try op.evaluate([])
    } catch {
      throw .unsupportedOperator(node: node.name, opType: node.proto.opType, error)
    }
  }

  private mutating func makeOperator(_ node: NamedNode) throws(ONNXError) -> any Operator {
    let proto = node.proto
    guard Self.isStandard(proto.domain) else {
      throw .unsupportedDomain(node: node.name, opType: proto.opType, domain: proto.domain)
    }
    guard let opset else { throw .missingOpset }
    var definition = NodeDefinition(
      opType: proto.opType, opset: opset, attributes: try attributes(node),
      inputCount: proto.input.droppingTrailingEmpty.count, outputCount: proto.output.droppingTrailingEmpty.count)
    if tensors.options.widensHalf { definition.widenHalf() }
    do {
      try definition.checkLegacyBroadcast()
      return try Operators.makeOperator(definition)
    } catch {
      throw .unsupportedOperator(node: node.name, opType: proto.opType, error)
    }
  }

  private func resolve(_ node: NamedNode) throws(ONNXError) -> [ValueID?] {
    var ids: [ValueID?] = []
    for input in node.proto.input.droppingTrailingEmpty {
      guard !input.isEmpty else {
        ids.append(nil)
        continue
      }
      guard let definition = definitions[input] else { throw .undefinedInput(node: node.name, value: input) }
      ids.append(definition.id)
    }
    return ids
  }

  private mutating func sort() throws(ONNXError) {
    do {
      try graph.sortTopologically()
    } catch {
      switch error {
      case .cycle(let node): throw .cycle(node: node)
      case .undefinedValue(let node, let value): throw .undefinedInput(node: node, value: value)
      case .duplicateDefinition(let value, let nodes): throw .duplicateDefinition(value: value, definitions: nodes)
      case .operatorFailed, .unknownShape, .missingInput, .inputMismatch:
        preconditionFailure("sorting neither infers nor evaluates")
      }
    }
  }
}

// Attributes.
extension GraphBuilder {
  private mutating func attributes(_ node: NamedNode) throws(ONNXError) -> [String: AttributeValue] {
    var values: [String: AttributeValue] = [:]
    for proto in node.proto.attribute {
      guard values.updateValue(try value(of: proto, node), forKey: proto.name) == nil else {
        throw .duplicateAttribute(node: node.name, attribute: proto.name)
      }
    }
    return values
  }

  private mutating func value(
    of proto: Onnx_AttributeProto, _ node: NamedNode
  ) throws(ONNXError) -> AttributeValue {
    func unsupported(_ type: String) -> ONNXError {
      .unsupportedAttribute(node: node.name, opType: node.proto.opType, attribute: proto.name, type: type)
    }
    guard proto.refAttrName.isEmpty else { throw unsupported("reference to a function's attribute") }
    switch proto.typeOrContents {
    case .int: return .int(Int(proto.i))
    case .float: return .float(proto.f)
    case .string: return .string(String(decoding: proto.s, as: UTF8.self))
    case .ints: return .ints(proto.ints.map { Int($0) })
    case .floats: return .floats(proto.floats)
    case .strings: return .strings(proto.strings.map { String(decoding: $0, as: UTF8.self) })
    case .tensor: return .tensor(try tensors.tensor(proto.t))
    case .graph, .graphs:
      throw .subgraph(node: node.name, opType: node.proto.opType, attribute: proto.name)
    case .tensors: throw unsupported("tensors")
    case .sparseTensor, .sparseTensors: throw unsupported("sparse tensor")
    case .typeProto, .typeProtos: throw unsupported("type")
    case .undefined: throw unsupported("undefined")
    case .UNRECOGNIZED(let number): throw unsupported("attribute type \(number)")
    }
  }
}

extension Onnx_AttributeProto {
  /// The type as written, or as the field that is set says: writers before IR version 2 left it out.
  fileprivate var typeOrContents: AttributeType {
    guard type == .undefined else { return type }
    if hasI { return .int }
    if hasF { return .float }
    if hasS { return .string }
    if hasT { return .tensor }
    if hasG { return .graph }
    if !ints.isEmpty { return .ints }
    if !floats.isEmpty { return .floats }
    if !strings.isEmpty { return .strings }
    if !graphs.isEmpty { return .graphs }
    return .undefined
  }
}

extension Onnx_TensorShapeProto.Dimension {
  /// The extent where the file gives one; some exporters write -1 for an unknown one.
  fileprivate var extent: Int? {
    guard case .dimValue(let value)? = value, value >= 0 else { return nil }
    return Int(value)
  }
}

extension NodeDefinition {
  /// Before opset 7 a binary operator could line its second operand up with any axis of the first; without
  /// `axis` that is the broadcasting of today.
  fileprivate func checkLegacyBroadcast() throws(OperatorError) {
    guard opset < 7, attributes["broadcast"] != nil, attributes["axis"] != nil else { return }
    throw .invalid("broadcasting from a named axis, as before opset 7")
  }
}

extension [String] {
  /// Trailing omitted inputs or outputs mean nothing.
  fileprivate var droppingTrailingEmpty: ArraySlice<String> {
    self[..<(lastIndex { !$0.isEmpty }.map { $0 + 1 } ?? 0)]
  }
}
