import Foundation
import Graph
import HostTensors
import ONNX
import TensorTypes
import Testing

/// The data of constants: raw and typed, of every element type, and what is refused.
@Suite struct TensorDataTests {
  /// The values 0, 1 and 5 of every type as raw bytes, and as the typed field of the specification.
  struct Sample: CustomTestStringConvertible, Sendable {
    var dtype: DType
    var raw: Data
    var field: UInt64
    var packed: Data

    var testDescription: String { "\(dtype.name)" }
  }

  static let samples: [Sample] = DType.allCases.map { dtype in
    func bytes<T: BitwiseCopyable>(_ elements: [T]) -> Data { elements.withUnsafeBytes { Data($0) } }
    // Numbers below 128 are varints of one byte, whatever their type.
    let small = Data([0, 1, 5])
    switch dtype {
    case .float32:
      return Sample(dtype: dtype, raw: bytes([Float(0), 1, 5]), field: 4, packed: bytes([Float(0), 1, 5]))
    case .float64: return Sample(dtype: dtype, raw: bytes([0.0, 1, 5]), field: 10, packed: bytes([0.0, 1, 5]))
    case .int64: return Sample(dtype: dtype, raw: bytes([Int64(0), 1, 5]), field: 7, packed: small)
    case .uint64: return Sample(dtype: dtype, raw: bytes([UInt64(0), 1, 5]), field: 11, packed: small)
    case .uint32: return Sample(dtype: dtype, raw: bytes([UInt32(0), 1, 5]), field: 11, packed: small)
    case .int32: return Sample(dtype: dtype, raw: bytes([Int32(0), 1, 5]), field: 5, packed: small)
    case .int16, .uint16: return Sample(dtype: dtype, raw: bytes([UInt16(0), 1, 5]), field: 5, packed: small)
    case .int8, .uint8: return Sample(dtype: dtype, raw: small, field: 5, packed: small)
    case .bool: return Sample(dtype: dtype, raw: small, field: 5, packed: small)
    case .float16:
      // 1.0 is 0x3C00 and 5.0 is 0x4500; as varints 0x80 0x78 and 0x80 0x8A 0x01.
      let packed = Data([0, 0x80, 0x78, 0x80, 0x8A, 0x01])
      return Sample(dtype: dtype, raw: bytes([UInt16(0), 0x3C00, 0x4500]), field: 5, packed: packed)
    case .bfloat16:
      // 1.0 is 0x3F80 and 5.0 is 0x40A0; as varints 0x80 0x7F and 0xA0 0x81 0x01.
      let packed = Data([0, 0x80, 0x7F, 0xA0, 0x81, 0x01])
      return Sample(dtype: dtype, raw: bytes([UInt16(0), 0x3F80, 0x40A0]), field: 5, packed: packed)
    }
  }

  /// 0, 1 and 5; true for every non-zero boolean.
  private func check(_ found: Tensor, _ dtype: DType) {
    #expect(found.dtype == dtype)
    #expect(found.shape == [3])
    #expect(found.converted(to: Float.self).floats == (dtype == .bool ? [0, 1, 1] : [0, 1, 5]))
  }

  @Test(arguments: samples) func rawDataIsReadInItsType(_ sample: Sample) throws {
    let proto = tensor("w", Int(sample.dtype.rawValue), [3]) { $0.bytes(9, sample.raw) }
    check(try parseTensor(proto.data), sample.dtype)
  }

  @Test(arguments: samples) func typedDataIsReadInItsType(_ sample: Sample) throws {
    let proto = tensor("w", Int(sample.dtype.rawValue), [3]) { $0.bytes(sample.field, sample.packed) }
    check(try parseTensor(proto.data), sample.dtype)
  }

