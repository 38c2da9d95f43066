/// Why bytes were refused as a `.npy` file.
public enum NumPyError: Error, Equatable, Sendable {
  case notNumPy
  case unsupportedVersion(UInt8)
  /// The file ends before the header or before the last element.
  case truncated(expected: Int, found: Int)
  case trailingBytes(count: Int)
  /// The header is not a dictionary of `descr`, `fortran_order` and `shape`; where reading it stopped.
  case malformedHeader(offset: Int)
  /// Big-endian, structured, text, or a type that no tensor here has.
  case unsupportedType
  /// Columns first, and so not in the order of the elements.
  case fortranOrder
  case tooManyDimensions(limit: Int)
  case shapeTooLarge
}
