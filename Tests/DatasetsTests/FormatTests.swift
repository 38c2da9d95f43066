import Datasets
import HostTensors
import Testing

struct FormatTests {
  private static let float32: [UInt8] = ([1.5, -2, 0.25] as [Float]).flatMap { bigEndian($0.bitPattern) }
  private static let float64: [UInt8] = ([1.5, -2, 0.25] as [Double]).flatMap { bigEndian($0.bitPattern) }
  static let elementTypes: [(type: UInt8, elements: [UInt8], expected: [Float])] = [
    (0x08, [0, 200, 255], [0, 200, 255]), (0x09, [0, 0x80, 0xFF], [0, -128, -1]),
    (0x0B, [0xFF, 0xFE, 0x01, 0x00, 0, 7], [-2, 256, 7]),
    (0x0C, [0xFF, 0xFF, 0xFF, 0xFE, 0, 1, 0, 0, 0, 0, 0, 7], [-2, 65_536, 7]), (0x0D, float32, [1.5, -2, 0.25]),
    (0x0E, float64, [1.5, -2, 0.25]),
  ]

  @Test(arguments: elementTypes)
  func idxElementsOfEachTypeAreReadBigEndian(type: UInt8, elements: [UInt8], expected: [Float]) throws {
    let scratch = try Scratch()
    let bytes = idx(type: type, shape: [1, 3], elements: elements)
    for (name, contents) in [("a-idx2", bytes), ("a-idx2.gz", gzip(bytes)), ("unnamed", bytes)] {
      try scratch.write(contents, as: name)
      let dataset = try scratch.open("inputs: \(name)")
      #expect(try dataset.sample(0).floats == expected)
    }
  }

  @Test(arguments: [
    ("inputs: a.npz\nlabels: a.npz", NumPyArchive.deflated), ("inputs: a.npz\nlabels: a.npz", NumPyArchive.stored),
    ("inputs: a.npz#x\nlabels: a.npz#y", NumPyArchive.stored),
  ])
  func archiveMembersAreFoundByNameOrDefault(yaml: String, archive: String) throws {
    let scratch = try Scratch()
    try scratch.write(base64(archive), as: "a.npz")
    let dataset = try scratch.open(yaml)
    #expect(dataset.rawSampleShape == [2, 2, 3])
    #expect(try dataset.sample(1).floats == (12..<24).map { Float($0) })
    #expect([dataset.label(0), dataset.label(1)] == [1, 0])
  }