  @Test(arguments: samples) func importWidensHalfTypesOnly(_ sample: Sample) throws {
    let proto = tensor("w", Int(sample.dtype.rawValue), [3]) { $0.bytes(9, sample.raw) }
    let graph = try importONNX(TestModel.constant(proto).data)
    let isHalf = sample.dtype == .float16 || sample.dtype == .bfloat16
    check(try #require(try Evaluator(graph).run([]).first), isHalf ? .float32 : sample.dtype)
  }

  @Test func everyHalfValueWidensExactly() throws {
    let patterns = (0...UInt16.max).filter { !Float16(bitPattern: $0).isNaN }
    let proto = tensor("w", 10, [patterns.count]) { $0.packedFixed(9, patterns) }
    let graph = try importONNX(TestModel.constant(proto).data)
    let found = try #require(try Evaluator(graph).run([]).first).floats
    #expect(found == patterns.map { Float(Float16(bitPattern: $0)) })
  }

  @Test func unpackedFieldsAreReadToo() throws {
    let proto = tensor("w", 1, [2]) {
      $0.float(4, 1.5)
      $0.float(4, -2)
    }
    #expect(try parseTensor(proto.data).floats == [1.5, -2])
  }

  @Test func scalarAndEmptyTensorsAreRead() throws {
    let scalar = try parseTensor(tensor("w", 1, []) { $0.packedFixed(9, [Float(3)]) }.data)
    #expect(scalar.shape == [] && scalar.floats == [3])
    let empty = try parseTensor(tensor("w", 1, [2, 0]) { _ in }.data)
    #expect(empty.shape == [2, 0] && empty.floats == [])
  }

  @Test(arguments: [
    (dims: [4], fault: TensorFault.byteCount(expected: 16, found: 12)),
    (dims: [2], fault: .byteCount(expected: 8, found: 12)),
    (dims: [-3], fault: .negativeExtent(-3)),
    (dims: [1 << 40, 1 << 40], fault: .tooLarge(shape: [1 << 40, 1 << 40])),
    (dims: [1 << 40, 1 << 40, 0], fault: .tooLarge(shape: [1 << 40, 1 << 40, 0])),
    (dims: [Int.max], fault: .tooLarge(shape: [Int.max])),
  ]) func extentsAreCheckedAgainstTheBytes(dims: [Int], fault: TensorFault) throws {
    let proto = tensor("w", 1, dims) { $0.packedFixed(9, [Float(1), 2, 3]) }
    expectFault(fault, refusal { () throws(ONNXError) in try parseTensor(proto.data) })
    expectFault(fault, refusal { () throws(ONNXError) in try importONNX(TestModel.constant(proto).data) })
  }

  @Test func typedElementsAreCounted() {
    let proto = tensor("w", 1, [1 << 30]) { $0.packedFixed(4, [Float(1)]) }
    expectFault(
      .elementCount(expected: 1 << 30, found: 1), refusal { () throws(ONNXError) in try parseTensor(proto.data) })
  }

  @Test func typedElementsMustFitTheirType() {
    let proto = tensor("w", 3, [1]) { $0.packedInts(5, [128]) }
    expectFault(.valueOutOfRange(128), refusal { () throws(ONNXError) in try parseTensor(proto.data) })
  }

  @Test func segmentsAreRefused() {
    let proto = tensor("w", 1, [1]) {
      $0.packedFixed(9, [Float(1)])
      $0.message(3, ProtoMessage { $0.int(1, 0) })
    }
    expectFault(.segmented, refusal { () throws(ONNXError) in try parseTensor(proto.data) })
  }

  @Test(arguments: [
    (8, "string"), (14, "complex64"), (17, "float8e4m3fn"), (22, "int4 outside of DequantizeLinear"), (0, "undefined"),
    (99, "element type 99"),
  ])
  func foreignTypesAreNamed(_ number: Int, _ name: String) {
    let proto = tensor("w", number, [1]) { $0.bytes(9, Data([0])) }
    expectError(refusal { () throws(ONNXError) in try importONNX(TestModel.constant(proto).data) }) {
      if case .unsupportedTensor("w", name) = $0 { true } else { false }
    }
  }
}

/// What `body` throws; nil where it succeeds.
func refusal<R>(_ body: () throws(ONNXError) -> R) -> ONNXError? {
  do {
    _ = try body()
    return nil
  } catch {
    return error
  }
}

/// Expects the refusal of the tensor `w` with this fault.
func expectFault(
  _ fault: TensorFault, _ error: ONNXError?, sourceLocation: SourceLocation = #_sourceLocation
) {
  expectError(error, sourceLocation: sourceLocation) {
    if case .invalidTensor("w", fault) = $0 { true } else { false }
  }
}

/// Expects an error that `matches`.
func expectError(
  _ error: ONNXError?, sourceLocation: SourceLocation = #_sourceLocation, matching matches: (ONNXError) -> Bool
) {
  guard let error else {
    Issue.record("no error", sourceLocation: sourceLocation)
    return
  }
  #expect(matches(error), "\(error)", sourceLocation: sourceLocation)
}
