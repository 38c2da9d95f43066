/// A file of a folder that is left out, and why.
public struct SkippedSample: Sendable, Equatable {
  public var path: String
  public var error: DatasetError
}

/// Reads the files of one kind of folder, each of which is a sample.
protocol SampleFileReader: Sendable {
  /// The ends of the names of such files, in lower case.
  var suffixes: [String] { get }
  var storedLayout: ChannelLayout? { get }

  /// Extents of the sample in a file, from its header alone.
  func sampleShape(of file: FileBytes, path: String) throws(DatasetError) -> [Int]
  /// Writes the sample, whose extents are `shape`, or throws where the file has others.
  func decode(
    _ file: FileBytes, path: String, shape: [Int], into target: UnsafeMutableBufferPointer<Float>
  ) throws(DatasetError)
}

/// The files of a folder as samples of one shape.
struct FolderSamples: RawSamples {
  let path: String
  let sampleShape: [Int]
  let skipped: [SkippedSample]
  /// The places, among all files of the folder, of those that are samples.
  let places: [Int]
  private let files: [String]
  private let reader: any SampleFileReader

  /// Reads the header of every file; where damaged files are to be skipped, all of it.
  ///
  /// The first file that can be read fixes the shape. Throws what is wrong with the first file that is not
  /// skipped, among this `sampleShapeDiffers` and, for names with another ending, `unsupportedFormat`.
  init(
    _ folder: SampleFolder, reader: any SampleFileReader, onError: DatasetSpecification.DamagedFiles
  ) throws(DatasetError) {
    path = folder.path
    files = folder.files
    self.reader = reader
    var shape: [Int]?
    var places: [Int] = []
    var skipped: [SkippedSample] = []
    for (place, path) in folder.files.enumerated() {
      do {
        shape = try Self.checked(path, reader: reader, shape: shape, decodes: onError == .skip)
        places.append(place)
      } catch {
        guard onError == .skip else { throw error }
        skipped.append(SkippedSample(path: path, error: error))
      }
    }
    guard let shape else {
      throw .malformed(
        path: folder.path, field: "files", expected: "at least one of \(reader.suffixes.joined(separator: ", "))",
        found: skipped.isEmpty ? "none" : "\(skipped.count) that cannot be read, the first: \(skipped[0].error)")
    }
    sampleShape = shape
    self.places = places
    self.skipped = skipped
  }

  var sampleCount: Int { places.count }
  var storedLayout: ChannelLayout? { reader.storedLayout }
  var isInMemory: Bool { false }

  func decode(sample index: Int, into target: UnsafeMutableBufferPointer<Float>) throws(DatasetError) {
    let path = files[places[index]]
    try reader.decode(FileBytes(mapping: path), path: path, shape: sampleShape, into: target)
  }

  private static func checked(
    _ path: String, reader: any SampleFileReader, shape: [Int]?, decodes: Bool
  ) throws(DatasetError) -> [Int] {
    let name = path.lowercased()
    guard reader.suffixes.contains(where: name.hasSuffix) else {
      throw .unsupportedFormat(
        path: path, found: NamedFile.kindInWords(of: path), readable: DatasetError.readableFolders)
    }
    let file = try FileBytes(mapping: path)
    let found = try reader.sampleShape(of: file, path: path)
    if let shape, shape != found { throw .sampleShapeDiffers(path: path, expected: shape, found: found) }
    if decodes {
      let target = UnsafeMutableBufferPointer<Float>.allocate(capacity: found.reduce(1, *))
      defer { target.deallocate() }
      try reader.decode(file, path: path, shape: found, into: target)
    }
    return found
  }
}
