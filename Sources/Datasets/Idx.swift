import TensorTypes

/// The idx format of the MNIST files: two zero bytes, a type code, the rank, extents and elements,
/// all big-endian (yann.lecun.com/exdb/mnist).
enum Idx {
  private static let elementTypes: [UInt8: DType] = [
    0x08: .uint8, 0x09: .int8, 0x0B: .int16, 0x0C: .int32, 0x0D: .float32, 0x0E: .float64,
  ]

  /// Whether the first bytes of a file, inflated, look like an idx header.
  static func isHeader(_ head: some Collection<UInt8>) -> Bool {
    let head = [UInt8](head.prefix(4))
    return head.count == 4 && head[0] == 0 && head[1] == 0 && elementTypes[head[2]] != nil && head[3] > 0
  }

  static func read(_ region: ByteRegion, path: String) throws(DatasetError) -> RawArray {
    var cursor = try ByteCursor(region, path: path)
    let magic = try cursor.takeHeader(4)
    guard magic[0] == 0, magic[1] == 0 else {
      throw .malformed(path: path, field: "first two bytes", expected: "0 0", found: "\(magic[0]) \(magic[1])")
    }
    guard let dtype = elementTypes[magic[2]] else {
      throw .malformed(
        path: path, field: "element type", expected: "8, 9, 11, 12, 13 or 14", found: String(magic[2]))
    }
    let rank = Int(magic[3])
    guard rank > 0 else { throw .malformed(path: path, field: "rank", expected: "at least 1", found: "0") }
    let extentBytes = try cursor.takeHeader(4 * rank)
    let shape = (0..<rank).map { axis in
      extentBytes[4 * axis..<4 * axis + 4].reduce(0) { $0 << 8 | Int($1) }
    }
    guard let byteCount = checkedByteCount(shape, elementBytes: dtype.byteCount) else {
      throw .malformed(path: path, field: "extents", expected: "a product of at most 2^62", found: "\(shape)")
    }
    let payload = try cursor.takePayload(byteCount)
    return RawArray(path: path, region: payload, dtype: dtype, isBigEndian: true, shape: shape)
  }
}
