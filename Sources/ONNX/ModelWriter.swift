import Foundation
import HostTensors

/// Joins the messages of a model with its weights, tensor by tensor, so that no second copy of them is made.
struct ModelWriter {
  private let model: PartialFile
  /// Holds the data of large constants when they do not fit the model file.
  private let data: PartialFile?

  /// Constants below this many bytes stay in the model file; where a large one starts in the data file is
  /// a multiple of it, so that it can be mapped.
  private static let externalByteCount = 4096

  init(url: URL, dataName: String?) throws(ONNXError) {
    model = try PartialFile(url)
    data = try dataName.map { name throws(ONNXError) in
      try PartialFile(url.deletingLastPathComponent().appendingPathComponent(name))
    }
  }

  mutating func write(_ shell: ModelShell, constants: [NamedConstant]) throws(ONNXError) {
    var headers: [(header: Data, constant: NamedConstant?)] = []
    for constant in constants { headers.append(try header(constant)) }
    let graphByteCount = headers.reduce(shell.graph.count) { $0 + Self.framedByteCount($1) }
    try model.write(shell.model)
    try model.write(Self.tag(7, length: graphByteCount))
    try model.write(shell.graph)
    for entry in headers {
      try model.write(Self.tag(5, length: Self.payloadByteCount(entry)))
      try model.write(entry.header)
      if let tensor = entry.constant?.tensor {
        try model.write(Self.tag(9, length: tensor.byteCount))
        try tensor.withBytes { bytes throws(ONNXError) in try model.write(bytes) }
      }
    }
    try data?.finish()
    try model.finish()
  }

  /// The tensor without data, and the constant again when its data follows in the model file.
  private func header(_ constant: NamedConstant) throws(ONNXError) -> (Data, NamedConstant?) {
    var proto = constant.header
    guard let data, constant.tensor.byteCount >= Self.externalByteCount else {
      return (try serialized(proto), constant)
    }
    let offset = (data.byteCount + Self.externalByteCount - 1) / Self.externalByteCount * Self.externalByteCount
    try data.write(Data(count: offset - data.byteCount))
    try constant.tensor.withBytes { bytes throws(ONNXError) in try data.write(bytes) }
    proto.dataLocation = .external
    let entries = [
      ("location", data.name), ("offset", String(offset)), ("length", String(constant.tensor.byteCount)),
    ]
    proto.externalData = entries.map { key, value in
      var entry = Onnx_StringStringEntryProto()
      (entry.key, entry.value) = (key, value)
      return entry
    }
    return (try serialized(proto), nil)
  }

  private static func payloadByteCount(_ entry: (header: Data, constant: NamedConstant?)) -> Int {
    guard let tensor = entry.constant?.tensor else { return entry.header.count }
    return entry.header.count + tag(9, length: tensor.byteCount).count + tensor.byteCount
  }

  private static func framedByteCount(_ entry: (header: Data, constant: NamedConstant?)) -> Int {
    let payload = payloadByteCount(entry)
    return tag(5, length: payload).count + payload
  }

  /// The tag and the length of a length-delimited field with a number below 16.
  private static func tag(_ number: UInt8, length: Int) -> Data {
    var bytes = Data([number << 3 | 2])
    bytes.appendVarint(length)
    return bytes
  }
}

extension Data {
  /// A protobuf base-128 number, low groups first.
  mutating func appendVarint(_ value: Int) {
    var rest = UInt64(value)
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(rest))
  }
}

/// A file that appears under its name only when it is whole.
private final class PartialFile {
  private let path: String
  private let temporaryPath: String
  private let descriptor: Int32
  private var isFinished = false
  private(set) var byteCount = 0

  var name: String { (path as NSString).lastPathComponent }

  init(_ url: URL) throws(ONNXError) {
    path = url.path
    temporaryPath = path + ".partial-\(getpid())"
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      throw ONNXError.unwritable(path: url.path, reason: SystemFailure().text)
    }
  }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    if !isFinished { unlink(temporaryPath) }
  }

  func write(_ data: Data) throws(ONNXError) {
    let written = data.withUnsafeBytes { bytes in Result { () throws(ONNXError) in try write(bytes) } }
    try written.get()
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(ONNXError) {
    var rest = bytes
    while !rest.isEmpty {
      let count = Foundation.write(descriptor, rest.baseAddress, rest.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw .unwritable(path: path, reason: SystemFailure().text) }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
    byteCount += bytes.count
  }

  func finish() throws(ONNXError) {
    guard rename(temporaryPath, path) == 0 else { throw .unwritable(path: path, reason: SystemFailure().text) }
    isFinished = true
  }
}
