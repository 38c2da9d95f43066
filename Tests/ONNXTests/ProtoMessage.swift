import Foundation

/// Writes protocol buffer messages field by field, so that the tests can also write what no library would.
///
/// Source: https://protobuf.dev/programming-guides/encoding/
struct ProtoMessage {
  private(set) var data = Data()

  init() {}

  init(_ write: (inout ProtoMessage) -> Void) { write(&self) }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      data.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    data.append(UInt8(rest))
  }

  mutating func int(_ field: UInt64, _ value: Int) {
    varint(field << 3)
    varint(UInt64(bitPattern: Int64(value)))
  }

  mutating func float(_ field: UInt64, _ value: Float) {
    varint(field << 3 | 5)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
  }

  mutating func bytes(_ field: UInt64, _ value: Data) {
    varint(field << 3 | 2)
    varint(UInt64(value.count))
    data.append(value)
  }

  mutating func string(_ field: UInt64, _ value: String) { bytes(field, Data(value.utf8)) }

  mutating func message(_ field: UInt64, _ value: ProtoMessage) { bytes(field, value.data) }

  mutating func packedInts(_ field: UInt64, _ values: [Int]) {
    var packed = ProtoMessage()
    for value in values { packed.varint(UInt64(bitPattern: Int64(value))) }
    bytes(field, packed.data)
  }

  /// Fixed-size elements in one field.
  mutating func packedFixed<T: BitwiseCopyable>(_ field: UInt64, _ values: [T]) {
    bytes(field, values.withUnsafeBytes { Data($0) })
  }
}

/// An ONNX model to be written with whatever is wrong with it.
struct TestModel {
  var irVersion = 8
  var opsets: [(domain: String, version: Int)] = [("", 13)]
  var nodes: [ProtoMessage] = []
  var initializers: [ProtoMessage] = []
  var inputs: [ProtoMessage] = []
  var outputs: [ProtoMessage] = []
  /// Further fields of the graph and of the model.
  var graphExtra: (inout ProtoMessage) -> Void = { _ in }
  var modelExtra: (inout ProtoMessage) -> Void = { _ in }

  var data: Data {
    let graph = ProtoMessage { graph in
      for node in nodes { graph.message(1, node) }
      graph.string(2, "test")
      for initializer in initializers { graph.message(5, initializer) }
      for input in inputs { graph.message(11, input) }
      for output in outputs { graph.message(12, output) }
      graphExtra(&graph)
    }
    return ProtoMessage { model in
      model.int(1, irVersion)
      model.message(7, graph)
      for opset in opsets {
        model.message(
          8,
          ProtoMessage {
            $0.string(1, opset.domain)
            $0.int(2, opset.version)
          })
      }
      modelExtra(&model)
    }.data
  }

  /// x [1, 4] -> Relu -> y.
  static var relu: TestModel {
    TestModel(
      nodes: [node("Relu", ["x"], ["y"])], inputs: [value("x", [.fixed(1), .fixed(4)])],
      outputs: [value("y", [.fixed(1), .fixed(4)])])
  }

  /// y is the initializer itself, so that an evaluation gives the constant back.
  static func constant(_ initializer: ProtoMessage) -> TestModel {
    TestModel(
      nodes: [node("Identity", ["w"], ["y"])], initializers: [initializer], outputs: [value("y", [], elementType: 1)])
  }
}

enum Extent {
  case fixed(Int)
  case symbol(String)
}

func node(
  _ opType: String, _ inputs: [String], _ outputs: [String], name: String = "", domain: String = "",
  attributes: [ProtoMessage] = []
) -> ProtoMessage {
  ProtoMessage { node in
    for input in inputs { node.string(1, input) }
    for output in outputs { node.string(2, output) }
    node.string(3, name)
    node.string(4, opType)
    for attribute in attributes { node.message(5, attribute) }
    node.string(7, domain)
  }
}

/// An attribute of one field: `type` is its AttributeType.
func attribute(_ name: String, type: Int, _ write: (inout ProtoMessage) -> Void) -> ProtoMessage {
  ProtoMessage { attribute in
    attribute.string(1, name)
    write(&attribute)
    attribute.int(20, type)
  }
}

func value(_ name: String, _ extents: [Extent]?, elementType: Int = 1) -> ProtoMessage {
  let tensor = ProtoMessage { tensor in
    tensor.int(1, elementType)
    guard let extents else { return }
    let shape = ProtoMessage { shape in
      for extent in extents {
        let dimension = ProtoMessage {
          switch extent {
          case .fixed(let count): $0.int(1, count)
          case .symbol(let symbol): $0.string(2, symbol)
          }
        }
        shape.message(1, dimension)
      }
    }
    tensor.message(2, shape)
  }
  return ProtoMessage { info in
    info.string(1, name)
    info.message(2, ProtoMessage { $0.message(1, tensor) })
  }
}

/// A TensorProto of type `dtype` whose data `write` adds.
func tensor(
  _ name: String, _ dtype: Int, _ dims: [Int], _ write: (inout ProtoMessage) -> Void
) -> ProtoMessage {
  ProtoMessage { tensor in
    tensor.packedInts(1, dims)
    tensor.int(2, dtype)
    tensor.string(8, name)
    write(&tensor)
  }
}