  @Test func anArchiveWithoutTheMemberListsThoseItHas() throws {
    let scratch = try Scratch()
    let path = try scratch.write(base64(NumPyArchive.stored), as: "a.npz")
    #expect(throws: DatasetError.memberNotFound(path: path, name: "z", available: ["x", "y"])) {
      try scratch.open("inputs: a.npz#z")
    }
  }

  @Test func aChangedByteInAnArchiveFailsItsChecksum() throws {
    let scratch = try Scratch()
    var bytes = try base64(NumPyArchive.stored)
    // The first element of x stands 128 bytes after its local header of 55 bytes.
    bytes[55 + 128] ^= 1
    let path = try scratch.write(bytes, as: "a.npz")
    #expect(throws: DatasetError.corrupt(path: "\(path)#x.npy", reason: "the CRC-32 differs")) {
      try scratch.open("inputs: a.npz")
    }
  }

  @Test func theLayoutMovesChannelsFromWhereTheyAreStored() throws {
    let scratch = try Scratch()
    try scratch.write(base64(NumPyArchive.stored), as: "a.npz")
    let asStored = try scratch.open("inputs: a.npz\npreprocess: { layout: NCHW }")
    #expect(asStored.sampleShape == [2, 2, 3])
    #expect(try asStored.sample(0).floats == (0..<12).map { Float($0) })
    let moved = try scratch.open(
      "inputs: a.npz\npreprocess: { layout: NCHW, stored: NHWC, scale: 2, offset: 1, mean: [0, 1, 2], std: [1, 2, 4] }")
    #expect(moved.sampleShape == [3, 2, 2])
    // Raw value 3p + c of position p and channel c becomes (2 (3p + c) + 1 - c) / 2^c.
    let found = try moved.sample(0).floats
    for c in 0..<3 {
      for p in 0..<4 { #expect(found[c * 4 + p] == Float(2 * (3 * p + c) + 1 - c) / Float(1 << c)) }
    }
    let back = try scratch.open("inputs: a.npz\npreprocess: { layout: NHWC, stored: NCHW }")
    #expect(back.sampleShape == [2, 3, 2])
    #expect(try back.sample(0).floats == [0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11])
  }

  @Test func meanMustHaveOneEntryOrOneForEachChannel() throws {
    let scratch = try Scratch()
    try scratch.write(base64(NumPyArchive.stored), as: "a.npz")
    #expect(
      throws: DatasetError.channelCountDiffers(key: "preprocess.mean", entries: 2, sampleShape: [2, 2, 3], channels: 3)
    ) { try scratch.open("inputs: a.npz\npreprocess: { layout: NHWC, mean: [1, 2] }") }
    #expect(
      throws: DatasetError.missingKey(
        path: "\(scratch.path("a.npz"))#x", key: "preprocess.layout (mean and std are per channel)")
    ) { try scratch.open("inputs: a.npz\npreprocess: { mean: [1, 2, 3] }") }
  }

  @Test func aCifarFileIsWholeRecordsWithLabelsBelowTen() throws {
    let scratch = try Scratch()
    let record = [UInt8(9)] + (0..<3_072).map { UInt8(truncatingIfNeeded: $0) }
    try scratch.write(record + record, as: "a.bin")
    let dataset = try scratch.open("inputs: a.bin\nrange: [1, 2]")
    #expect(dataset.count == 1)
    #expect(dataset.label(0) == 9)
    #expect(try dataset.sample(0).floats == record.dropFirst().map { Float($0) })

    let path = try scratch.write(record + [0], as: "a.bin")
    #expect(
      throws: DatasetError.malformed(
        path: path, field: "length in bytes", expected: "a multiple of 3073", found: "3074")
    ) { try scratch.open("inputs: a.bin") }
    try scratch.write([10] + record.dropFirst(), as: "a.bin")
    #expect(throws: DatasetError.labelOutOfRange(path: path, index: 0, label: "10", classes: 10)) {
      try scratch.open("inputs: a.bin")
    }
  }

  @Test func aNumberTableMayHaveAHeadingAndLabelsInItsLastColumn() throws {
    let scratch = try Scratch()
    try scratch.write("width, height, kind\r\n1, 2.5, cat\r\n\r\n-3, 4e1, dog\r\n", as: "a.csv")
    let dataset = try scratch.open("inputs: a.csv\nlabels: last-column\nclasses: [dog, cat]")
    #expect(dataset.count == 2)
    #expect(try dataset.sample(0).floats == [1, 2.5])
    #expect(try dataset.sample(1).floats == [-3, 40])
    #expect([dataset.label(0), dataset.label(1)] == [1, 0])

    try scratch.write("1\t2\t0.5\n3\t4\t0.25", as: "a.tsv")
    let regression = try scratch.open("inputs: a.tsv\nlabels: last-column\npreprocess: { mean: [1, 2], std: [2, 2] }")
    #expect(try regression.sample(1).floats == [1, 1])
    #expect(regression.label(0) == nil)
    #expect(regression.target(1) == [0.25])
    #expect(regression.targetWidth == 1)
  }

  @Test func aTableOfTextAndARaggedOneAreRefusedWithTheirLine() throws {
    let scratch = try Scratch()
    let text = try scratch.write("one long string\t0\nanother\t1\n", as: "a.tsv")
    #expect(throws: DatasetError.notANumber(path: text, line: 1, column: 1, found: "one long string")) {
      try scratch.open("inputs: a.tsv")
    }
    let ragged = try scratch.write("1,2\n3,4,5\n", as: "a.csv")
    #expect(throws: DatasetError.raggedRow(path: ragged, line: 2, expectedCells: 2, foundCells: 3)) {
      try scratch.open("inputs: a.csv")
    }
  }

  @Test func labelsComeFromEveryFormatAndMustMatchTheSamples() throws {
    let scratch = try Scratch()
    try scratch.write("1\n2\n3\n", as: "x.csv")
    try scratch.write("2\ncat\n0\n", as: "y.txt")
    try scratch.write(idx(type: 8, shape: [3], elements: [2, 1, 0]), as: "y-idx1")
    try Npy.write(Tensor(shape: [3, 1], elements: [2, 1, 0] as [Int64]), to: scratch.path("y.npy"))
    for name in ["y.txt", "y-idx1", "y.npy"] {
      let dataset = try scratch.open("inputs: x.csv\nlabels: \(name)\nclasses: [dog, cat, cow]\nrange: [1, 3]")
      #expect([dataset.label(0), dataset.label(1)] == [1, 0])
    }
    try Npy.write(Tensor(shape: [3, 2], elements: [0, 1, 2, 3, 4, 5] as [Float]), to: scratch.path("t.npy"))
    #expect(try scratch.open("inputs: x.csv\nlabels: t.npy\nrange: [1, 3]").target(0) == [2, 3])

    let short = try scratch.write("0\n1", as: "short.txt")
    #expect(throws: DatasetError.labelCountDiffers(path: short, labels: 2, samples: 3)) {
      try scratch.open("inputs: x.csv\nlabels: short.txt")
    }
    let npy = scratch.path("y.npy")
    #expect(throws: DatasetError.labelOutOfRange(path: npy, index: 0, label: "2", classes: 2)) {
      try scratch.open("inputs: x.csv\nlabels: y.npy\nclasses: [dog, cat]")
    }
    let negative = try scratch.write("0\n1\n-1", as: "negative.txt")
    #expect(throws: DatasetError.labelOutOfRange(path: negative, index: 2, label: "-1", classes: 1 << 24)) {
      try scratch.open("inputs: x.csv\nlabels: negative.txt")
    }
  }

  @Test func samplesOutsideTheFileOrOfAnotherSizeAreTypedErrors() throws {
    let scratch = try Scratch()
    let path = try scratch.write("1,2\n3,4\n", as: "x.csv")
    let dataset = try scratch.open("inputs: x.csv")
    #expect(throws: DatasetError.sampleOutOfRange(index: 2, samples: 2)) { try dataset.sample(2) }
    #expect(throws: DatasetError.shapeMismatch(path: path, sampleShape: [2], inputShape: [1, 3])) {
      try dataset.sample(0, shapedFor: [1, 3])
    }
    #expect(throws: DatasetError.shapeMismatch(path: path, sampleShape: [2], inputShape: [1 << 62, 1 << 62])) {
      try dataset.sample(0, shapedFor: [1 << 62, 1 << 62])
    }
    #expect(throws: DatasetError.rangeOutOfBounds(path: path, from: 0, to: 3, samples: 2)) {
      try scratch.open("inputs: x.csv\nrange: [0, 3]")
    }
  }

  @Test(arguments: [
    ("cat.png", "an image file"), ("dog.wav", "a sound file"), ("words.txt", "text"),
    ("thing.dat", "a file of unknown format"),
  ])
  func formatsThatAreNotReadAreRefusedByName(name: String, found: String) throws {
    let scratch = try Scratch()
    let path = try scratch.write("something or other", as: name)
    #expect {
      try scratch.open("inputs: \(name)")
    } throws: { error in
      guard case DatasetError.unsupportedFormat(path, found, let readable) = error else { return false }
      return readable.contains("idx")
    }
    try scratch.write("1,2", as: "a.csv")
    #expect {
      try scratch.open("inputs: a.csv\nlabels: .")
    } throws: { error in
      guard case DatasetError.unsupportedFormat(_, "a folder", _) = error else { return false }
      return true
    }
  }
}
