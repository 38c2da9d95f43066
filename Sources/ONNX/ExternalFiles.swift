import Foundation

/// The files beside a model that hold tensor data, each mapped once.
///
/// ONNX: "External Data". A model names a file, an offset and a length; none of it is believed.
struct ExternalFiles {
  /// The model's directory; nil for a model read from memory.
  let directory: String?
  private var mapped: [String: FileBytes] = [:]

  init(directory: String?) { self.directory = directory }

  /// The file and the byte range of the tensor's data, which is exactly `byteCount` bytes.
  mutating func locate(
    _ proto: Onnx_TensorProto, byteCount: Int
  ) throws(ONNXError) -> (FileBytes, Range<Int>) {
    var entries: [String: String] = [:]
    for entry in proto.externalData { entries[entry.key] = entry.value }
    let location = entries["location"] ?? ""
    do throws(ExternalDataFault) {
      let file = try open(location)
      let offset = try Self.number("offset", in: entries) ?? 0
      if let length = try Self.number("length", in: entries), length != byteCount {
        throw ExternalDataFault.lengthMismatch(expected: byteCount, found: length)
      }
      guard offset <= file.bytes.count, byteCount <= file.bytes.count - offset else {
        throw ExternalDataFault.outOfBounds(
          offset: offset, byteCount: byteCount, fileByteCount: file.bytes.count)
      }
      return (file, offset..<offset + byteCount)
    } catch {
      throw .externalData(tensor: proto.name, location: location, reason: error)
    }
  }

  private mutating func open(_ location: String) throws(ExternalDataFault) -> FileBytes {
    guard let directory else { throw .noDirectory }
    guard !location.isEmpty else { throw .missingLocation }
    guard Self.staysInside(location) else { throw .forbiddenPath }
    if let file = mapped[location] { return file }
    do {
      let file = try FileBytes(mapping: directory + "/" + location)
      mapped[location] = file
      return file
    } catch {
      throw .unreadable(error.text)
    }
  }

  /// Relative, without a step upward. A NUL would cut the path short for the system.
  private static func staysInside(_ location: String) -> Bool {
    guard !location.hasPrefix("/"), !location.utf8.contains(0), !location.contains("\\") else { return false }
    return !location.split(separator: "/", omittingEmptySubsequences: false).contains("..")
  }

  private static func number(_ key: String, in entries: [String: String]) throws(ExternalDataFault) -> Int? {
    guard let text = entries[key] else { return nil }
    guard let number = Int(text), number >= 0 else { throw .invalidNumber(key: key, value: text) }
    return number
  }
}
