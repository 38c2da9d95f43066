import Graph
import HostTensors
import TensorTypes

/// ONNX's integers of 4 bits (opset 21): two to a byte, the earlier one in its low bits, the last byte filled with zeros.
///
/// In a graph they are integers of 8 bits.
enum FourBits: Int32 {
  case unsigned = 21
  case signed = 22

  var dtype: DType { self == .signed ? .int8 : .uint8 }

  static func byteCount(of elementCount: Int) -> Int { (elementCount + 1) / 2 }

  /// The elements of `packed`, which holds as many bytes as `shape` asks for.
  func unpacked(_ packed: UnsafeRawBufferPointer, shape: [Int]) -> Tensor {
    func nibble(_ index: Int) -> UInt8 { packed[index / 2] >> (index % 2 == 0 ? 0 : 4) & 15 }
    let indices = 0..<shape.elementCount
    guard self == .signed else { return Tensor(shape: shape, elements: indices.map(nibble)) }
    return Tensor(shape: shape, elements: indices.map { Int8(bitPattern: nibble($0) << 4) >> 4 })
  }

  /// The bytes of int8 elements from -8 to 7.
  static func packed(_ tensor: Tensor) -> Tensor {
    let nibbles = tensor.withBytes { bytes in bytes.map { $0 & 15 } }
    let bytes = stride(from: 0, to: nibbles.count, by: 2).map { index in
      nibbles[index] | (index + 1 < nibbles.count ? nibbles[index + 1] << 4 : 0)
    }
    return Tensor(shape: [bytes.count], elements: bytes)
  }
}

extension TensorReader {
  /// As `tensor(_:span:)`, of 4-bit integers too.
  mutating func initializer(_ proto: Onnx_TensorProto, span: Range<Int>?) throws(ONNXError) -> Tensor {
    guard let kind = FourBits(rawValue: proto.dataType) else { return try tensor(proto, span: span) }
    guard !proto.hasSegment else { throw .invalidTensor(name: proto.name, reason: .segmented) }
    let shape = try Self.shape(proto, kind.dtype)
    let expected = FourBits.byteCount(of: shape.elementCount)
    func unpacked(_ bytes: UnsafeRawBufferPointer) throws(ONNXError) -> Tensor {
      guard bytes.count == expected else {
        throw .invalidTensor(name: proto.name, reason: .byteCount(expected: expected, found: bytes.count))
      }
      return kind.unpacked(bytes, shape: shape)
    }
    if proto.dataLocation == .external {
      let (source, range) = try externalFiles.locate(proto, byteCount: expected)
      return try unpacked(UnsafeRawBufferPointer(rebasing: source.bytes[range]))
    }
    if let span { return try unpacked(UnsafeRawBufferPointer(rebasing: file.bytes[span])) }
    // Each number of int32_data is a byte of two elements.
    var bytes: [UInt8] = []
    for value in proto.int32Data {
      guard let byte = UInt8(exactly: value) else {
        throw .invalidTensor(name: proto.name, reason: .valueOutOfRange(Int(value)))
      }
      bytes.append(byte)
    }
    let tensor = bytes.withUnsafeBytes { bytes in Result { () throws(ONNXError) in try unpacked(bytes) } }
    return try tensor.get()
  }
}

extension Graph {
  /// Constants from -8 to 7 that DequantizeLinear alone reads, as what it converts and as its zero point: what INT4 holds.
  func fourBitConstants() -> Set<ValueID> {
    let computed = producers()
    var fitting = Set(
      liveConstants().filter { id in
        guard computed[id] == nil, let constant = self[id].constant, constant.dtype == .int8 else { return false }
        return constant.withBytes { bytes in bytes.allSatisfy { (-8...7).contains(Int8(bitPattern: $0)) } }
      })
    fitting.subtract(outputs)
    // Both operands have one type; a zero point may be that of several nodes.
    var count: Int
    repeat {
      count = fitting.count
      for node in nodes {
        let operands = node.kind == .dequantizeLinear ? [0, 2].filter { $0 < node.inputs.count } : []
        let pair = operands.compactMap { node.inputs[$0] }
        let fits = pair.allSatisfy(fitting.contains)
        for case (let slot, let input?) in node.inputs.enumerated() where !fits || !operands.contains(slot) {
          fitting.remove(input)
        }
      }
    } while fitting.count < count
    return fitting
  }
}
