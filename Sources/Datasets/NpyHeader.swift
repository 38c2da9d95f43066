import HostTensors
import TensorTypes

/// The header of a `.npy` file: a magic, a version and a Python dictionary of three keys
/// (numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
struct NpyHeader: Equatable {
  var dtype: DType
  var shape: [Int]

  static let magic: [UInt8] = [0x93] + [UInt8]("NUMPY".utf8)
  /// More than any array needs; a header that declares more is refused before it is read.
  private static let longestHeaderBytes = 1 << 16

  /// `descr` codes without the byte-order mark. NumPy has none for bfloat16.
  private static let elementTypes: [String: DType] = [
    "b1": .bool, "u1": .uint8, "i1": .int8, "u2": .uint16, "i2": .int16, "u4": .uint32, "i4": .int32,
    "u8": .uint64, "i8": .int64, "f2": .float16, "f4": .float32, "f8": .float64,
  ]

  /// Reads magic, version and dictionary; the cursor then stands at the first element.
  static func take(from cursor: inout ByteCursor, path: String) throws(DatasetError) -> NpyHeader {
    let start = try cursor.takeHeader(8)
    guard start.starts(with: magic) else {
      throw .malformed(path: path, field: "first six bytes", expected: "\\x93NUMPY", found: "\(start.prefix(6))")
    }
    let version = start[6]
    guard (1...3).contains(version) else {
      throw .unsupportedVariant(path: path, found: ".npy version \(version).\(start[7])")
    }
    let lengthBytes = try cursor.takeHeader(version == 1 ? 2 : 4)
    let length = lengthBytes.reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= longestHeaderBytes else {
      throw .malformed(
        path: path, field: "header length", expected: "at most \(longestHeaderBytes)", found: String(length))
    }
    return try parse(try cursor.takeHeader(length), path: path)
  }

  private static func parse(_ header: [UInt8], path: String) throws(DatasetError) -> NpyHeader {
    let text = String(decoding: header, as: UTF8.self)
    var dictionary = PythonDictionary(text)
    guard let entries = dictionary.parse(), Set(entries.keys) == ["descr", "fortran_order", "shape"] else {
      throw .malformed(
        path: path, field: "header", expected: "a dictionary of descr, fortran_order and shape",
        found: String(text.prefix(120)))
    }
    guard case .text(let descr)? = entries["descr"] else {
      throw .unsupportedVariant(path: path, found: "a structured element type")
    }
    guard case .flag(let isFortranOrder)? = entries["fortran_order"], case .extents(let shape)? = entries["shape"]
    else {
      throw .malformed(
        path: path, field: "header", expected: "a flag fortran_order and a tuple shape", found: String(text.prefix(120))
      )
    }
    if isFortranOrder { throw .unsupportedVariant(path: path, found: "Fortran order") }
    return NpyHeader(dtype: try elementType(descr, path: path), shape: shape)
  }

  private static func elementType(_ descr: String, path: String) throws(DatasetError) -> DType {
    guard let dtype = elementTypes[String(descr.dropFirst())], let order = descr.first else {
      throw .unsupportedVariant(path: path, found: "element type \(descr)")
    }
    switch order {
    case "<": return dtype
    case "|" where dtype.byteCount == 1: return dtype
    case ">" where dtype.byteCount == 1: return dtype
    case ">": throw .unsupportedVariant(path: path, found: "big-endian element type \(descr)")
    default: throw .unsupportedVariant(path: path, found: "element type \(descr)")
    }
  }

  /// Magic, version 1.0 and dictionary, padded with spaces to a multiple of 64 bytes.
  /// Nil for bfloat16, which NumPy cannot name.
  func encoded() -> [UInt8]? {
    guard let code = Self.elementTypes.first(where: { $0.value == dtype })?.key else { return nil }
    let order = dtype.byteCount == 1 ? "|" : "<"
    let extents = shape.count == 1 ? "(\(shape[0]),)" : "(\(shape.map(String.init).joined(separator: ", ")))"
    let dictionary = "{'descr': '\(order)\(code)', 'fortran_order': False, 'shape': \(extents), }"
    let fixedBytes = Self.magic.count + 4
    let unpadded = fixedBytes + dictionary.utf8.count + 1
    let padding = (64 - unpadded % 64) % 64
    let length = dictionary.utf8.count + padding + 1
    guard length <= UInt16.max else { return nil }
    return Self.magic + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + [UInt8](dictionary.utf8)
      + [UInt8](repeating: 0x20, count: padding) + [0x0A]
  }
}

/// Reads the Python dictionary literal of a `.npy` header and nothing beyond what NumPy writes there.
private struct PythonDictionary {
  enum Entry: Equatable {
    case text(String)
    case flag(Bool)
    case extents([Int])
    /// A list of fields.
    case structure
  }

  private var rest: Substring

  init(_ text: String) { rest = text[...] }

  /// The entries, or nil where the text is anything else, such as a key given twice.
  mutating func parse() -> [String: Entry]? {
    var entries: [String: Entry] = [:]
    guard skip("{") else { return nil }
    while !skip("}") {
      guard let key = quoted(), skip(":"), let value = value(), entries.updateValue(value, forKey: key) == nil else {
        return nil
      }
      if !skip(",") {
        guard skip("}") else { return nil }
        break
      }
    }
    return rest.allSatisfy(\.isWhitespace) ? entries : nil
  }

  private mutating func value() -> Entry? {
    if skip("True") { return .flag(true) }
    if skip("False") { return .flag(false) }
    if skip("(") { return extents().map { .extents($0) } }
    if skip("[") {
      rest = rest.drop { $0 != "]" }
      return skip("]") ? .structure : nil
    }
    return quoted().map { .text($0) }
  }

  private mutating func extents() -> [Int]? {
    var extents: [Int] = []
    while !skip(")") {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      guard let extent = Int(digits) else { return nil }
      rest = rest.dropFirst(digits.count)
      extents.append(extent)
      if !skip(",") { return skip(")") ? extents : nil }
    }
    return extents
  }

  private mutating func quoted() -> String? {
    for mark in ["'", "\""] where skip(mark) {
      let body = rest.prefix { String($0) != mark }
      rest = rest.dropFirst(body.count)
      return skip(mark) ? String(body) : nil
    }
    return nil
  }

  /// Skips white space, then `token` where it comes next.
  private mutating func skip(_ token: String) -> Bool {
    rest = rest.drop(while: \.isWhitespace)
    guard rest.hasPrefix(token) else { return false }
    rest = rest.dropFirst(token.count)
    return true
  }
}
