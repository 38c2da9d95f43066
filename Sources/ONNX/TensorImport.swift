import Foundation
import HostTensors
import Operators
import TensorTypes

/// Turns TensorProtos into tensors; checks the declared size against the data before it allocates.
struct TensorReader {
  var file: FileBytes
  var externalFiles: ExternalFiles
  var options: ImportOptions

  /// Spans of at least this many bytes are used in place in the mapped file when their alignment allows.
  private static let inPlaceByteCount = 1 << 16
  /// Under `.headersOnly`, tensors of at least this many bytes are not read.
  private static let unreadByteCount = 1 << 12

  /// The tensor that `proto` describes. `span` is where its raw data lies in `file`, if it was cut out.
  mutating func tensor(_ proto: Onnx_TensorProto, span: Range<Int>? = nil) throws(ONNXError) -> Tensor {
    let name = proto.name
    let dtype = try Self.dtype(proto)
    guard !proto.hasSegment else { throw .invalidTensor(name: name, reason: .segmented) }
    let shape = try Self.shape(proto, dtype)
    let byteCount = shape.elementCount * dtype.byteCount
    let tensor: Tensor
    if proto.dataLocation == .external {
      let (source, range) = try externalFiles.locate(proto, byteCount: byteCount)
      tensor = try self.tensor(dtype, shape, source, range, name)
    } else if let span {
      tensor = try self.tensor(dtype, shape, file, span, name)
    } else if proto.hasRawData {
      let copied = proto.rawData.withUnsafeBytes { bytes in
        Result { () throws(ONNXError) in try Self.copy(dtype, shape, bytes, name) }
      }
      tensor = try copied.get()
    } else {
      tensor = try Self.typedTensor(proto, dtype, shape)
    }
    return options.widensHalf ? tensor.widened : tensor
  }

  private func tensor(
    _ dtype: DType, _ shape: [Int], _ source: FileBytes, _ range: Range<Int>, _ name: String
  ) throws(ONNXError) -> Tensor {
    let bytes = UnsafeRawBufferPointer(rebasing: source.bytes[range])
    if options.weights == .headersOnly && range.count >= Self.unreadByteCount {
      try Self.checkByteCount(dtype, shape, bytes, name)
      return try .unread(options.widensHalf ? dtype.widened : dtype, shape, name)
    }
    let isAligned = Int(bitPattern: bytes.baseAddress) % dtype.byteCount == 0
    // A Bool of any other byte than 0 and 1 is undefined, so booleans are always rewritten.
    guard isAligned && range.count >= Self.inPlaceByteCount && dtype != .bool else {
      return try Self.copy(dtype, shape, bytes, name)
    }
    try Self.checkByteCount(dtype, shape, bytes, name)
    return Tensor(dtype: dtype, shape: shape, storage: TensorStorage(bytes: bytes, owner: source))
  }

  private static func checkByteCount(
    _ dtype: DType, _ shape: [Int], _ bytes: UnsafeRawBufferPointer, _ name: String
  ) throws(ONNXError) {
    let expected = shape.elementCount * dtype.byteCount
    guard bytes.count == expected else {
      throw .invalidTensor(name: name, reason: .byteCount(expected: expected, found: bytes.count))
    }
  }

  private static func copy(
    _ dtype: DType, _ shape: [Int], _ bytes: UnsafeRawBufferPointer, _ name: String
  ) throws(ONNXError) -> Tensor {
    try checkByteCount(dtype, shape, bytes, name)
    if dtype == .bool { return Tensor(shape: shape, elements: bytes.map { $0 != 0 }) }
    return Tensor(dtype: dtype, shape: shape, storage: TensorStorage(copying: bytes))
  }

  private static func dtype(_ proto: Onnx_TensorProto) throws(ONNXError) -> DType {
    guard let number = UInt8(exactly: proto.dataType), let dtype = DType(rawValue: number) else {
      throw .unsupportedTensor(name: proto.name, type: typeName(proto.dataType))
    }
    return dtype
  }

