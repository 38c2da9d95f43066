/// The lines of a text file, plain or gzip: bytes between line feeds, without a carriage return before one.
struct TextLines {
  /// A line longer than this is no sentence, and its tokens alone would fill memory.
  static let longestLineBytes = 1 << 20

  private let path: String
  private let contents: ByteRegion

  init(_ region: ByteRegion, path: String) throws(DatasetError) {
    self.path = path
    contents = try ByteCursor.wholeContents(of: region, path: path)
  }

  /// Calls `body` with each line and its number, from 1; an empty last line is none.
  ///
  /// Throws `malformed` for a line that is too long or is not UTF-8.
  func read(_ body: (String, Int) throws(DatasetError) -> Void) throws(DatasetError) {
    try contents.withBytes { (bytes) throws(DatasetError) in
      // A mark of byte order says nothing in UTF-8 and is no part of the text.
      var start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
      var number = 0
      while start < bytes.count {
        number += 1
        let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
        let isReturned = end > start && bytes[end - 1] == 0x0D
        try body(line(UnsafeRawBufferPointer(rebasing: bytes[start..<(isReturned ? end - 1 : end)]), number), number)
        start = end + 1
      }
    }
  }

  private func line(_ bytes: UnsafeRawBufferPointer, _ number: Int) throws(DatasetError) -> String {
    guard bytes.count <= Self.longestLineBytes else {
      throw .malformed(
        path: path, field: "line \(number)", expected: "at most \(Self.longestLineBytes) bytes",
        found: String(bytes.count))
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .malformed(path: path, field: "line \(number)", expected: "UTF-8", found: "other bytes")
    }
    return text
  }
}
