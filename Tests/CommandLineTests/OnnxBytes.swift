/// ONNX files of one node, written byte by byte so that they can hold what no exporter of ours would write.
enum OnnxBytes {
  /// A model whose node turns float32 x[1] into y[1]; opset 13.
  static func model(nodeName: String, operator name: String) -> [UInt8] {
    let node = text(1, "x") + text(2, "y") + text(3, nodeName) + text(4, name)
    let graph = field(1, node) + text(2, "graph") + field(11, value("x")) + field(12, value("y"))
    let opset = number(2, 13)
    return number(1, 8) + field(7, graph) + field(8, opset)
  }

  private static func value(_ name: String) -> [UInt8] {
    let extent = field(1, number(1, 1))
    let tensor = number(1, 1) + field(2, extent)
    return text(1, name) + field(2, field(1, tensor))
  }

  private static func text(_ tag: UInt8, _ text: String) -> [UInt8] { field(tag, Array(text.utf8)) }

  private static func number(_ tag: UInt8, _ value: UInt8) -> [UInt8] { [tag << 3, value] }

  /// A length-delimited field of fewer than 128 bytes.
  private static func field(_ tag: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    precondition(bytes.count < 128 && tag < 16)
    return [tag << 3 | 2, UInt8(bytes.count)] + bytes
  }
}
