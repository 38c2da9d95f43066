import TensorTypes

/// The header of a `.npy` file (NumPy enhancement proposal 1), versions 1 to 3.
///
/// Elements are little-endian and in C order; the types are float32, uint8, int8, int32, int64 and bool.
public struct NumPyHeader: Sendable {
  public static var maximumRank: Int { 8 }

  public var dtype: DType
  public var rank: Int
  /// Extents; those from `rank` on are 1.
  public var shape: InlineArray<8, Int>
  /// Elements, the product of the extents.
  public var count: Int
  /// Bytes from the start of the file to the first element.
  public var dataOffset: Int

  /// Reads the header of a whole file and checks that the elements fill the rest of it.
  public init(_ file: UnsafeRawBufferPointer) throws(NumPyError) {
    guard file.count >= 10 else { throw .notNumPy }
    let magic: InlineArray<6, UInt8> = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]
    for index in 0..<6 where file[index] != magic[index] { throw .notNumPy }
    let version = file[6]
    guard version >= 1, version <= 3 else { throw .unsupportedVersion(version) }
    let start = version == 1 ? 10 : 12
    guard file.count >= start else { throw .truncated(expected: start, found: file.count) }
    var length = Int(file[8]) | Int(file[9]) << 8
    // A header of 16 MB could only be meant to make the reader work.
    if version > 1 {
      guard file[11] == 0 else { throw .malformedHeader(offset: 8) }
      length |= Int(file[10]) << 16
    }
    guard length <= file.count - start else { throw .truncated(expected: start + length, found: file.count) }
    var parser = NumPyHeaderParser(file, from: start, to: start + length)
    let fields = try parser.parse()
    (dtype, rank, shape, count) = (fields.dtype, fields.rank, fields.shape, fields.count)
    dataOffset = start + length
    try checkSize(file.count - dataOffset)
  }

  private func checkSize(_ available: Int) throws(NumPyError) {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: dtype.byteCount)
    guard !overflow else { throw .shapeTooLarge }
    guard bytes <= available else { throw .truncated(expected: bytes, found: available) }
    guard bytes == available else { throw .trailingBytes(count: available - bytes) }
  }

  /// Whether the extents are those given, leading ones aside on both sides.
  public func hasShape(_ other: InlineArray<8, Int>, rank otherRank: Int) -> Bool {
    var mine = 0
    var others = 0
    while mine < rank, shape[mine] == 1 { mine += 1 }
    while others < otherRank, other[others] == 1 { others += 1 }
    guard rank - mine == otherRank - others else { return false }
    while mine < rank {
      guard shape[mine] == other[others] else { return false }
      mine += 1
      others += 1
    }
    return true
  }

  /// The header of version 1 for elements of a type and shape, padded so that they begin at a multiple of
  /// 64 bytes; nil for a type that cannot be written.
  public static func bytes(_ dtype: DType, _ shape: InlineArray<8, Int>, rank: Int) -> [UInt8]? {
    guard let descriptor = typeDescriptor(dtype) else { return nil }
    var header: [UInt8] = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 0, 0]
    append("{'descr': '", to: &header)
    append(descriptor, to: &header)
    append("', 'fortran_order': False, 'shape': (", to: &header)
    for axis in 0..<rank {
      append(shape[axis], to: &header)
      append(rank == 1 ? "," : axis == rank - 1 ? "" : ", ", to: &header)
    }
    append("), }", to: &header)
    while (header.count + 1) % 64 != 0 { header.append(0x20) }
    header.append(0x0a)
    let length = header.count - 10
    header[8] = UInt8(truncatingIfNeeded: length)
    header[9] = UInt8(truncatingIfNeeded: length >> 8)
    return header
  }

  private static func typeDescriptor(_ dtype: DType) -> StaticString? {
    switch dtype {
    case .float32: "<f4"
    case .uint8: "|u1"
    case .int8: "|i1"
    case .int32: "<i4"
    case .int64: "<i8"
    case .bool: "|b1"
    case .uint16, .int16, .float16, .float64, .uint32, .uint64, .bfloat16: nil
    }
  }

  private static func append(_ text: StaticString, to bytes: inout [UInt8]) {
    for index in 0..<text.utf8CodeUnitCount { bytes.append(text.utf8Start[index]) }
  }

  private static func append(_ number: Int, to bytes: inout [UInt8]) {
    if number >= 10 { append(number / 10, to: &bytes) }
    bytes.append(0x30 + UInt8(truncatingIfNeeded: number % 10))
  }
}
