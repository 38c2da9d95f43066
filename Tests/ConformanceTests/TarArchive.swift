import Foundation

/// The files of a ustar archive, in memory.
struct TarArchive {
  /// Contents by path, in the order of the archive.
  private(set) var files: [(path: String, contents: Data)] = []

  enum Fault: Error {
    case truncated(offset: Int)
    case invalidSize(offset: Int)
  }

  /// Source: POSIX.1-1988 ustar: 512-byte blocks, a header and then the contents, padded.
  init(_ archive: Data) throws {
    var offset = 0
    while offset + 512 <= archive.count {
      let header = archive[(archive.startIndex + offset)..<(archive.startIndex + offset + 512)]
      let name = Self.text(header, 0, 100)
      if name.isEmpty { break }
      let prefix = Self.text(header, 345, 155)
      guard let size = Int(Self.text(header, 124, 12).trimmingCharacters(in: .whitespaces), radix: 8) else {
        throw Fault.invalidSize(offset: offset)
      }
      let start = archive.startIndex + offset + 512
      guard start + size <= archive.endIndex else { throw Fault.truncated(offset: offset) }
      // A copy, so that its indices begin at 0.
      files.append((prefix.isEmpty ? name : prefix + "/" + name, Data(archive[start..<start + size])))
      offset += 512 + (size + 511) / 512 * 512
    }
  }

  private static func text(_ header: Data, _ offset: Int, _ count: Int) -> String {
    let start = header.startIndex + offset
    return String(decoding: header[start..<start + count].prefix { $0 != 0 }, as: UTF8.self)
  }
}