  /// The extents, whose product times the element size is known to fit an Int.
  static func shape(_ proto: Onnx_TensorProto, _ dtype: DType) throws(ONNXError) -> [Int] {
    let shape = proto.dims.map { Int($0) }
    if let negative = shape.first(where: { $0 < 0 }) {
      throw .invalidTensor(name: proto.name, reason: .negativeExtent(negative))
    }
    guard (try? checkedElementCount(shape, of: dtype)) != nil else {
      throw .invalidTensor(name: proto.name, reason: .tooLarge(shape: shape))
    }
    return shape
  }
}

extension TensorReader {
  /// A tensor from float_data, int32_data and the other typed fields.
  private static func typedTensor(
    _ proto: Onnx_TensorProto, _ dtype: DType, _ shape: [Int]
  ) throws(ONNXError) -> Tensor {
    func checked<T: TensorElement>(_ elements: [T]) throws(ONNXError) -> Tensor {
      guard elements.count == shape.elementCount else {
        throw .invalidTensor(
          name: proto.name, reason: .elementCount(expected: shape.elementCount, found: elements.count))
      }
      return Tensor(shape: shape, elements: elements)
    }
    func integers<S: BinaryInteger, T: FixedWidthInteger>(
      _ field: [S], as: T.Type
    ) throws(ONNXError) -> [T] {
      var narrow: [T] = []
      narrow.reserveCapacity(field.count)
      for value in field {
        guard let element = T(exactly: value) else {
          throw .invalidTensor(name: proto.name, reason: .valueOutOfRange(Int(clamping: value)))
        }
        narrow.append(element)
      }
      return narrow
    }
    switch dtype {
    case .float32: return try checked(proto.floatData)
    case .float64: return try checked(proto.doubleData)
    case .int64: return try checked(proto.int64Data)
    case .uint64: return try checked(proto.uint64Data)
    case .uint32: return try checked(integers(proto.uint64Data, as: UInt32.self))
    case .int32: return try checked(proto.int32Data)
    case .int16: return try checked(integers(proto.int32Data, as: Int16.self))
    case .int8: return try checked(integers(proto.int32Data, as: Int8.self))
    case .uint16: return try checked(integers(proto.int32Data, as: UInt16.self))
    case .uint8: return try checked(integers(proto.int32Data, as: UInt8.self))
    case .bool: return try checked(proto.int32Data.map { $0 != 0 })
    case .float16:
      return try checked(integers(proto.int32Data, as: UInt16.self).map { Float16(bitPattern: $0) })
    case .bfloat16:
      return try checked(integers(proto.int32Data, as: UInt16.self).map { BFloat16(bitPattern: $0) })
    }
  }
}

extension Tensor {
  /// A tensor whose extents are real and whose elements read as zeros without taking memory.
  static func unread(_ dtype: DType, _ shape: [Int], _ name: String) throws(ONNXError) -> Tensor {
    let byteCount = shape.elementCount * dtype.byteCount
    do {
      let pages = try UntouchedPages(byteCount: max(byteCount, 1))
      return Tensor(dtype: dtype, shape: shape, storage: TensorStorage(bytes: pages.bytes, owner: pages))
    } catch {
      throw .invalidTensor(name: name, reason: .tooLarge(shape: shape))
    }
  }
}

/// The name of a TensorProto.DataType in the ONNX specification.
func typeName(_ number: Int32) -> String {
  let names = [
    "undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16",
    "float64", "uint32", "uint64", "complex64", "complex128", "bfloat16", "float8e4m3fn", "float8e4m3fnuz",
    "float8e5m2", "float8e5m2fnuz", "uint4", "int4", "float4e2m1", "float8e8m0", "uint2", "int2",
  ]
  return names.indices.contains(Int(number)) ? names[Int(number)] : "element type \(number)"
}
