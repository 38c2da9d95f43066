import TensorTypes

/// What the dictionary of a `.npy` header says.
struct NumPyFields {
  var dtype = DType.float32
  var rank = 0
  var shape = InlineArray<8, Int>(repeating: 1)
  var count = 1
  var isFortranOrder = false
}

/// Reads the Python literal that a `.npy` header is: a dictionary of exactly three keys in any order.
struct NumPyHeaderParser {
  private let bytes: UnsafeRawBufferPointer
  private var position: Int
  private let end: Int
  private var fields = NumPyFields()

  init(_ bytes: UnsafeRawBufferPointer, from start: Int, to end: Int) {
    self.bytes = bytes
    position = start
    self.end = end
  }

  private var malformed: NumPyError { .malformedHeader(offset: position) }

  /// The next byte that is not a blank, without taking it; 0 at the end.
  private mutating func peek() -> UInt8 {
    while position < end, bytes[position] == 0x20 || bytes[position] == 0x0a { position += 1 }
    return position < end ? bytes[position] : 0
  }

  private mutating func skip(_ byte: UInt8) -> Bool {
    guard peek() == byte, position < end else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ byte: UInt8) throws(NumPyError) {
    guard skip(byte) else { throw malformed }
  }

  mutating func parse() throws(NumPyError) -> NumPyFields {
    try expect(UInt8(ascii: "{"))
    var seen: UInt8 = 0
    while !skip(UInt8(ascii: "}")) {
      let key = try text()
      try expect(UInt8(ascii: ":"))
      let bit: UInt8
      if equals(key, "descr") {
        bit = 1
        fields.dtype = try type()
      } else if equals(key, "fortran_order") {
        bit = 2
        fields.isFortranOrder = try boolean()
      } else if equals(key, "shape") {
        bit = 4
        try readShape()
      } else {
        throw malformed
      }
      guard seen & bit == 0 else { throw malformed }
      seen |= bit
      guard skip(UInt8(ascii: ",")) || peek() == UInt8(ascii: "}") else { throw malformed }
    }
    guard seen == 7, peek() == 0, position == end else { throw malformed }
    try checkOrder()
    return fields
  }

  /// With one extent at most that is not 1, both orders are the same.
  private func checkOrder() throws(NumPyError) {
    guard fields.isFortranOrder else { return }
    var long = 0
    for axis in 0..<fields.rank where fields.shape[axis] != 1 { long += 1 }
    guard long <= 1 else { throw .fortranOrder }
  }

  /// A text between single or double quotation marks, as a range of the file.
  private mutating func text() throws(NumPyError) -> Range<Int> {
    let quote = peek()
    guard quote == 0x27 || quote == 0x22 else { throw malformed }
    position += 1
    let start = position
    while position < end, bytes[position] != quote { position += 1 }
    guard position < end else { throw malformed }
    position += 1
    return start..<position - 1
  }

  private func equals(_ range: Range<Int>, _ text: StaticString) -> Bool {
    guard range.count == text.utf8CodeUnitCount else { return false }
    for index in 0..<range.count where bytes[range.lowerBound + index] != text.utf8Start[index] { return false }
    return true
  }

  private mutating func type() throws(NumPyError) -> DType {
    // A list here describes a structured type.
    guard peek() != UInt8(ascii: "[") else { throw .unsupportedType }
    let range = try text()
    guard range.count == 3 else { throw .unsupportedType }
    let order = bytes[range.lowerBound]
    let kind = bytes[range.lowerBound + 1]
    let size = bytes[range.lowerBound + 2]
    let isOneByte = size == UInt8(ascii: "1")
    guard order == UInt8(ascii: "<") || (order == UInt8(ascii: "|") && isOneByte) else { throw .unsupportedType }
    switch (kind, size) {
    case (UInt8(ascii: "f"), UInt8(ascii: "4")): return .float32
    case (UInt8(ascii: "u"), UInt8(ascii: "1")): return .uint8
    case (UInt8(ascii: "i"), UInt8(ascii: "1")): return .int8
    case (UInt8(ascii: "i"), UInt8(ascii: "4")): return .int32
    case (UInt8(ascii: "i"), UInt8(ascii: "8")): return .int64
    case (UInt8(ascii: "b"), UInt8(ascii: "1")): return .bool
    default: throw .unsupportedType
    }
  }

  private mutating func boolean() throws(NumPyError) -> Bool {
    _ = peek()
    let start = position
    while position < end, bytes[position] >= UInt8(ascii: "A") { position += 1 }
    if equals(start..<position, "True") { return true }
    if equals(start..<position, "False") { return false }
    throw malformed
  }

  private mutating func readShape() throws(NumPyError) {
    try expect(UInt8(ascii: "("))
    while !skip(UInt8(ascii: ")")) {
      guard fields.rank < NumPyHeader.maximumRank else { throw .tooManyDimensions(limit: NumPyHeader.maximumRank) }
      let extent = try number()
      let (product, overflow) = fields.count.multipliedReportingOverflow(by: extent)
      guard !overflow else { throw .shapeTooLarge }
      fields.shape[fields.rank] = extent
      fields.rank += 1
      fields.count = product
      guard skip(UInt8(ascii: ",")) || peek() == UInt8(ascii: ")") else { throw malformed }
    }
  }

  private mutating func number() throws(NumPyError) -> Int {
    _ = peek()
    let start = position
    var value = 0
    while position < end, bytes[position] >= 0x30, bytes[position] <= 0x39 {
      let (tens, tooLarge) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflow) = tens.addingReportingOverflow(Int(bytes[position] - 0x30))
      guard !tooLarge, !overflow else { throw .shapeTooLarge }
      value = sum
      position += 1
    }
    guard position > start else { throw malformed }
    return value
  }
}
