import EntropyCoding
import ModelFormat

/// A network section taken apart, so that tools can change what it holds and put it together again.
///
/// Tensors are coded again in a simple form: the stream means the same but is not the one it was.
package struct NetworkContents {
  package var program: [UInt8]
  package var metadata: [UInt8]
  package var golden: [UInt8]
  /// The coded tensors in their order, with the bytes of an element.
  package var tensors: [(bytes: [UInt8], width: Int)] = []

  /// Errors: those of the section, or of a program whose tensor table cannot be read.
  package init(_ file: FileView) throws {
    guard let section = file.section(.network) else {
      throw FormatError.missingSection(expected: SectionKind.network.rawValue)
    }
    let network = try NetworkSection(section)
    program = Array(network.program)
    metadata = Array(network.metadata)
    golden = Array(network.golden)
    var reader = WordReader(network.program)
    var header = ProgramHeader()
    try header.code(&reader)
    for _ in 0..<header.tensorCount {
      var record = TensorRecord()
      try record.code(&reader)
      guard record.placement == .coded, let count = record.byteCount else { continue }
      var bytes = [UInt8](repeating: 0, count: count)
      _ = try bytes.withUnsafeMutableBytes { try network.decodeTensor(into: $0, width: record.dtype.byteCount) }
      tensors.append((bytes, record.dtype.byteCount))
    }
    try network.finish()
  }

  /// The stream of a section with these contents.
  package func encoded() throws -> [UInt8] {
    var coder = ElementCoder(BitEncoder())
    var sizes = NetworkSizes(programBytes: program.count, metadataBytes: metadata.count, goldenBytes: golden.count)
    try sizes.code(&coder)
    for (part, width) in [(program, 4), (metadata, 1), (golden, 4)] {
      var part = part
      try part.withUnsafeMutableBytes { try coder.codeArray($0, width: width) }
    }
    for (bytes, width) in tensors {
      var bytes = bytes
      var plan = NetworkContents.plan(bytes, width: width)
      try bytes.withUnsafeMutableBytes { try coder.codeTensor($0, width: width, &plan) }
    }
    return coder.finish().finish()
  }

  /// A palette where it holds all elements, else the bytes.
  private static func plan(_ bytes: [UInt8], width: Int) -> ElementPlan {
    var palette: [ArraySlice<UInt8>] = []
    for start in stride(from: 0, to: bytes.count, by: width) {
      let element = bytes[start..<start + width]
      if !palette.contains(element) { palette.append(element) }
      if palette.count > 16 { return ElementPlan(width == 1 ? .small : .wide) }
    }
    return ElementPlan(.palette, palette: palette.flatMap { $0 })
  }
}
