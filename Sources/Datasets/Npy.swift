import Glibc
import HostTensors
import TensorTypes

/// The `.npy` format of NumPy: one array with its type and shape.
///
/// Versions 1 to 3 are read, little-endian or of single bytes, in C order, plain or gzip; version 1 is written.
public enum Npy {
  /// The array in the file at `path`; a plain file is mapped, not copied, where its alignment allows it.
  ///
  /// Throws `unreadable`, `malformed`, `truncated`, `surplus`, `corrupt`, and `unsupportedVariant` for
  /// Fortran order, big-endian and structured elements.
  public static func read(_ path: String) throws(DatasetError) -> Tensor {
    try tensor(of: read(ByteRegion(FileBytes(mapping: path)), path: path))
  }

  /// Writes `tensor` to `path`. Throws `unwritable`, and `unsupportedVariant` for bfloat16.
  public static func write(_ tensor: Tensor, to path: String) throws(DatasetError) {
    guard let header = NpyHeader(dtype: tensor.dtype, shape: tensor.shape).encoded() else {
      throw .unsupportedVariant(path: path, found: "element type \(tensor.dtype.name) as .npy")
    }
    guard let file = fopen(path, "wb") else { throw .unwritable(path: path, reason: systemReason()) }
    let isWritten = tensor.withBytes { bytes in
      fwrite(header, 1, header.count, file) == header.count
        && (bytes.isEmpty || fwrite(bytes.baseAddress, 1, bytes.count, file) == bytes.count)
    }
    let reason = isWritten ? "" : systemReason()
    guard fclose(file) == 0 else { throw .unwritable(path: path, reason: systemReason()) }
    guard isWritten else { throw .unwritable(path: path, reason: reason) }
  }

  static func read(_ region: ByteRegion, path: String) throws(DatasetError) -> RawArray {
    var cursor = try ByteCursor(region, path: path)
    let header = try NpyHeader.take(from: &cursor, path: path)
    guard let byteCount = checkedByteCount(header.shape, elementBytes: header.dtype.byteCount) else {
      throw .malformed(path: path, field: "shape", expected: "a product of at most 2^62", found: "\(header.shape)")
    }
    return RawArray(path: path, region: try cursor.takePayload(byteCount), dtype: header.dtype, shape: header.shape)
  }

  private static func tensor(of array: RawArray) throws(DatasetError) -> Tensor {
    let bytes = UnsafeRawBufferPointer(rebasing: array.region.file.bytes[array.region.range])
    if array.dtype == .bool, let index = bytes.firstIndex(where: { $0 > 1 }) {
      throw .malformed(
        path: array.path, field: "bool element \(index)", expected: "0 or 1", found: String(bytes[index]))
    }
    let isAligned = Int(bitPattern: bytes.baseAddress) % array.dtype.byteCount == 0
    let storage =
      isAligned && !bytes.isEmpty
      ? TensorStorage(bytes: bytes, owner: array.region.file) : TensorStorage(copying: bytes)
    return Tensor(dtype: array.dtype, shape: array.shape, storage: storage)
  }
}
