import Foundation

/// A model file taken apart before it is decoded: the message without the raw data of its
/// initializers, and where in the file each initializer's raw data lies.
///
/// A decoder would copy every `bytes` field; networks may be gigabytes. So this walks the wire format
/// (https://protobuf.dev/programming-guides/encoding/) down to ModelProto.graph.initializer.raw_data
/// and leaves those bytes where they are.
///
/// It also counts: an empty message takes two bytes in a file and hundreds when decoded, so a file may hold
/// `maximumFieldCount` fields of graphs and nodes and no more.
struct WeightSpans {
  /// Enough for a network of a hundred thousand nodes and more.
  static let maximumFieldCount = 1 << 21

  private var fieldCount = 0

  /// The ModelProto without initializer data.
  private(set) var message = Data()
  /// For each initializer in order, the range of its raw data in the file; nil where it has none.
  private(set) var spans: [Range<Int>?] = []

  init(_ file: UnsafeRawBufferPointer) throws(ONNXError) {
    var reader = WireReader(bytes: file, position: 0, end: file.count)
    while let field = try reader.next() {
      if field.number == 7, let payload = field.payload {
        Self.append(try slimGraph(file, payload), to: &message, tag: 7)
      } else {
        message.append(contentsOf: file[field.whole])
      }
    }
  }

  private mutating func slimGraph(_ file: UnsafeRawBufferPointer, _ range: Range<Int>) throws(ONNXError) -> Data {
    var graph = Data()
    var reader = WireReader(bytes: file, position: range.lowerBound, end: range.upperBound)
    while let field = try reader.next() {
      try count()
      if field.number == 5, let payload = field.payload {
        Self.append(try slimTensor(file, payload), to: &graph, tag: 5)
      } else {
        if field.number == 1, let node = field.payload { try countFields(file, node) }
        graph.append(contentsOf: file[field.whole])
      }
    }
    return graph
  }

  private mutating func slimTensor(_ file: UnsafeRawBufferPointer, _ range: Range<Int>) throws(ONNXError) -> Data {
    var tensor = Data()
    var rawData: Range<Int>?
    var reader = WireReader(bytes: file, position: range.lowerBound, end: range.upperBound)
    while let field = try reader.next() {
      if field.number == 9, let payload = field.payload {
        rawData = payload
      } else {
        tensor.append(contentsOf: file[field.whole])
      }
    }
    spans.append(rawData)
    return tensor
  }

  private mutating func count() throws(ONNXError) {
    fieldCount += 1
    guard fieldCount <= Self.maximumFieldCount else {
      throw .malformed(reason: "more than \(Self.maximumFieldCount) fields of nodes")
    }
  }

  private mutating func countFields(_ file: UnsafeRawBufferPointer, _ range: Range<Int>) throws(ONNXError) {
    var reader = WireReader(bytes: file, position: range.lowerBound, end: range.upperBound)
    while try reader.next() != nil { try count() }
  }

  private static func append(_ payload: Data, to message: inout Data, tag number: UInt8) {
    message.append(number << 3 | 2)
    message.appendVarint(payload.count)
    message.append(payload)
  }
}

/// Steps over the fields of one message.
private struct WireReader {
  struct Field {
    var number: UInt64
    /// From the tag to the end of the value.
    var whole: Range<Int>
    /// The contents of a length-delimited field.
    var payload: Range<Int>?
  }

  let bytes: UnsafeRawBufferPointer
  var position: Int
  let end: Int

  mutating func next() throws(ONNXError) -> Field? {
    guard position < end else { return nil }
    let start = position
    let tag = try varint()
    var payload: Range<Int>?
    switch tag & 7 {
    case 0: _ = try varint()
    case 1: try skip(8)
    case 2:
      let length = try varint()
      guard length <= UInt64(end - position) else { throw truncated }
      payload = position..<position + Int(length)
      position += Int(length)
    case 5: try skip(4)
    default: throw .malformed(reason: "unknown wire type \(tag & 7) at byte \(start)")
    }
    return Field(number: tag >> 3, whole: start..<position, payload: payload)
  }

  private var truncated: ONNXError { .malformed(reason: "a field runs over its end at byte \(position)") }

  private mutating func skip(_ count: Int) throws(ONNXError) {
    guard end - position >= count else { throw truncated }
    position += count
  }

  private mutating func varint() throws(ONNXError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard position < end else { throw truncated }
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw .malformed(reason: "a number of more than ten bytes at byte \(position)")
  }
}
